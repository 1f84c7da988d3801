using System.Text;
using CudaNet.Random;

namespace CudaNet.Verification;

/// <summary>One drawn input: float64 values in C order that its dtype holds exactly, and how it lies in memory.</summary>
public sealed record DrawnInput(CaseInput Input, DType DType, double[] Values, bool IsMutated)
{
    /// <summary>Whether gradients with respect to it are checked.</summary>
    public bool IsDifferentiated => DType.IsFloating && Input.Differentiate && !IsMutated;
}

/// <summary>
/// Draws the inputs of a case from the counter RNG, keyed by the seed and the case's name, so that a case gets the same numbers
/// on every device and in whatever order cases run.
/// </summary>
public static class CaseInputs
{
    private const ulong FnvOffset = 14695981039346656037;
    private const ulong FnvPrime = 1099511628211;

    /// <summary>The values of all inputs, rounded to their dtypes; null where an optional input is left out.</summary>
    public static DrawnInput?[] Draw(OpCase opCase, long seed)
    {
        ArgumentNullException.ThrowIfNull(opCase);
        var inputs = new DrawnInput?[opCase.Inputs.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (opCase.Inputs[i] is not { } input)
                continue;
            var dtype = input.DType ?? opCase.DType;
            var values = Values(input, dtype, new Stream(opCase, seed, i));
            inputs[i] = new(input, dtype, Round(values, dtype), IsMutated(opCase.Op, i, inputs.Length));
        }
        return inputs;
    }

    /// <summary>
    /// A random cotangent: multiples of 1/32 in ±4 without zero, which every floating dtype holds exactly, so that runs in several
    /// dtypes start from the same one.
    /// </summary>
    internal static double[] Cotangent(OpCase opCase, long seed, int index, long count)
    {
        const int FirstCotangent = 1 << 16; // beyond the numbers of inputs
        var stream = new Stream(opCase, seed, FirstCotangent + index);
        var values = new double[count];
        for (long i = 0; i < count; i++)
        {
            var k = Math.Clamp(Math.Round(stream.Normal(i) * 32), -127, 127);
            values[i] = (k == 0 ? 1 : k) / 32;
        }
        return values;
    }

    /// <summary>Places drawn values on a device in the layout of the case. Tensors that are written in place stay contiguous, as the
    /// engine demands; what lies between the elements of a strided one is NaN, or 255 or −1 in integers.</summary>
    internal static Tensor Place(DrawnInput drawn, Device device)
    {
        var (shape, dtype, values) = (drawn.Input.Shape, drawn.DType, drawn.Values);
        var layout = drawn.Input.Layout;
        if (drawn.IsMutated && layout != CaseLayout.Offset)
            layout = CaseLayout.Contiguous;
        if (drawn.Input.IsChannelsLast)
        {
            var (channels, positions) = (shape[1], shape.NumElements / Math.Max(1, shape[0] * shape[1]));
            var moved = new double[values.Length];
            for (long i = 0; i < moved.Length; i++)
            {
                var (plane, position) = Math.DivRem(i, positions);
                moved[(plane / channels * positions + position) * channels + plane % channels] = values[i];
            }
            return Upload(new Shape(values.Length), dtype, moved, device)
                .View(shape, Tensor.ChannelsLastStrides(shape), 0);
        }
        switch (layout)
        {
            case CaseLayout.Strided:
            {
                var dims = shape.Dims.ToArray();
                dims[^1] *= 2;
                var gaps = new double[values.Length * 2];
                for (var i = 0; i < values.Length; i++)
                    (gaps[2 * i], gaps[2 * i + 1]) = (values[i], Gap(dtype));
                var whole = Upload(dims, dtype, gaps, device);
                var strides = whole.StrideArray.ToArray();
                strides[^1] = 2;
                return whole.View(shape, strides, 0);
            }
            case CaseLayout.Transposed:
            {
                var dims = shape.Dims.ToArray();
                (dims[^1], dims[^2]) = (dims[^2], dims[^1]);
                var (rows, cols) = (shape[-2], shape[-1]);
                var swapped = new double[values.Length];
                for (long i = 0; i < values.Length; i++)
                    swapped[i / (rows * cols) * rows * cols + i % cols * rows + i / cols % rows] = values[i];
                var whole = Upload(dims, dtype, swapped, device);
                var strides = whole.StrideArray.ToArray();
                (strides[^1], strides[^2]) = (strides[^2], strides[^1]);
                return whole.View(shape, strides, 0);
            }
            case CaseLayout.Padded:
            {
                const int Step = 8; // 16 bytes of the smallest floating dtype
                var (width, dims) = (shape[-1], shape.Dims.ToArray());
                dims[^1] = (width / Step + 1) * Step;
                var whole = new Shape(dims);
                var gaps = new double[whole.NumElements];
                Array.Fill(gaps, Gap(dtype));
                for (long i = 0; i < values.Length; i++)
                    gaps[i / width * dims[^1] + i % width] = values[i];
                return Upload(whole, dtype, gaps, device).View(shape, whole.StrideArray, 0);
            }
            case CaseLayout.Offset:
                var shifted = Upload(new Shape(values.Length + 1), dtype, [Gap(dtype), .. values], device);
                return shifted.View(shape, shape.StrideArray, 1);
            case CaseLayout.Broadcast:
            {
                var dims = shape.Dims.ToArray();
                var first = shape[0] == 0 ? 0 : values.Length / shape[0];
                dims[0] = Math.Min(dims[0], 1);
                var row = Upload(dims, dtype, values[..(int)first], device);
                var strides = row.StrideArray.ToArray();
                strides[0] = 0;
                return row.View(shape, strides, 0);
            }
            default:
                return Upload(shape, dtype, values, device);
        }
    }

