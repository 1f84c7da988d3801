namespace CudaNet;

/// <summary>The shape and dtype of an output; default for an optional output that is absent.</summary>
public readonly record struct TensorSpec(Shape? Shape, DType DType)
{
    /// <summary>Whether it is to lie with the channels last in memory; see <see cref="Tensor.IsChannelsLast"/>.</summary>
    public bool IsChannelsLast { get; init; }
}

/// <summary>One call of an op: inputs in the order of the signature, lists flattened; attributes; outputs once they exist.</summary>
public readonly ref struct OpCall
{
    internal OpCall(Op op, ReadOnlySpan<Tensor?> inputs, Attributes attributes, ReadOnlySpan<Tensor?> outputs = default)
    {
        Op = op;
        Inputs = inputs;
        Attributes = attributes;
        Outputs = outputs;
    }

    /// <summary>The op.</summary>
    public Op Op { get; }

    /// <summary>All inputs, lists flattened.</summary>
    public ReadOnlySpan<Tensor?> Inputs { get; }

    /// <summary>The attributes.</summary>
    public Attributes Attributes { get; }

    /// <summary>The outputs; empty while shapes are inferred.</summary>
    public ReadOnlySpan<Tensor?> Outputs { get; }

    /// <summary>An input that is there; only for ops without lists.</summary>
    public Tensor Input(int index) =>
        Inputs[index]
        ?? throw new AttributeException($"{Op.Name}: needs the input '{Op.Signature.Inputs[index].Name}'");

    /// <summary>Whether an optional input is given.</summary>
    public bool Has(int index) => Inputs[index] is not null;

    /// <summary>An output that is there.</summary>
    public Tensor Output(int index) => Outputs[index]!;

    /// <summary>The length that all lists of this call have.</summary>
    public int ListLength
    {
        get
        {
            var lists = Op.Signature.ListCount;
            var others = Op.Signature.Inputs.Count - lists;
            return lists == 0 ? 0 : (Inputs.Length - others) / lists;
        }
    }

    /// <summary>The tensors of one parameter of the signature: one, or those of a list.</summary>
    public ReadOnlySpan<Tensor?> List(int parameter)
    {
        var (start, length) = Range(parameter);
        return Inputs.Slice(start, length);
    }

    internal (int Start, int Length) Range(int parameter)
    {
        var length = ListLength;
        var start = 0;
        var inputs = Op.Signature.Inputs;
        for (var i = 0; i < parameter; i++)
            start += inputs[i].IsList ? length : 1;
        return (start, inputs[parameter].IsList ? length : 1);
    }

    /// <summary>"layer_norm(input (2, 3) f32, weight (4) f32)", for messages.</summary>
    public string Describe()
    {
        var parts = new List<string>();
        for (var p = 0; p < Op.Signature.Inputs.Count; p++)
            foreach (var tensor in List(p))
                if (tensor is not null)
                    parts.Add($"{Op.Signature.Inputs[p].Name} {tensor.Shape} {tensor.DType.Name}");
        return $"{Op.Name}({string.Join(", ", parts)})";
    }

    /// <summary>The error for shapes that do not fit: what was called, with what, and what was expected.</summary>
    public ShapeException ShapeError(string expected) => new($"{Describe()}: {expected}");

    /// <summary>The error for dtypes that do not fit.</summary>
    public DTypeException DTypeError(string expected) => new($"{Describe()}: {expected}");

    /// <summary>Throws unless all given inputs from <paramref name="first"/> to <paramref name="last"/> share one floating dtype.</summary>
    public DType RequireFloating(int first = 0, int last = int.MaxValue)
    {
        var dtype = RequireSameDType(first, last);
        return dtype.IsFloating
            ? dtype
            : throw DTypeError("expected a floating dtype; convert with Cast(DType.Float32)");
    }

    /// <summary>Throws unless all given inputs from <paramref name="first"/> to <paramref name="last"/> share one dtype.</summary>
    public DType RequireSameDType(int first = 0, int last = int.MaxValue)
    {
        DType? dtype = null;
        for (var i = first; i < Inputs.Length && i <= last; i++)
        {
            if (Inputs[i] is not { } tensor)
                continue;
            if (dtype is { } d && d != tensor.DType)
                throw DTypeError("expected inputs of one dtype; convert with Cast");
            dtype = tensor.DType;
        }
        return dtype ?? throw new AttributeException($"{Op.Name}: needs an input");
    }
}
