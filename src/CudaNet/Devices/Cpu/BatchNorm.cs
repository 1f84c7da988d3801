using System.Numerics;

namespace CudaNet;

/// <summary>
/// Batch normalisation, one channel at a time, so that its sums have one order. Channels that lie in long runs are read where they are,
/// others (those of a matrix lie side by side) are gathered into a line first.
/// </summary>
internal static unsafe class CpuBatchNorm
{
    private const int ShortestRun = 8;

    public static void Forward(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Forward<float>(call);
                break;
            case DType.Float64:
                Forward<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void Backward(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Backward<float>(call);
                break;
            case DType.Float64:
                Backward<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    private static nint DataOrNull(in OpCall call, int input) => call.Has(input) ? (nint)call.Input(input).Data : 0;

    private static void Forward<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var runs = ChannelRuns.Of(call.Input(0).Shape);
        var eps = T.CreateTruncating(call.Attributes.Float(0));
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var (weight, bias) = (DataOrNull(call, 1), DataOrNull(call, 2));
        var measure = !call.Has(3);
        var means = (nint)(measure ? call.Output(1) : call.Input(3)).Data;
        var variances = (nint)(measure ? call.Output(2) : call.Input(4)).Data;
        CpuThreads.For(
            runs.Channels,
            3 * runs.Count,
            (first, last) =>
            {
                fixed (T* line = LineFor<T>(runs))
                    for (var c = first; c < last; c++)
                    {
                        var input = new Channel<T>(runs, (T*)x, c, line);
                        var (mean, variance) = (((T*)means)[c], ((T*)variances)[c]);
                        if (measure)
                            (((T*)means)[c], ((T*)variances)[c]) = (mean, variance) = Measure(input);
                        var slope = T.One / T.Sqrt(variance + eps) * (weight == 0 ? T.One : ((T*)weight)[c]);
                        var output = input.SameIn((T*)y);
                        for (long n = 0; n < input.Pieces; n++)
                            Normalise(input[n], output[n], mean, slope, bias == 0 ? T.Zero : ((T*)bias)[c]);
                        output.Scatter((T*)y);
                    }
            }
        );
    }

    private static T[]? LineFor<T>(ChannelRuns runs) => runs.Length < ShortestRun ? new T[runs.Count] : null;

    private static (T Mean, T Variance) Measure<T>(Channel<T> x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (sum, squares) = (T.Zero, T.Zero);
        var count = T.CreateTruncating(x.Pieces * x.Length);
        for (long n = 0; n < x.Pieces; n++)
            sum += CpuLayerNorm.Sum((ReadOnlySpan<T>)x[n]);
        var mean = sum / count;
        for (long n = 0; n < x.Pieces; n++)
            squares += CpuLayerNorm.SumSquares(x[n], mean);
        return (mean, squares / count);
    }

    private static void Normalise<T>(ReadOnlySpan<T> x, Span<T> y, T mean, T slope, T bias)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (m, s, b) = (new Vector<T>(mean), new Vector<T>(slope), new Vector<T>(bias));
        var i = 0;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
            ((new Vector<T>(x[i..]) - m) * s + b).CopyTo(y[i..]);
        for (; i < x.Length; i++)
            y[i] = (x[i] - mean) * slope + bias;
    }

