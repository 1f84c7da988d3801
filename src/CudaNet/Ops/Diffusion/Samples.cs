using CudaNet.Random;

namespace CudaNet;

/// <summary>What the ops of a diffusion process agree on: samples on axis 0, and values that each finds in a table by its time step.</summary>
internal static class DiffusionRules
{
    /// <summary>The input's shape, which has an axis of samples and is that of the inputs named.</summary>
    public static Shape RequireSamples(in OpCall call, int input, params ReadOnlySpan<int> like)
    {
        var shape = call.Input(input).Shape;
        if (shape.Rank == 0)
            throw call.ShapeError("expected an input whose first axis counts samples");
        foreach (var i in like)
            if (!call.Input(i).Shape.Equals(shape))
                throw call.ShapeError(
                    $"expected {call.Op.Signature.Inputs[i].Name} with the shape {shape}; nothing is broadcast"
                );
        return shape;
    }

    /// <summary>Checks time steps, if there are any, and a table: one row for each step, or for each sample where there are none.</summary>
    public static void RequireTable(
        in OpCall call,
        int timesteps,
        int table,
        long samples,
        DType dtype,
        params long[] row
    )
    {
        if (call.Has(timesteps))
        {
            var steps = call.Input(timesteps);
            if (steps.DType != DType.Int64 || steps.Rank != 1 || steps.Shape[0] != samples)
                throw call.ShapeError($"expected timesteps ({samples}) i64, one for each sample");
        }
        var values = call.Input(table);
        var name = call.Op.Signature.Inputs[table].Name;
        if (values.DType != dtype)
            throw call.DTypeError($"expected {name} of dtype {dtype.Name}, in which the kernel computes");
        if (values.Rank != row.Length + 1 || !values.Shape.Dims[1..].SequenceEqual(row))
            throw call.ShapeError(
                $"expected {name} with {(row.Length == 0 ? "one value" : $"{row[0]} values")} for each time step"
            );
        if (!call.Has(timesteps) && values.Shape[0] != samples)
            throw call.ShapeError(
                $"expected {name} with one row for each of the {samples} samples, as there are no timesteps"
            );
    }

    /// <summary>The table's row of a sample.</summary>
    public static long Row(string op, ReferenceTensor? timesteps, long sample, Shape table)
    {
        if (timesteps is null)
            return sample;
        var row = (long)timesteps[sample];
        return row >= 0 && row < table[0] ? row : throw GatherRules.OutOfRange(op, row, 0, table);
    }

    /// <summary>The samples' rows of a table, differentiable.</summary>
    public static Tensor Rows(Tensor table, Tensor? timesteps) =>
        timesteps is null ? table : table.IndexSelect(0, timesteps);

    /// <summary>One value for each sample, with the rank of <paramref name="like"/>.</summary>
    public static Tensor Column(Tensor values, Shape like)
    {
        var column = new long[like.Rank];
        Array.Fill(column, 1);
        column[0] = like[0];
        return values.Reshape(column);
    }

    /// <summary>A gradient with respect to the samples' values, added up where they came from.</summary>
    public static Tensor ToTable(Tensor gradient, Tensor? timesteps, Shape table) =>
        timesteps is null
            ? gradient
            : Tensor.Zeros(table, gradient.DType, gradient.Device).IndexAdd(0, timesteps, gradient);

    /// <summary>The sum over all axes but the first.</summary>
    public static Tensor SumOfSamples(Tensor tensor) =>
        tensor.Reshape(tensor.Shape[0], CouplingRules.SampleLength(tensor.Shape)).Sum(1);

    /// <summary>The standard normal values of elements 0, 1, …: four for each counter, of 24 bits whatever the dtype, so that every dtype
    /// gets the same noise.</summary>
    public static void Draw(ReferenceTensor state, long offset, Span<double> values)
    {
        var (seed, first) = RandomOp.Origin(state, offset);
        Span<double> lanes = stackalloc double[Lanes];
        for (var i = 0; i < values.Length; i++)
        {
            if (i % Lanes == 0)
                RandomFormulas.Normal(Philox.Block(seed, first + (ulong)(i / Lanes), 0), lanes);
            values[i] = lanes[i % Lanes];
        }
    }

    public const int Lanes = 4;

    /// <summary>The counters that noise for a tensor takes.</summary>
    public static long Counters(Tensor tensor) => RandomFormulas.Counters(tensor.NumElements, Lanes);

    /// <summary>A table of a case: in the dtype in which kernels compute.</summary>
    public static CaseInput Table(DType dtype, params long[] shape) =>
        new(shape, DrawKind.Uniform, 0.1, 1) { DType = dtype.Accumulator };

    public static long[][] Shapes { get; } =
    [
        [0, 3],
        [3, 0],
        [1, 1],
        [5, 3],
        [7, 31],
        [3, 2, 4, 4],
        [2, 5, 5, 7],
        [3, 1032],
    ];
}
