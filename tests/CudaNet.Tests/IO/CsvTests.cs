using System.Text;
using CudaNet.IO;

namespace CudaNet.Tests.IO;

[TestFixture]
public sealed class CsvTests
{
    [Test]
    public void Columns_get_the_type_of_what_they_hold()
    {
        var table = Read("id,height,name,missing\n1,1.5,Ada,\n-2,2e1,\"B, \"\"b\"\"\",7\n3,,Ada,8\n");
        Assert.That(table.Rows, Is.EqualTo(3));
        Assert.That(
            table.Columns.Select(column => column.Name),
            Is.EqualTo(new[] { "id", "height", "name", "missing" })
        );
        Assert.That(table["id"].Values.ToTensor().ToArray<long>(), Is.EqualTo(new long[] { 1, -2, 3 }));
        Assert.That(table["height"].Values.ToTensor().ToArray<float>(), Is.EqualTo(new[] { 1.5f, 20f, float.NaN }));
        Assert.That(table["name"].Categories, Is.EqualTo(new[] { "Ada", "B, \"b\"" }));
        Assert.That(table["name"].Values.ToTensor().ToArray<long>(), Is.EqualTo(new long[] { 0, 1, 0 }));
        Assert.That(table["missing"].Values.ToTensor().ToArray<float>(), Is.EqualTo(new[] { float.NaN, 7f, 8f }));
    }

    [TestCase("a,b\r\n1,2\r\n3,4\r\n")]
    [TestCase("a,b\n1,2\n3,4")]
    [TestCase("a,b\r1,2\r3,4\r")]
    [TestCase("\uFEFFa,b\n\n1,2\n\n\n3,4\n\n")]
    [TestCase("\"a\",\"b\"\n\"1\",2\n3,\"4\"\n")]
    public void Line_ends_quotes_and_marks_do_not_matter(string text)
    {
        var table = Read(text);
        Assert.That(table.Columns.Select(column => column.Name), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(table.Matrix().ToTensor().ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void Quoted_fields_may_hold_line_ends()
    {
        var table = Read("text,n\n\"two\nlines\",1\n\"\",2\n");
        Assert.That(table["text"].Categories, Is.EqualTo(new[] { "two\nlines", "" }));
    }

    [Test]
    public void Types_and_separators_can_be_asked_for()
    {
        var options = new CsvOptions
        {
            Separator = ';',
            HasHeader = false,
            Types = new Dictionary<string, DType>
            {
                ["0"] = DType.Float64,
                ["1"] = DType.Bool,
                ["2"] = DType.UInt8,
            },
        };
        var table = Csv.Read(Stream("1;true;255\n2;0;0\n"), "x.csv", options);
        Assert.That(table["0"].Values.ToTensor().ToArray<double>(), Is.EqualTo(new double[] { 1, 2 }));
        Assert.That(table["1"].Values.ToTensor().ToArray<bool>(), Is.EqualTo(new[] { true, false }));
        Assert.That(table["2"].Values.ToTensor().ToArray<byte>(), Is.EqualTo(new byte[] { 255, 0 }));
        Refuses("1;maybe;3\n", "line 1, column '1'", "maybe", options);
        Refuses("1;1;256\n", "column '2'", "256", options);
        Assert.Throws<KeyNotFoundException>(() => _ = table["3"]);
    }

    [Test]
    public void Chosen_columns_become_a_matrix_of_rows()
    {
        var table = Read("a,b,c\n1,2.5,x\n3,4.5,y\n");
        var matrix = table.Matrix(["b", "c", "a"]);
        Assert.That(matrix.Shape, Is.EqualTo(new long[] { 2, 3 }));
        Assert.That(matrix.ToTensor().ToArray<float>(), Is.EqualTo(new[] { 2.5f, 0, 1, 4.5f, 1, 3 }));
    }

    [TestCase("", "line 1", "empty")]
    [TestCase("a,b\n1\n", "line 2", "found 1")]
    [TestCase("a,b\n1,2\n\n1,2,3\n", "line 4", "found 3")]
    [TestCase("a,a\n", "line 1", "twice")]
    [TestCase("a\n\"x\n", "line 2", "end of the file")]
    [TestCase("a\n\"x\"y\n", "line 2", "0x79")]
    public void Faults_are_named_with_their_line(string text, string where, string found) =>
        Refuses(text, where, found);

    [Test]
    public void Text_that_is_not_UTF8_is_refused() =>
        Assert.That(
            Assert
                .Throws<CorruptFileException>(() =>
                    Csv.Read(new MemoryStream([(byte)'a', (byte)'\n', 0xE4, (byte)'\n']))
                )!
                .Message,
            Does.Contain("UTF-8").And.Contain("line 2")
        );

    [Test]
    public void Memory_is_at_most_four_times_the_file()
    {
        var text = new StringBuilder("a,b,c\n");
        for (var i = 0; i < 50_000; i++)
            text.Append(i % 10).Append(",0.5,").Append(i % 3 == 0 ? "x" : "y").Append('\n');
        var file = Stream(text.ToString());
        var before = GC.GetAllocatedBytesForCurrentThread();
        Csv.Read(file);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 * file.Length + (1 << 16)));
    }

    private static MemoryStream Stream(string text) => new(Encoding.UTF8.GetBytes(text));

    private static CsvTable Read(string text) => Csv.Read(Stream(text));

    private static void Refuses(string text, string where, string found, CsvOptions? options = null) =>
        Assert.That(
            Assert.Throws<CorruptFileException>(() => Csv.Read(Stream(text), "x.csv", options))!.Message,
            Does.StartWith("x.csv: ").And.Contain(where).And.Contain(found)
        );
}
