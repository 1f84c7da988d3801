namespace CudaNet;

/// <summary>A tensor as the textbook loops see it: float64 values in C order.</summary>
public sealed class ReferenceTensor
{
    internal ReferenceTensor(Shape shape, DType dtype, double[] values)
    {
        Shape = shape;
        DType = dtype;
        Values = values;
        Magnitude = [];
    }

    /// <summary>The extents.</summary>
    public Shape Shape { get; }

    /// <summary>The dtype of the tensor that it stands for; the values are float64 all the same.</summary>
    public DType DType { get; }

    /// <summary>The values.</summary>
    public double[] Values { get; }

    /// <summary>For outputs: S, the same loop over absolute values, per element. An output that leaves it at zero has S = |value|.</summary>
    public double[] Magnitude { get; internal set; }

    /// <summary>For outputs: n, how many terms a kernel adds up for one element.</summary>
    public double Terms { get; set; } = 1;

    /// <summary>The value at a position in C order.</summary>
    public ref double this[long index] => ref Values[index];
}

/// <summary>Inputs and outputs of an op's textbook loop.</summary>
public sealed class ReferenceCall
{
    private readonly ReferenceTensor?[] _inputs;
    private readonly ReferenceTensor?[] _outputs;

    internal ReferenceCall(ReferenceTensor?[] inputs, ReferenceTensor?[] outputs, Attributes attributes)
    {
        _inputs = inputs;
        _outputs = outputs;
        Attributes = attributes;
    }

    /// <summary>The attributes.</summary>
    public Attributes Attributes { get; }

    /// <summary>The inputs, lists flattened.</summary>
    public IReadOnlyList<ReferenceTensor?> Inputs => _inputs;

    /// <summary>An input that is there. A mutated input is written to in place.</summary>
    public ReferenceTensor Input(int index = 0) => _inputs[index]!;

    /// <summary>An optional input.</summary>
    public ReferenceTensor? InputOrNull(int index) => _inputs[index];

    /// <summary>An output that is there.</summary>
    public ReferenceTensor Output(int index = 0) => _outputs[index]!;

    /// <summary>An optional output.</summary>
    public ReferenceTensor? OutputOrNull(int index) => _outputs[index];
}
