using System.Runtime.CompilerServices;
using CudaNet.IO;
using NUnit.Framework;

namespace CudaNet.Tests.IO;

/// <summary>Reads files that NumPy itself wrote, by tests/golden/make_npz.py.</summary>
public sealed class NumpyFilesTests
{
    [Test]
    public void Files_of_numpy_are_read([Values("numpy.npz", "numpy_compressed.npz")] string name)
    {
        Dictionary<string, NamedArray> arrays = Npz.Read(Path.Combine(GoldenFolder(), name)).ToDictionary(a => a.Name);
        Assert.That(arrays, Has.Count.EqualTo(9));
        foreach (string key in new[] { "f4", "f8_big", "f2", "i8_fortran", "i4_big_fortran", "u1", "b1" })
        {
            Assert.That(arrays[key].Shape, Is.EqualTo(new long[] { 2, 3, 4 }), key);
        }

        Assert.Multiple(() =>
        {
            for (int i = 0; i < 24; i++)
            {
                Assert.That(BitConverter.ToSingle(arrays["f4"].Bytes, 4 * i), Is.EqualTo(i / 8f));
                Assert.That(BitConverter.ToDouble(arrays["f8_big"].Bytes, 8 * i), Is.EqualTo(i / 8.0));
                Assert.That(BitConverter.ToHalf(arrays["f2"].Bytes, 2 * i), Is.EqualTo((Half)i));
                Assert.That(BitConverter.ToInt64(arrays["i8_fortran"].Bytes, 8 * i), Is.EqualTo(i));
                Assert.That(BitConverter.ToInt32(arrays["i4_big_fortran"].Bytes, 4 * i), Is.EqualTo(i));
                Assert.That(arrays["u1"].Bytes[i], Is.EqualTo(i));
                Assert.That(arrays["b1"].Bytes[i], Is.EqualTo(i % 3 == 0 ? 1 : 0));
            }

            Assert.That(arrays["scalar"].Shape, Is.Empty);
            Assert.That(BitConverter.ToSingle(arrays["scalar"].Bytes), Is.EqualTo(2.5f));
            Assert.That(arrays["empty"].Shape, Is.EqualTo(new long[] { 2, 0, 4 }));
        });
    }

    // From the sources' place, or upwards from the binaries when paths were mapped at build time.
    private static string GoldenFolder([CallerFilePath] string source = "")
    {
        string[] starts = [Path.GetDirectoryName(source) ?? "", TestContext.CurrentContext.TestDirectory];
        foreach (string start in starts.Where(Directory.Exists))
        {
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                string golden = Path.Combine(folder.FullName, "tests", "golden");
                if (Directory.Exists(golden))
                {
                    return golden;
                }
            }
        }

        throw new DirectoryNotFoundException($"No tests/golden above {string.Join(" or ", starts)}.");
    }
}