    /// <summary>The values that remain when they are rounded to a dtype.</summary>
    internal static double[] Round(double[] values, DType dtype)
    {
        if (dtype == DType.Float64 || values.Length == 0)
            return values;
        var tensor = Tensor.Allocate(new Shape(values.Length), dtype, Device.Cpu, "round");
        HostData.Write(tensor, values);
        var rounded = HostData.ToDoubles(tensor);
        tensor.Release();
        return rounded;
    }

    internal static Tensor Upload(Shape shape, DType dtype, double[] values, Device device)
    {
        var tensor = Tensor.Allocate(shape, dtype, device, "case input");
        HostData.Write(tensor, values);
        return tensor;
    }

    private static double Gap(DType dtype) =>
        dtype.IsFloating ? double.NaN
        : dtype is DType.UInt8 or DType.Bool ? 255
        : -1;

    private static bool IsMutated(Op op, int index, int count)
    {
        var call = new OpCall(op, new Tensor?[count], default);
        for (var p = 0; p < op.Signature.Inputs.Count; p++)
        {
            var (start, length) = call.Range(p);
            if (op.Signature.Inputs[p].IsMutated && index >= start && index < start + length)
                return true;
        }
        return false;
    }

    private static double[] Values(CaseInput input, DType dtype, Stream stream)
    {
        var values = new double[input.Shape.NumElements];
        if (input.Kind == DrawKind.Distinct)
            Distinct(values, dtype, stream);
        else
            for (long i = 0; i < values.Length; i++)
                values[i] = Value(input, stream, i);
        for (long i = 0; input.Map is { } map && i < values.Length; i++)
            values[i] = map(i, values[i]);
        if (input.Layout == CaseLayout.Broadcast && values.Length > 0)
        {
            var row = values.Length / input.Shape[0];
            for (var i = row; i < values.Length; i++)
                values[i] = values[i % row];
        }
        return values;
    }

    private static double Value(CaseInput input, Stream stream, long i)
    {
        var (low, high) = (input.Low, input.High);
        switch (input.Kind)
        {
            case DrawKind.Normal:
                return low + high * stream.Normal(i);
            case DrawKind.Uniform:
                return low + (high - low) * stream.Uniforms(i).First;
            case DrawKind.Integers:
                return Math.Floor(low + (high - low) * stream.Uniforms(i).First);
            case DrawKind.SignedAway:
                var (size, sign) = stream.Uniforms(i);
                return (low + (high - low) * size) * (sign < 0.5 ? -1 : 1);
            case DrawKind.Constant:
                return low;
            default:
                throw new ArgumentOutOfRangeException(nameof(input), input.Kind, "is drawn for whole tensors only");
        }
    }

    /// <summary>A permutation of evenly spaced values in ±4; where a 16-bit dtype has not enough of them, of its own values.</summary>
    private static void Distinct(double[] values, DType dtype, Stream stream)
    {
        var n = values.Length;
        var precision = dtype.IsFloating ? (int)Math.Round(-Math.Log2(dtype.UnitRoundoff)) : 63;
        var step = dtype.IsFloating
            ? 8 / (double)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(n, 1))
            : 1;
        var even = n <= 1L << Math.Min(precision + 1, 40);
        double perOctave = 1L << (precision - 1);
        for (var i = 0; i < n; i++)
        {
            var rank = i - n / 2;
            var m = Math.Abs(rank);
            values[i] =
                !dtype.IsFloating ? i
                : even ? rank * step
                : Math.Sign(rank) * Math.Pow(2, Math.Floor(m / perOctave) - 8) * (1 + m % perOctave / perOctave);
        }
        for (var i = n - 1; i > 0; i--)
        {
            var j = (int)(stream.Uniforms(i).First * (i + 1));
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>The random numbers of one input: element i is a function of (seed, name, input, i).</summary>
    private readonly struct Stream
    {
        private readonly ulong _seed;
        private readonly ulong _key;

        public Stream(OpCase opCase, long seed, int index)
        {
            _seed = (ulong)seed;
            var hash = FnvOffset;
            foreach (var b in Encoding.UTF8.GetBytes(opCase.Name))
                hash = unchecked((hash ^ b) * FnvPrime);
            _key = unchecked((hash ^ (ulong)index) * FnvPrime);
        }

        public (double First, double Second) Uniforms(long i)
        {
            var (a, b, c, d) = Philox.Block(_seed, (ulong)i, _key);
            return (Philox.ToDouble(a, b), Philox.ToDouble(c, d));
        }

        /// <summary>Box and Muller's transform.</summary>
        public double Normal(long i)
        {
            var (u, v) = Uniforms(i);
            return Math.Sqrt(-2 * Math.Log(1 - u)) * Math.Cos(2 * Math.PI * v);
        }
    }
}
