namespace CudaNet;

/// <summary>What optimiser steps share: lists of parameters that are written in place, all with one launch.</summary>
internal abstract class OptimizerOp(string name, string signature) : Op(name, signature)
{
    public override string NoBackwardReason => "an optimiser step writes its parameters in place";

    /// <summary>How many lists there are; lr and state follow them, and, where the signature has it, found_inf: when it is not 0, nothing is changed or counted.</summary>
    protected abstract int Lists { get; }

    private bool HasFoundInf => Signature.Inputs.Count > Lists + 2;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var count = call.ListLength;
        if (count == 0)
            throw new AttributeException($"{Name}: needs at least one parameter");
        var dtype = call.RequireFloating(0, count - 1);
        for (var list = 1; list < Lists; list++)
        for (var i = 0; i < count; i++)
        {
            if (call.Inputs[list * count + i] is not { } tensor)
            {
                if (!Signature.Inputs[list].IsOptional || call.Inputs[list * count] is not null)
                    throw new AttributeException($"{Name}: needs '{Signature.Inputs[list].Name}' for every parameter");
                continue;
            }
            var parameter = call.Inputs[i]!;
            if (tensor.DType != dtype || !tensor.Shape.Equals(parameter.Shape))
                throw call.ShapeError(
                    $"'{Signature.Inputs[list].Name}' {i} is {tensor.Shape} {tensor.DType.Name}, its parameter {parameter.Shape} {dtype.Name}; expected the same"
                );
        }
        var (lr, state) = (call.Inputs[Lists * count]!, call.Inputs[Lists * count + 1]!);
        if (lr.DType != DType.Float64 || lr.NumElements != 1)
            throw call.DTypeError("expected lr to be one f64 value");
        if (state.DType != DType.Int64 || state.NumElements != 2)
            throw call.DTypeError("expected state to be two i64 values, {steps taken, 0}");
        if (
            HasFoundInf
            && call.Inputs[Lists * count + 2] is { } found
            && (found.DType != DType.Float32 || found.NumElements != 1)
        )
            throw call.DTypeError("expected found_inf to be one f32 value");
    }

    /// <summary>Whether gradients overflowed, so that the step is left out.</summary>
    protected bool Skips(ReferenceCall call, int count) =>
        call.InputOrNull(Lists * count + 2) is { } found && found[0] != 0;

    /// <summary>The learning rate and the steps taken before this one; counts this one.</summary>
    protected (double Rate, double StepsBefore) Step(ReferenceCall call, int count)
    {
        var state = call.Input(Lists * count + 1);
        return (call.Input(Lists * count)[0], state[0]++);
    }

    /// <summary>|value| is no bound for what is added up in place, so the magnitudes say what went in.</summary>
    protected static void Note(ReferenceTensor tensor, long i, double magnitude)
    {
        if (tensor.Magnitude.Length > 0)
            tensor.Magnitude[i] = magnitude;
    }

    protected static CaseInput Rate(double value) => Draw.Constant(value, DType.Float64, 1);

    protected static CaseInput State => Draw.Constant(0, DType.Int64, 2);
}
