using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Batch normalisation, one channel at a time, so that its sums have one order. Channels that lie in long runs are read where they are,
/// others (those of a matrix lie side by side) are gathered into a line first.
/// </summary>
internal static unsafe class CpuBatchNorm
{
    private const int ShortestRun = 8;

    public static void Forward(in OpCall call) => VectorKernel.Run<ForwardKernel>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<BackwardKernel>(call);

    private static nint DataOrNull(in OpCall call, int input) => call.Has(input) ? (nint)call.Input(input).Data : 0;

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
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
                    var line = NewLine<T>(runs);
                    for (var c = first; c < last; c++)
                    {
                        var input = new Channel<T>(runs, (T*)x, c, line);
                        var (mean, variance) = (((T*)means)[c], ((T*)variances)[c]);
                        if (measure)
                            (((T*)means)[c], ((T*)variances)[c]) = (mean, variance) = Measure<V, T>(input);
                        var slope = T.One / T.Sqrt(variance + eps) * (weight == 0 ? T.One : ((T*)weight)[c]);
                        var output = input.SameIn((T*)y);
                        for (long n = 0; n < input.Pieces; n++)
                            NormMath.Affine<V, T>(
                                input[n],
                                output[n],
                                input.Length,
                                mean,
                                slope,
                                bias == 0 ? T.Zero : ((T*)bias)[c]
                            );
                        output.Scatter((T*)y);
                    }
                    NativeMemory.Free(line);
                }
            );
        }

        private static (T Mean, T Variance) Measure<V, T>(Channel<T> x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            var (sum, squares) = (T.Zero, T.Zero);
            var count = T.CreateTruncating(x.Pieces * x.Length);
            for (long n = 0; n < x.Pieces; n++)
                sum += RowMath.Sum<V, T>(x[n], x.Length);
            var mean = sum / count;
            for (long n = 0; n < x.Pieces; n++)
                squares += RowMath.SumSquares<V, T>(x[n], mean, x.Length);
            return (mean, squares / count);
        }
    }

    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
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
                    var line = NewLine<T>(runs);
                    var inputLine = NewLine<T>(runs);
                    for (var c = first; c < last; c++)
                    {
                        var gradient = new Channel<T>(runs, (T*)g, c, line);
                        var input = new Channel<T>(runs, (T*)x, c, inputLine);
                        var (m, rstd) = (((T*)mean)[c], T.One / T.Sqrt(((T*)variance)[c] + eps));
                        var (sum, product) = (T.Zero, T.Zero);
                        for (long n = 0; n < input.Pieces; n++)
                            NormMath.AddSums<V, T>(gradient[n], input[n], input.Length, m, ref sum, ref product);
                        ((T*)gb)[c] = sum;
                        ((T*)gw)[c] = product * rstd;
                        var slope = rstd * (weight == 0 ? T.One : ((T*)weight)[c]);
                        var (shift, tilt) = (slope * share * sum, slope * share * product * rstd * rstd);
                        var output = gradient.SameIn((T*)gx);
                        for (long n = 0; n < input.Pieces; n++)
                            NormMath.Spread<V, T>(
                                gradient[n],
                                input[n],
                                output[n],
                                input.Length,
                                m,
                                slope,
                                shift,
                                tilt
                            );
                        output.Scatter((T*)gx);
                    }
                    NativeMemory.Free(line);
                    NativeMemory.Free(inputLine);
                }
            );
        }
    }

    private static T* NewLine<T>(ChannelRuns runs)
        where T : unmanaged =>
        runs.Length < ShortestRun ? (T*)NativeMemory.Alloc((nuint)Math.Max(1, runs.Count), (nuint)sizeof(T)) : null;

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

        public T* this[long piece] => _first + piece * _runs.Channels * _runs.Length;

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
