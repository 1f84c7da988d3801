using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>How an op comes to its result.</summary>
public enum OpKind
{
    /// <summary>One hand-written kernel per device.</summary>
    Kernel,

    /// <summary>Other ops; no kernel of its own.</summary>
    Composition,

    /// <summary>Another view of the same storage; nothing is computed.</summary>
    View,

    /// <summary>Computed on the host whatever the device, for the reason that <see cref="Op.HostOnlyReason"/> gives.</summary>
    HostOnly,
}

/// <summary>A vectorised kernel for the CPU. Inputs and outputs are checked and allocated.</summary>
internal delegate void CpuKernel(in OpCall call);

/// <summary>
/// What a person would look for by name: the shape rule, the textbook reference, the backward, the cost formulas and the case list of
/// one operation. Subclasses are stateless singletons, listed in <see cref="Registry"/>; docs/adding-an-op.md walks through one.
/// </summary>
public abstract class Op
{
    /// <summary>An op with its name and its signature in the form that <see cref="OpSignature"/> reads.</summary>
    /// <param name="name">The name, as <see cref="Name"/> explains.</param>
    /// <param name="signature">Inputs, attributes and outputs.</param>
    /// <param name="source">Left to the compiler: the folder of the file that calls this constructor is the op's family.</param>
    protected Op(string name, string signature, [CallerFilePath] string source = "")
    {
        Name = name;
        Signature = new OpSignature(signature);
        Family = source.Split('/', '\\') is { Length: > 1 } path ? path[^2].ToLowerInvariant() : "";
    }

    /// <summary>The name: that of the native kernel, the command line and, where there is one, the PyTorch function.</summary>
    public string Name { get; }

    /// <summary>The folder that holds the op, or the class that it shares with others, such as <c>norm</c>.</summary>
    public string Family { get; }

    /// <summary>Inputs, attributes and outputs.</summary>
    public OpSignature Signature { get; }

    /// <summary>How the op comes to its result.</summary>
    public virtual OpKind Kind => OpKind.Kernel;

    /// <summary>For <see cref="OpKind.HostOnly"/>: why.</summary>
    public virtual string? HostOnlyReason => null;

    /// <summary>Other names that the command line knows it by.</summary>
    public virtual IReadOnlyList<string> Aliases => [];

    /// <summary>Which tensors the backward needs.</summary>
    protected internal virtual Saved Saves => Saved.Nothing;

    /// <summary>Whether kernels take any strides; otherwise inputs are made contiguous first.</summary>
    protected internal virtual bool AcceptsStrides => false;

    /// <summary>Whether kernels take an input as it lies in memory; one that they do not take is made contiguous first.</summary>
    protected internal virtual bool Takes(int index, Tensor input) => AcceptsStrides || input.IsContiguous;

    /// <summary>Whether inputs are passed to kernels with the shape of the output, broadcast axes having stride 0.</summary>
    protected internal virtual bool Broadcasts => false;

    /// <summary>Why a gradient cannot be asked for, or null when it can.</summary>
    public virtual string? NoBackwardReason => null;

    /// <summary>The vectorised CPU kernel; without one the textbook loop serves.</summary>
    internal virtual CpuKernel? Cpu => null;

    /// <summary>The c of the tolerance rule |err| ≤ u_out·|ref| + c·√n·u_acc·S; at most 8.</summary>
    public virtual double ErrorConstant => 4;

    /// <summary>The numbers of the kernel's variants that round f32 operands to TF32, the one meant for use first.</summary>
    protected internal virtual ReadOnlySpan<int> Tf32Variants => [];

    /// <summary>
    /// The numbers of the kernel's variants whose sums depend on the order in which threads arrive, the one meant for use first: what runs in
    /// <see cref="Engine.UseDeterministicAlgorithms"/>(false). Repeated runs are held to the tolerance instead of to the same bits.
    /// </summary>
    protected internal virtual ReadOnlySpan<int> NondeterministicVariants => [];

    /// <summary>Whether the op draws random numbers or permutes: its outputs are compared bit by bit instead of by tolerance.</summary>
    public virtual bool IsExact => false;

    /// <summary>Checks the inputs and gives the shapes and dtypes of the outputs.</summary>
    public abstract void Infer(in OpCall call, Span<TensorSpec> outputs);

    /// <summary>The textbook loop in float64, never optimised: the definition of the op.</summary>
    public virtual void Reference(ReferenceCall call) =>
        throw new NotSupportedException($"{Name} computes nothing by itself");

