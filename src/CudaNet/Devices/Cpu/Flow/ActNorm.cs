using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Activation normalisation on the CPU: a channel of a sample at a time, or a sample where channels lie side by side.</summary>
internal static unsafe class CpuActNorm
{
    public static void Run(in OpCall call) => VectorKernel.Run<Kernel>(call);

    private readonly struct Kernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var shape = call.Input(0).Shape;
            var (samples, channels, positions) = (shape[0], shape[1], ActNormOp.Positions(shape));
            var (x, scale, y) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Output(0).Data);
            var bias = call.Has(2) ? (nint)call.Input(2).Data : 0;
            var inverse = call.Attributes.Bool(0);
            if (positions == 1)
                CpuThreads.For(
                    samples,
                    2 * channels,
                    (first, last) =>
                    {
                        for (var n = first * channels; n < last * channels; n += channels)
                            Line<V, T, AcrossChannels>((T*)x + n, (T*)scale, (T*)bias, (T*)y + n, channels, inverse);
                    }
                );
            else
                CpuThreads.For(
                    samples * channels,
                    2 * positions,
                    (first, last) =>
                    {
                        for (var plane = first; plane < last; plane++)
                        {
                            var (at, c) = (plane * positions, plane % channels);
                            var shift = bias == 0 ? null : (T*)bias + c;
                            Line<V, T, OneChannel>((T*)x + at, (T*)scale + c, shift, (T*)y + at, positions, inverse);
                        }
                    }
                );
            var sum = T.Zero;
            for (long c = 0; c < channels; c++)
                sum += T.Log(T.Abs(((T*)scale)[c]));
            sum *= T.CreateTruncating(positions);
            new Span<T>(call.Output(1).Data, checked((int)samples)).Fill(inverse ? -sum : sum);
        }

        /// <summary>x · scale + bias of n neighbours.</summary>
        [SkipLocalsInit]
        private static void Line<V, T, TParameters>(T* x, T* scale, T* bias, T* y, long n, bool inverse)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
            where TParameters : struct, IParameters
        {
            long i = 0;
            for (; i <= n - V.Count; i += V.Count)
            {
                var (s, b) = (TParameters.Get<V, T>(scale, i), V.Create(T.Zero));
                if (bias != null)
                    b = TParameters.Get<V, T>(bias, i);
                var value = V.Load(x + i);
                (inverse ? (value - b) / s : V.MultiplyAdd(value, s, b)).Store(y + i);
            }
            for (; i < n; i++)
            {
                var (s, b) = (TParameters.Get(scale, i), bias == null ? T.Zero : TParameters.Get(bias, i));
                y[i] = inverse ? (x[i] - b) / s : x[i] * s + b;
            }
        }
    }

    /// <summary>How a line of elements meets its parameters.</summary>
    private interface IParameters
    {
        static abstract V Get<V, T>(T* parameters, long at)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>;

        static abstract T Get<T>(T* parameters, long at)
            where T : unmanaged;
    }

    private readonly struct OneChannel : IParameters
    {
        public static V Get<V, T>(T* parameters, long at)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => V.Create(*parameters);

        public static T Get<T>(T* parameters, long at)
            where T : unmanaged => *parameters;
    }

    private readonly struct AcrossChannels : IParameters
    {
        public static V Get<V, T>(T* parameters, long at)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => V.Load(parameters + at);

        public static T Get<T>(T* parameters, long at)
            where T : unmanaged => parameters[at];
    }
}
