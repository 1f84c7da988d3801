// A program that has device memory and a stream of its own, as an application of CUDA does, and uses CudaNet on them.
//
//   ./build.sh --target=Pack
//   dotnet run --project samples/csharp              the kernels on the CPU (simt)
//   dotnet run --project samples/csharp -- cuda:0    on a GPU
using System.Runtime.InteropServices;
using CudaNet;

const int Rows = 4;
const int Columns = 100;
const long Bytes = Rows * Columns * sizeof(float);

var device = Device.Parse(args.Length > 0 ? args[0] : "simt");
var theirs = Foreign.Load(device);

// What the application owns: here from cudanet.h; on a GPU cudaMalloc's pointers and a cudaStream_t do as well.
var (memory, queue) = (theirs.Allocate(Bytes), theirs.CreateStream());
var host = Enumerable.Range(0, Rows * Columns).Select(i => MathF.Sin(i)).ToArray();
theirs.Upload(memory, host, queue);

float[] result;
using (var stream = CudaStream.FromHandle(device, queue))
using (stream.Activate())
{
    // Their pointer and stream in: no copy, and everything is ordered behind the upload.
    var input = Tensor.FromDevicePointer(memory, new Shape(Rows, Columns), DType.Float32, device);
    var output = input.Softmax(-1);

    // Our pointer out: they read what is at it, in the same stream.
    result = theirs.Download(output.DevicePointer, Rows * Columns, queue);
    GC.KeepAlive(output);
}
theirs.Release(memory, queue);

var worst = 0.0;
for (var row = 0; row < Rows; row++)
{
    var sum = Enumerable.Range(0, Columns).Sum(column => Math.Exp(host[row * Columns + column]));
    for (var i = row * Columns; i < (row + 1) * Columns; i++)
        worst = Math.Max(worst, Math.Abs(result[i] - Math.Exp(host[i]) / sum));
}
Console.WriteLine($"{device}: softmax of {Rows} rows in foreign memory, largest error {worst:E1}");
return worst < 1e-7 ? 0 : 1;

/// <summary>The application's side: memory and a stream that CudaNet did not make.</summary>
internal sealed unsafe class Foreign
{
    private const int HostToDevice = 0;
    private const int DeviceToHost = 1;

    private readonly nint _library;

    private Foreign(nint library) => _library = library;

    public static Foreign Load(Device device)
    {
        var name = $"libcudanet_{device.Name.Split(':')[0]}.so";
        return new(NativeLibrary.Load(name, typeof(Foreign).Assembly, DllImportSearchPath.AssemblyDirectory));
    }

    public nint Allocate(long bytes)
    {
        nint pointer;
        var function = (delegate* unmanaged<int, long, nint, nint*, int>)Find("cn_alloc");
        Check(function(0, bytes, 0, &pointer));
        return pointer;
    }

    public nint CreateStream()
    {
        nint stream;
        Check(((delegate* unmanaged<int, nint*, int>)Find("cn_stream_create"))(0, &stream));
        return stream;
    }

    public void Upload(nint to, float[] values, nint stream)
    {
        fixed (float* from = values)
            Copy(to, (nint)from, values.Length * sizeof(float), HostToDevice, stream);
        Wait(stream);
    }

    public float[] Download(nint from, int count, nint stream)
    {
        var values = new float[count];
        fixed (float* to = values)
        {
            Copy((nint)to, from, count * sizeof(float), DeviceToHost, stream);
            Wait(stream);
        }
        return values;
    }

    public void Release(nint memory, nint stream)
    {
        Check(((delegate* unmanaged<int, nint, nint, int>)Find("cn_free"))(0, memory, stream));
        Check(((delegate* unmanaged<int, nint, int>)Find("cn_stream_destroy"))(0, stream));
    }

    private void Copy(nint to, nint from, long bytes, int kind, nint stream) =>
        Check(
            ((delegate* unmanaged<int, nint, nint, long, int, nint, int>)Find("cn_copy"))(
                0,
                to,
                from,
                bytes,
                kind,
                stream
            )
        );

    private void Wait(nint stream) =>
        Check(((delegate* unmanaged<int, nint, int>)Find("cn_stream_synchronize"))(0, stream));

    private nint Find(string name) => NativeLibrary.GetExport(_library, name);

    private static void Check(int status)
    {
        if (status != 0)
            throw new InvalidOperationException($"the library answered {status}");
    }
}
