using System.Numerics;

namespace CudaNet;

/// <summary>Vectorised layer normalisation: one row at a time, two passes over a row that the first pass has brought into the cache.</summary>
internal static unsafe class CpuLayerNorm
{
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

    private static void Forward<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var n = (int)new Shape(call.Attributes.Ints(0)).NumElements;
        var eps = T.CreateTruncating(call.Attributes.Float(1));
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var (mean, rstd) = ((nint)call.Output(1).Data, (nint)call.Output(2).Data);
        var weight = call.Has(1) ? (nint)call.Input(1).Data : 0;
        var bias = call.Has(2) ? (nint)call.Input(2).Data : 0;
        CpuThreads.For(
            call.Output(1).NumElements,
            n,
            (first, last) =>
            {
                for (var row = first; row < last; row++)
                {
                    var source = new ReadOnlySpan<T>((T*)x + row * n, n);
                    var m = Sum(source) / T.CreateTruncating(n);
                    var r = T.One / T.Sqrt(SumSquares(source, m) / T.CreateTruncating(n) + eps);
                    ((T*)mean)[row] = m;
                    ((T*)rstd)[row] = r;
                    Normalise(source, m, r, (T*)weight, (T*)bias, (T*)y + row * n);
                }
            }
        );
    }

    public static T Sum<T>(ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var (a, b) = (Vector<T>.Zero, Vector<T>.Zero);
        var i = 0;
        for (; i <= x.Length - 2 * width; i += 2 * width)
        {
            a += new Vector<T>(x[i..]);
            b += new Vector<T>(x[(i + width)..]);
        }
        var sum = Vector.Sum(a + b);
        for (; i < x.Length; i++)
            sum += x[i];
        return sum;
    }

    /// <summary>Σ (x − mean)².</summary>
    public static T SumSquares<T>(ReadOnlySpan<T> x, T mean)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var m = new Vector<T>(mean);
        var (a, b) = (Vector<T>.Zero, Vector<T>.Zero);
        var i = 0;
        for (; i <= x.Length - 2 * width; i += 2 * width)
        {
            var (p, q) = (new Vector<T>(x[i..]) - m, new Vector<T>(x[(i + width)..]) - m);
            a += p * p;
            b += q * q;
        }
        var sum = Vector.Sum(a + b);
        for (; i < x.Length; i++)
            sum += (x[i] - mean) * (x[i] - mean);
        return sum;
    }

    private static void Normalise<T>(ReadOnlySpan<T> x, T mean, T rstd, T* weight, T* bias, T* y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var (m, r) = (new Vector<T>(mean), new Vector<T>(rstd));
        var i = 0;
        for (; i <= x.Length - width; i += width)
        {
            var value = (new Vector<T>(x[i..]) - m) * r;
            if (weight != null)
                value *= Vector.Load(weight + i);
            if (bias != null)
                value += Vector.Load(bias + i);
            value.Store(y + i);
        }
        for (; i < x.Length; i++)
            y[i] = (x[i] - mean) * rstd * (weight == null ? T.One : weight[i]) + (bias == null ? T.Zero : bias[i]);
    }

    private static void Backward<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var n = (int)new Shape(call.Attributes.Ints(0)).NumElements;
        var rows = call.Input(3).NumElements;
        var (g, x) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
        var weight = call.Has(2) ? (nint)call.Input(2).Data : 0;
        var (mean, rstd) = ((nint)call.Input(3).Data, (nint)call.Input(4).Data);
        var gx = (nint)call.Output(0).Data;
        CpuThreads.For(
            rows,
            2 * n,
            (first, last) =>
            {
                for (var row = first; row < last; row++)
                    GradRow(
                        (T*)g + row * n,
                        (T*)x + row * n,
                        (T*)weight,
                        ((T*)mean)[row],
                        ((T*)rstd)[row],
                        (T*)gx + row * n,
                        n
                    );
            }
        );
        if (weight == 0)
            return;
        var (gw, gb) = ((nint)call.Output(1).Data, (nint)call.Output(2).Data);
        // Columns are split, not rows, so that every sum has one order whatever the number of threads.
        CpuThreads.For(
            n,
            4 * rows,
            (first, last) =>
            {
                var length = (int)(last - first);
                new Span<T>((T*)gw + first, length).Clear();
                new Span<T>((T*)gb + first, length).Clear();
                for (long row = 0; row < rows; row++)
                    GradColumns(
                        (T*)g + row * n + first,
                        (T*)x + row * n + first,
                        ((T*)mean)[row],
                        ((T*)rstd)[row],
                        (T*)gw + first,
                        (T*)gb + first,
                        length
                    );
            }
        );
    }

    private static void GradRow<T>(T* g, T* x, T* weight, T mean, T rstd, T* gx, int n)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var (m, r) = (new Vector<T>(mean), new Vector<T>(rstd));
        var (sums, products) = (Vector<T>.Zero, Vector<T>.Zero);
        var i = 0;
        for (; i <= n - width; i += width)
        {
            var scaled = Vector.Load(g + i);
            if (weight != null)
                scaled *= Vector.Load(weight + i);
            sums += scaled;
            products += scaled * ((Vector.Load(x + i) - m) * r);
        }
        var (sum, product) = (Vector.Sum(sums), Vector.Sum(products));
        for (; i < n; i++)
        {
            var scaled = g[i] * (weight == null ? T.One : weight[i]);
            sum += scaled;
            product += scaled * ((x[i] - mean) * rstd);
        }
        sum /= T.CreateTruncating(n);
        product /= T.CreateTruncating(n);
        var (s, p) = (new Vector<T>(sum), new Vector<T>(product));
        for (i = 0; i <= n - width; i += width)
        {
            var scaled = Vector.Load(g + i);
            if (weight != null)
                scaled *= Vector.Load(weight + i);
            (r * (scaled - s - (Vector.Load(x + i) - m) * r * p)).Store(gx + i);
        }
        for (; i < n; i++)
            gx[i] = rstd * (g[i] * (weight == null ? T.One : weight[i]) - sum - (x[i] - mean) * rstd * product);
    }

    private static void GradColumns<T>(T* g, T* x, T mean, T rstd, T* gw, T* gb, int n)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var (m, r) = (new Vector<T>(mean), new Vector<T>(rstd));
        var i = 0;
        for (; i <= n - width; i += width)
        {
            var gradient = Vector.Load(g + i);
            (Vector.Load(gw + i) + gradient * ((Vector.Load(x + i) - m) * r)).Store(gw + i);
            (Vector.Load(gb + i) + gradient).Store(gb + i);
        }
        for (; i < n; i++)
        {
            gw[i] += g[i] * ((x[i] - mean) * rstd);
            gb[i] += g[i];
        }
    }
}
