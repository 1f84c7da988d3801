using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Verification;

/// <summary>Our side of a row: the call that is timed, and what it does in floating operations and bytes.</summary>
public sealed record PeerTask(Action Call, double Flops = 0, double Bytes = 0);

/// <summary>What rows are here: an op by its name, or one of a few tasks that are more than an op.</summary>
public static class PeerTasks
{
    /// <summary>Draws the row's tensors and makes its call, which records a graph only where the task is about that.</summary>
    /// <param name="row">The row.</param>
    /// <param name="device">Where it runs; null means the cpu.</param>
    /// <exception cref="AttributeException">There is neither a task nor an op of this name.</exception>
    public static PeerTask Prepare(PeerRow row, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        device ??= Device.Cpu;
        using var place = device.AsDefault();
        var generator = new Generator(1);
        Tensor[] Draw() =>
            [
                .. row.Shapes.Select(shape =>
                    Tensor.RandN(new Shape(shape), dtype: row.DType, device: device, generator: generator)
                ),
            ];
        var tensors = Draw();
        return row.Task switch
        {
            "adam" => Adam(tensors),
            "mlp_step" => MlpStep(tensors[0], tensors[1], row.AttributeValues, generator),
            "recorded_add" => RecordedAdd(tensors[0], tensors[1], withBackward: false),
            "add_and_backward" => RecordedAdd(tensors[0], tensors[1], withBackward: true),
            _ => OfOp(Registry.Find(row.Task), [tensors, .. Copies(tensors, device).Select(_ => Draw())], row),
        };
    }

    /// <summary>Further sets of inputs, so that a GPU finds none of them in its caches.</summary>
    private static IEnumerable<int> Copies(Tensor[] tensors, Device device)
    {
        const long Rotated = 256L << 20; // over twice the 50 MB of L2 that an H100 or H200 has
        const int Most = 63;
        if (device is not NativeDevice { Backend: "cuda" })
            return [];
        var bytes = tensors.Sum(tensor => tensor.NumElements * tensor.DType.Size);
        return Enumerable.Range(0, (int)Math.Clamp(Rotated / bytes, 0, Most));
    }

    private static PeerTask OfOp(Op op, IReadOnlyList<Tensor[]> sets, PeerRow row)
    {
        var inputs = sets.Select(set =>
            {
                var all = new Tensor?[op.Signature.Inputs.Count]; // optional ones at the end may be left out
                set.CopyTo(all);
                return all;
            })
            .ToArray();
        var attributes = op.Signature.ParseAttributes(op.Name, row.AttributeValues);
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var call = new OpCall(op, inputs[0], attributes, op.ApplyAll(inputs[0], attributes));
        var next = 0;
        return new(
            () =>
            {
                using var inner = Lifetime.Frame();
                op.ApplyAll(inputs[next], attributes);
                next = (next + 1) % inputs.Length;
            },
            op.Flops(call),
            op.Bytes(call)
        );
    }

    private static PeerTask Adam(Tensor[] parameters)
    {
        foreach (var parameter in parameters)
        {
            parameter.RequiresGrad = true;
            parameter.Grad = Tensor.RandN(parameter.Shape, device: parameter.Device, generator: new Generator(2));
        }
        const int Passes = 7; // reads parameter, gradient and two moments; writes all but the gradient
        var elements = parameters.Sum(p => p.NumElements);
        return new(new Adam(parameters).Step, Bytes: Passes * sizeof(float) * elements);
    }

    private static PeerTask MlpStep(
        Tensor inputs,
        Tensor targets,
        IReadOnlyDictionary<string, string> attributes,
        Generator generator
    )
    {
        var widths = attributes["widths"].Split('x').Select(long.Parse).ToArray();
        var layers = new List<Module<Tensor, Tensor>>();
        for (var i = 1; i < widths.Length; i++)
        {
            if (i > 1)
                layers.Add(attributes["activation"] == "tanh" ? new Tanh() : new Relu());
            layers.Add(new Linear(widths[i - 1], widths[i], generator: generator));
        }
        var model = new Sequential([.. layers]);
        var optimizer = new Adam(model.Parameters());
        return new(() =>
        {
            using var frame = Lifetime.Frame();
            var loss = model.Call(inputs).MseLoss(targets);
            optimizer.ZeroGrad();
            loss.Backward();
            optimizer.Step();
        });
    }

    private static PeerTask RecordedAdd(Tensor a, Tensor b, bool withBackward)
    {
        (a.RequiresGrad, b.RequiresGrad) = (true, true);
        return new(() =>
        {
            using var frame = Lifetime.Frame();
            var sum = a.Add(b);
            if (!withBackward)
                return;
            (a.Grad, b.Grad) = (null, null);
            sum.Backward();
        });
    }
}
