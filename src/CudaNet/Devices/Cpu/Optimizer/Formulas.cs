using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>The formulas of <see cref="ElementStepOp"/> on registers, as in kernels/optimizer/adaptive.cu.</summary>
internal static unsafe partial class CpuOptimizers
{
    private static V Number<V, T>(double value)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Create(T.CreateTruncating(value));

    private readonly struct MomentumFormula<V, T> : IFormula<MomentumFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _beta;
        private readonly V _weight;
        private readonly V _rate;
        private readonly bool _nesterov;

        private MomentumFormula(double rate, Attributes attributes)
        {
            var damped = attributes.Bool(2);
            _beta = Number<V, T>(attributes.Float(0));
            Decay = Number<V, T>(attributes.Float(1));
            _weight = Number<V, T>(damped ? 1 - attributes.Float(0) : rate);
            _rate = Number<V, T>(damped ? rate : 1);
            _nesterov = attributes.Bool(3);
        }

        public static MomentumFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V velocity, ref V second, ref V third)
        {
            var weighted = g * _weight;
            velocity = V.MultiplyAdd(velocity, _beta, weighted);
            return p - (_nesterov ? V.MultiplyAdd(velocity, _beta, weighted) : velocity) * _rate;
        }
    }

    private readonly struct AdagradFormula<V, T> : IFormula<AdagradFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _eps;
        private readonly V _rate;

        private AdagradFormula(double rate, double step, Attributes attributes)
        {
            _eps = Number<V, T>(attributes.Float(1));
            Decay = Number<V, T>(attributes.Float(2));
            _rate = Number<V, T>(rate / (1 + (step - 1) * attributes.Float(0)));
        }

        public static AdagradFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, step, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V sum, ref V second, ref V third)
        {
            sum = V.MultiplyAdd(g, g, sum);
            return p - g * _rate / (V.Sqrt(sum) + _eps);
        }
    }

    private readonly struct RmsPropFormula<V, T> : IFormula<RmsPropFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _alpha;
        private readonly V _rest;
        private readonly V _eps;
        private readonly V _momentum;
        private readonly V _rate;
        private readonly bool _centered;

        private RmsPropFormula(double rate, Attributes attributes)
        {
            _alpha = Number<V, T>(attributes.Float(0));
            _rest = Number<V, T>(1 - attributes.Float(0));
            _eps = Number<V, T>(attributes.Float(1));
            Decay = Number<V, T>(attributes.Float(2));
            _momentum = Number<V, T>(attributes.Float(3));
            _rate = Number<V, T>(rate);
            _centered = attributes.Bool(4);
        }

        public static RmsPropFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V squareAverage, ref V average, ref V velocity)
        {
            squareAverage = V.MultiplyAdd(squareAverage, _alpha, g * g * _rest);
            var square = squareAverage;
            if (_centered)
            {
                average = V.MultiplyAdd(average, _alpha, g * _rest);
                square = square - average * average;
            }
            velocity = V.MultiplyAdd(velocity, _momentum, g / (V.Sqrt(square) + _eps));
            return p - velocity * _rate;
        }
    }

    private readonly struct AdadeltaFormula<V, T> : IFormula<AdadeltaFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _rho;
        private readonly V _rest;
        private readonly V _eps;
        private readonly V _rate;

        private AdadeltaFormula(double rate, Attributes attributes)
        {
            _rho = Number<V, T>(attributes.Float(0));
            _rest = Number<V, T>(1 - attributes.Float(0));
            _eps = Number<V, T>(attributes.Float(1));
            Decay = Number<V, T>(attributes.Float(2));
            _rate = Number<V, T>(rate);
        }

        public static AdadeltaFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V squareAverage, ref V deltas, ref V third)
        {
            squareAverage = V.MultiplyAdd(squareAverage, _rho, g * g * _rest);
            var delta = V.Sqrt(deltas + _eps) / V.Sqrt(squareAverage + _eps) * g;
            deltas = V.MultiplyAdd(deltas, _rho, delta * delta * _rest);
            return p - delta * _rate;
        }
    }

    private readonly struct AdamaxFormula<V, T> : IFormula<AdamaxFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _beta1;
        private readonly V _rest1;
        private readonly V _beta2;
        private readonly V _eps;
        private readonly V _rate;

        private AdamaxFormula(double rate, double step, Attributes attributes)
        {
            _beta1 = Number<V, T>(attributes.Float(0));
            _rest1 = Number<V, T>(1 - attributes.Float(0));
            _beta2 = Number<V, T>(attributes.Float(1));
            _eps = Number<V, T>(attributes.Float(2));
            Decay = Number<V, T>(attributes.Float(3));
            _rate = Number<V, T>(rate / (1 - Math.Pow(attributes.Float(0), step)));
        }

        public static AdamaxFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, step, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V average, ref V largest, ref V third)
        {
            average = V.MultiplyAdd(average, _beta1, g * _rest1);
            largest = V.Max(largest * _beta2, V.Abs(g) + _eps);
            return p - average * _rate / largest;
        }
    }

    private readonly struct RAdamFormula<V, T> : IFormula<RAdamFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _beta1;
        private readonly V _rest1;
        private readonly V _beta2;
        private readonly V _rest2;
        private readonly V _eps;
        private readonly V _rate;
        private readonly bool _rectifies;

        private RAdamFormula(double rate, double step, Attributes attributes)
        {
            var (beta1, beta2) = (attributes.Float(0), attributes.Float(1));
            _beta1 = Number<V, T>(beta1);
            _rest1 = Number<V, T>(1 - beta1);
            _beta2 = Number<V, T>(beta2);
            _rest2 = Number<V, T>(1 - beta2);
            _eps = Number<V, T>(attributes.Float(2));
            Decay = Number<V, T>(attributes.Float(3));
            (var scale, _rectifies) = RAdamOp.Scale(beta1, beta2, rate, step);
            _rate = Number<V, T>(scale);
        }

        public static RAdamFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, step, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V average, ref V squareAverage, ref V third)
        {
            average = V.MultiplyAdd(average, _beta1, g * _rest1);
            squareAverage = V.MultiplyAdd(squareAverage, _beta2, g * g * _rest2);
            var step = average * _rate;
            return p - (_rectifies ? step / (V.Sqrt(squareAverage) + _eps) : step);
        }
    }

    private readonly struct AmsGradFormula<V, T> : IFormula<AmsGradFormula<V, T>, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly V _beta1;
        private readonly V _rest1;
        private readonly V _beta2;
        private readonly V _rest2;
        private readonly V _eps;
        private readonly V _rate;
        private readonly V _correction;
        private readonly V _keep;

        private AmsGradFormula(double rate, double step, Attributes attributes)
        {
            var (beta1, beta2) = (attributes.Float(0), attributes.Float(1));
            var (decay, decoupled) = (attributes.Float(3), attributes.Bool(4));
            _beta1 = Number<V, T>(beta1);
            _rest1 = Number<V, T>(1 - beta1);
            _beta2 = Number<V, T>(beta2);
            _rest2 = Number<V, T>(1 - beta2);
            _eps = Number<V, T>(attributes.Float(2));
            Decay = Number<V, T>(decoupled ? 0 : decay);
            _keep = Number<V, T>(decoupled ? 1 - rate * decay : 1);
            _rate = Number<V, T>(rate / (1 - Math.Pow(beta1, step)));
            _correction = Number<V, T>(Math.Sqrt(1 - Math.Pow(beta2, step)));
        }

        public static AmsGradFormula<V, T> Create(double rate, double step, Attributes attributes) =>
            new(rate, step, attributes);

        public V Decay { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Next(V p, V g, ref V average, ref V squareAverage, ref V largest)
        {
            average = V.MultiplyAdd(average, _beta1, g * _rest1);
            squareAverage = V.MultiplyAdd(squareAverage, _beta2, g * g * _rest2);
            // A mean square that is NaN stays so: the maximum is its second argument where either is.
            largest = V.Max(largest, squareAverage);
            return p * _keep - average * _rate / (V.Sqrt(largest) / _correction + _eps);
        }
    }
}