    private static void Backward<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var runs = ChannelRuns.Of(call.Input(1).Shape);
        var eps = T.CreateTruncating(call.Attributes.Float(1));
        var share = call.Attributes.Bool(0) && runs.Count > 0 ? T.One / T.CreateTruncating(runs.Count) : T.Zero;
        var (g, x) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
        var weight = DataOrNull(call, 2);
        var (mean, variance) = ((nint)call.Input(3).Data, (nint)call.Input(4).Data);
        var (gx, gw, gb) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data, (nint)call.Output(2).Data);
        CpuThreads.For(
            runs.Channels,
            4 * runs.Count,
            (first, last) =>
            {
                fixed (
                    T* line = LineFor<T>(runs),
                        inputLine = LineFor<T>(runs)
                )
                    for (var c = first; c < last; c++)
                    {
                        var gradient = new Channel<T>(runs, (T*)g, c, line);
                        var input = new Channel<T>(runs, (T*)x, c, inputLine);
                        var (m, rstd) = (((T*)mean)[c], T.One / T.Sqrt(((T*)variance)[c] + eps));
                        var (sum, product) = (T.Zero, T.Zero);
                        for (long n = 0; n < input.Pieces; n++)
                            AddSums(gradient[n], input[n], m, ref sum, ref product);
                        ((T*)gb)[c] = sum;
                        ((T*)gw)[c] = product * rstd;
                        var slope = rstd * (weight == 0 ? T.One : ((T*)weight)[c]);
                        var output = gradient.SameIn((T*)gx);
                        for (long n = 0; n < input.Pieces; n++)
                            Spread(
                                gradient[n],
                                input[n],
                                output[n],
                                m,
                                slope,
                                share * sum,
                                share * product * rstd * rstd
                            );
                        output.Scatter((T*)gx);
                    }
            }
        );
    }

    /// <summary>Σ g and Σ g (x − mean).</summary>
    private static void AddSums<T>(ReadOnlySpan<T> g, ReadOnlySpan<T> x, T mean, ref T sum, ref T product)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var m = new Vector<T>(mean);
        var (sums, products) = (Vector<T>.Zero, Vector<T>.Zero);
        var i = 0;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var gradient = new Vector<T>(g[i..]);
            sums += gradient;
            products += gradient * (new Vector<T>(x[i..]) - m);
        }
        sum += Vector.Sum(sums);
        product += Vector.Sum(products);
        for (; i < x.Length; i++)
        {
            sum += g[i];
            product += g[i] * (x[i] - mean);
        }
    }

    /// <summary>slope · (g − shift − (x − mean) · tilt).</summary>
    private static void Spread<T>(ReadOnlySpan<T> g, ReadOnlySpan<T> x, Span<T> gx, T mean, T slope, T shift, T tilt)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (m, s) = (new Vector<T>(mean), new Vector<T>(slope));
        var (k, t) = (new Vector<T>(shift), new Vector<T>(tilt));
        var i = 0;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
            (s * (new Vector<T>(g[i..]) - k - (new Vector<T>(x[i..]) - m) * t)).CopyTo(gx[i..]);
        for (; i < x.Length; i++)
            gx[i] = slope * (g[i] - shift - (x[i] - mean) * tilt);
    }

    /// <summary>The elements of one channel: its runs in the tensor or, with a line, all of them copied there.</summary>
    private readonly struct Channel<T>
        where T : unmanaged
    {
        private readonly ChannelRuns _runs;
        private readonly long _channel;
        private readonly T* _line;
        private readonly T* _first;

        public Channel(ChannelRuns runs, T* tensor, long channel, T* line)
        {
            (_runs, _channel) = (runs, channel);
            _line = line;
            _first = line == null ? tensor + channel * runs.Length : line;
            if (line == null)
                return;
            foreach (var place in runs.Places(channel))
                *line++ = tensor[place];
        }

        private Channel(Channel<T> like, T* tensor)
        {
            this = like;
            _first = _line == null ? tensor + _channel * _runs.Length : _line;
        }

        public long Pieces => _line == null ? _runs.Batch : 1;

        public int Length => checked((int)(_line == null ? _runs.Length : _runs.Count));

        public Span<T> this[long piece] => new(_first + piece * _runs.Channels * _runs.Length, Length);

        /// <summary>The same channel of another tensor; with a line, that line, still to be scattered.</summary>
        public Channel<T> SameIn(T* tensor) => new(this, tensor);

        public void Scatter(T* tensor)
        {
            if (_line == null)
                return;
            var next = _line;
            foreach (var place in _runs.Places(_channel))
                tensor[place] = *next++;
        }
    }
}
