using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>The table of registers, spills and wide loads, from what cuobjdump prints.</summary>
[TestFixture]
public sealed class ResourceTableTests
{
    private const string Usage = """
        Fatbin elf code:
        ================
        arch = sm_80
        code version = [1,7]
        identifier = /somewhere/kernels/norm/rows.cu

        Resource usage:
         Function _Z4rowsIfEvPKf:
          REG:31 STACK:0 SHARED:128 LOCAL:0 CONSTANT[0]:520
         Function _Z4rowsIdEvPKd:
          REG:40 STACK:8 SHARED:256 LOCAL:0 CONSTANT[0]:520
        """;

    private const string Code = """
        .section .text._Z4rowsIfEvPKf,"ax",@progbits
                /*0010*/                   LDG.E.128.CONSTANT R4, [R2.64] ;
                /*0020*/              @!P0 LDG.E.64 R4, [R2.64] ;
                /*0030*/                   HMMA.16816.F32 R4, R4, R8, R12 ;
        .section .text._Z4rowsIdEvPKd,"ax",@progbits
                /*0010*/                   STL [R1], R4 ;
                /*0020*/              @P1  LDL R4, [R1] ;
                /*0030*/                   LDGSTS.E.BYPASS.128 [R4], [R2.64] ;
        .section .text._Z9elsewherev,"ax",@progbits
                /*0010*/                   STL [R1], R4 ;
        """;

    private static IReadOnlyList<KernelResources> Rows()
    {
        var reader = new ResourceReader();
        foreach (var line in Usage.Split('\n'))
            reader.ReadUsage(line);
        foreach (var line in Code.Split('\n'))
            reader.ReadCode(line, "sm_80");
        return reader.Rows(
            new Dictionary<string, string>
            {
                ["_Z4rowsIfEvPKf"] = "void (anonymous namespace)::rows<float>(float const*)",
                ["_Z4rowsIdEvPKd"] = "void (anonymous namespace)::rows<double>(double const*)",
            }
        );
    }

    [Test]
    public void InstancesOfATemplateAreOneRow() =>
        Assert.That(
            Rows(),
            Is.EqualTo([
                new KernelResources("kernels/norm/rows.cu", "rows", "sm_80")
                {
                    Instances = 2,
                    Registers = 40,
                    Stack = 8,
                    Shared = 256,
                    LocalAccesses = 2,
                    WideLoads = 2,
                    TensorCore = 1,
                },
            ])
        );

    [TestCase("", "has 2 accesses to local memory and no reason")]
    [TestCase("kernels/norm/rows.cu | rows |", "has 2 accesses to local memory and no reason")]
    [TestCase("kernels/norm/rows.cu | rows | division in double", null)]
    [TestCase("# rows\nkernels/norm/rows.cu | rows | so\nkernels/a.cu | b | so", "uses no local memory")]
    public void EverySpillHasAReason(string reasons, string? complaint) =>
        Assert.That(
            ResourceTable.FindSpills(Rows(), reasons.Split('\n')),
            complaint is null ? Is.Empty : Has.Exactly(1).Contains(complaint)
        );

    [Test]
    public void DifferencesAreToldByFileAndRow()
    {
        var table = ResourceTable.Write(Rows(), "nvcc 11.8.89");
        var other = ResourceTable.Write([Rows()[0] with { Registers = 41 }], "nvcc 11.8.89");
        Assert.That(ResourceTable.Compare(table, table), Is.Empty);
        Assert.That(
            ResourceTable.Compare(table, other),
            Is.EqualTo([
                "- kernels/norm/rows.cu | rows | sm_80 | 2 | 40 | 8 | 256 | 2 | 2 | 1 |",
                "+ kernels/norm/rows.cu | rows | sm_80 | 2 | 41 | 8 | 256 | 2 | 2 | 1 |",
            ])
        );
        Assert.That(ResourceTable.Compare(table, ResourceTable.Write([], "nvcc 12.4.1")), Is.Empty);
    }
}