    /// <summary>The view of a <see cref="OpKind.View"/> op.</summary>
    protected internal virtual Tensor View(in OpCall call) => throw new NotSupportedException($"{Name} is no view");

    /// <summary>Whether <see cref="Compose"/> says which simpler ops the op equals.</summary>
    public virtual bool HasComposition => Kind == OpKind.Composition;

    /// <summary>The same result from simpler ops: what a fused op equals and is tested against, and the default backward's source.</summary>
    protected internal virtual Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes) =>
        throw new NotSupportedException($"{Name} states no composition");

    /// <summary>Gradients of the inputs, written in ops so that they can be differentiated again. By default that of the composition.</summary>
    protected internal virtual void Backward(BackwardCall call) => call.BackwardOfComposition();

    /// <summary>Floating operations of a call: additions, multiplications and so on count 1, fused multiply-adds 2.</summary>
    public virtual double Flops(in OpCall call) =>
        call.Outputs.IsEmpty || call.Outputs[0] is null ? 0 : call.Outputs[0]!.NumElements;

    /// <summary>Bytes that a call must read and write once.</summary>
    public virtual double Bytes(in OpCall call)
    {
        double bytes = 0;
        foreach (var tensor in call.Inputs)
            bytes += tensor is null ? 0 : tensor.NumElements * tensor.DType.Size;
        foreach (var tensor in call.Outputs)
            bytes += tensor is null ? 0 : tensor.NumElements * tensor.DType.Size;
        return bytes;
    }

    /// <summary>The cases that check, gradient check, tests and benchmarks run.</summary>
    public abstract IEnumerable<OpCase> Cases();

    /// <summary>Runs the op and gives its first output.</summary>
    public Tensor Apply(ReadOnlySpan<Tensor?> inputs, Attributes attributes = default, Device? device = null)
    {
        if (Kind == OpKind.Composition)
            return ComposeAutocast(inputs, attributes)[0]!;
        var outputs = new OutputBuffer();
        Dispatcher.Run(this, inputs, attributes, outputs, device);
        return outputs[0]!;
    }

    /// <summary>Runs the op and gives all its outputs; an optional one that is absent is null.</summary>
    public Tensor?[] ApplyAll(ReadOnlySpan<Tensor?> inputs, Attributes attributes = default, Device? device = null)
    {
        if (Kind == OpKind.Composition)
            return ComposeAutocast(inputs, attributes);
        var outputs = new OutputBuffer();
        Dispatcher.Run(this, inputs, attributes, outputs, device);
        return outputs[..Signature.Outputs.Count].ToArray();
    }

    private Tensor?[] ComposeAutocast(ReadOnlySpan<Tensor?> inputs, Attributes attributes) =>
        Compose(
            EngineState.Current.Autocast is { } autocast ? Autocast.Cast(autocast, this, inputs) : inputs,
            attributes
        );

    /// <inheritdoc/>
    public override string ToString() => $"{Name}({Signature})";

    /// <summary>The most outputs that an op has.</summary>
    internal const int MaxOutputs = 4;

    [InlineArray(MaxOutputs)]
    private struct OutputBuffer
    {
        private Tensor? _first;
    }
}

/// <summary>Which inputs and outputs an op's backward needs: <c>Saved.Inputs(0, 1).AndOutputs(2)</c>.</summary>
public readonly record struct Saved
{
    private readonly ulong _inputs;
    private readonly ulong _outputs;

    private Saved(ulong inputs, ulong outputs) => (_inputs, _outputs) = (inputs, outputs);

    /// <summary>Shapes are enough.</summary>
    public static Saved Nothing => default;

    /// <summary>All inputs.</summary>
    public static Saved AllInputs => new(ulong.MaxValue, 0);

    /// <summary>These inputs.</summary>
    public static Saved Inputs(params ReadOnlySpan<int> indices) => new(Mask(indices), 0);

    /// <summary>These outputs.</summary>
    public static Saved Outputs(params ReadOnlySpan<int> indices) => new(0, Mask(indices));

    /// <summary>These outputs as well.</summary>
    public Saved AndOutputs(params ReadOnlySpan<int> indices) => new(_inputs, _outputs | Mask(indices));

    internal bool Input(int index) => index >= 64 ? _inputs == ulong.MaxValue : (_inputs >> index & 1) != 0;

    internal bool Output(int index) => (_outputs >> index & 1) != 0;

    private static ulong Mask(ReadOnlySpan<int> indices)
    {
        ulong mask = 0;
        foreach (var i in indices)
            mask |= 1UL << i;
        return mask;
    }
}
