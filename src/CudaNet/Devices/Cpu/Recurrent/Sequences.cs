using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>A cell of a recurrent layer, going forward: what happens to one row, a sequence at a step.</summary>
internal unsafe interface IForwardCell<T>
    where T : unmanaged, INumber<T>
{
    static abstract int Gates { get; }

    /// <summary>Puts the state of a sequence before its first step, other than h, where the steps will find it.</summary>
    void Start(long b, int units);

    /// <summary>One step: new h from the gates of input and state and from the old h.</summary>
    void Step<V>(in CellPlace place, T* x, T* hidden, T* before, T* h)
        where V : unmanaged, ISimd<V, T>;

    /// <summary>A row beyond a sequence's end.</summary>
    void Idle(in CellPlace place);
}

/// <summary>A cell of a recurrent layer, going backward.</summary>
internal unsafe interface IBackwardCell<T>
    where T : unmanaged, INumber<T>
{
    static abstract int Gates { get; }

    /// <summary>Puts the gradient of a sequence's last state, other than h, where the steps will find it.</summary>
    void Start(long b, int units);

    /// <summary>One step: the gradients of the hidden gates from that of h, which is replaced by what reaches the old h directly.</summary>
    void Step<V>(in CellPlace place, T* dh, T* gates)
        where V : unmanaged, ISimd<V, T>;

    /// <summary>A row beyond a sequence's end.</summary>
    void Idle(in CellPlace place);
}

/// <summary>A row of (steps, batch, …) tensors, that of the step before, and the sequence.</summary>
internal readonly record struct CellPlace(long Row, long Before, long Sequence, bool IsFirst, int Units);

/// <summary>
/// Runs recurrent layers over whole sequences: for each step one matrix product, and a cell on its rows while they are in the cache. Sequences
/// do not depend on each other, so cores take some of them each and meet only at the end.
/// </summary>
internal static unsafe class CpuSequences
{
    private const int MostRows = 14; // of a register tile: one strip of the weight then serves all rows of a part
    private const int WorkPerElement = 8; // multiply-adds that cost as much as an element of a loop

    /// <summary>output and h_n, the first two outputs, from input_gates and hx, the first two inputs.</summary>
    public static void Forward<V, T, TCell>(in OpCall call, int weight, TCell cell)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
        where TCell : struct, IForwardCell<T>
    {
        var order = StepOrder.Of(call, 0, weight + 2);
        var units = (int)call.Input(weight).Shape[1];
        var (x, hx) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
        var (output, state) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data);
        var bias = call.Has(weight + 1) ? (nint)call.Input(weight + 1).Data : 0;
        var gates = TCell.Gates * units;
        using var turned = Turned<T>.Of(call.Input(weight), order.Steps);
        var (w, stepK, stepN) = (turned.Address, turned.RowStep, turned.ColumnStep);
        InParts(
            order,
            gates * units,
            (first, last) =>
            {
                var rows = last - first;
                var hidden = (T*)NativeMemory.Alloc((nuint)(rows * gates), (nuint)sizeof(T));
                Copy((T*)hx + first * units, (T*)state + first * units, rows * units);
                for (var b = first; b < last; b++)
                    cell.Start(b, units);
                for (long step = 0; step < order.Steps; step++)
                {
                    Gemm.Run(
                        new GemmProblem<T>
                        {
                            M = (nint)rows,
                            N = gates,
                            K = units,
                            A = (T*)state + first * units,
                            ARow = units,
                            ACol = 1,
                            B = (T*)w,
                            BRow = stepK,
                            BCol = stepN,
                            C = hidden,
                            CRow = gates,
                            Bias = (T*)bias,
                        },
                        parallel: false
                    );
                    for (var b = first; b < last; b++)
                    {
                        var place = new CellPlace(order.Row(step, b), order.Row(step - 1, b), b, step == 0, units);
                        var h = (T*)output + place.Row * units;
                        var own = (T*)state + b * units;
                        if (step >= order.Length(b))
                        {
                            new Span<T>(h, units).Clear();
                            cell.Idle(place);
                            continue;
                        }
                        cell.Step<V>(place, (T*)x + place.Row * gates, hidden + (b - first) * gates, own, h);
                        Copy(h, own, units);
                    }
                }
                NativeMemory.Free(hidden);
            }
        );
    }

    /// <summary>Gradients of hidden gates and hx from those of output and h_n, the first two inputs.</summary>
    public static void Backward<V, T, TCell>(in OpCall call, int weight, Tensor gradGates, Tensor gradState, TCell cell)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
        where TCell : struct, IBackwardCell<T>
    {
        var order = StepOrder.Of(call, 0, weight + 1);
        var units = (int)call.Input(weight).Shape[1];
        var (gradient, last_) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
        var (w, d, state) = ((nint)call.Input(weight).Data, (nint)gradGates.Data, (nint)gradState.Data);
        var gates = TCell.Gates * units;
        InParts(
            order,
            gates * units,
            (first, last) =>
            {
                var rows = last - first;
                var through = (T*)NativeMemory.AllocZeroed((nuint)(rows * units), (nuint)sizeof(T));
                // Where sequences are at different positions, a step's gradients are gathered.
                var gathered = order.IsEven ? null : (T*)NativeMemory.Alloc((nuint)(rows * gates), (nuint)sizeof(T));
                Copy((T*)last_ + first * units, (T*)state + first * units, rows * units);
                for (var b = first; b < last; b++)
                    cell.Start(b, units);
                for (var step = order.Steps - 1; step >= 0; step--)
                {
                    for (var b = first; b < last; b++)
                    {
                        var place = new CellPlace(order.Row(step, b), order.Row(step - 1, b), b, step == 0, units);
                        var own = (T*)state + b * units;
                        var to = (T*)d + place.Row * gates;
                        Add<V, T>(through + (b - first) * units, own, units);
                        if (step < order.Length(b))
                        {
                            Add<V, T>((T*)gradient + place.Row * units, own, units);
                            cell.Step<V>(place, own, to);
                        }
                        else
                        {
                            new Span<T>(to, gates).Clear();
                            cell.Idle(place);
                        }
                        if (gathered != null)
                            Copy(to, gathered + (b - first) * gates, gates);
                    }
                    Gemm.Run(
                        new GemmProblem<T>
                        {
                            M = (nint)rows,
                            N = units,
                            K = gates,
                            A = gathered != null ? gathered : (T*)d + order.Row(step, first) * gates,
                            ARow = gates,
                            ACol = 1,
                            B = (T*)w,
                            BRow = units,
                            BCol = 1,
                            C = through,
                            CRow = units,
                        },
                        parallel: false
                    );
                }
                Add<V, T>(through, (T*)state + first * units, (int)(rows * units));
                NativeMemory.Free(gathered);
                NativeMemory.Free(through);
            }
        );
    }

    /// <summary>Runs cells by themselves, one row of the batch after the other.</summary>
    public static void Rows(Tensor state, Action<long, int> row)
    {
        const int Cost = 32; // of a unit, in elements of a loop
        var units = (int)state.Shape[1];
        CpuThreads.For(
            units == 0 ? 0 : state.Shape[0],
            Cost * units,
            (first, last) =>
            {
                for (var b = first; b < last; b++)
                    row(b, units);
            }
        );
    }

    private static void InParts(StepOrder order, long work, Action<long, long> body)
    {
        var parts = (order.Batch + MostRows - 1) / MostRows;
        CpuThreads.For(
            parts,
            order.Steps * MostRows * work / WorkPerElement,
            (from, to) =>
            {
                for (var part = from; part < to; part++)
                    body(order.Batch * part / parts, order.Batch * (part + 1) / parts);
            }
        );
    }

    private static void Copy<T>(T* source, T* target, long count)
        where T : unmanaged => new ReadOnlySpan<T>(source, (int)count).CopyTo(new Span<T>(target, (int)count));

    private static void Add<V, T>(T* source, T* target, int count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var i = 0;
        for (; i <= count - V.Count; i += V.Count)
            (V.Load(source + i) + V.Load(target + i)).Store(target + i);
        for (; i < count; i++)
            target[i] += source[i];
    }

    /// <summary>The hidden weight as the product wants it: rows along units, so that many steps need not pack it again.</summary>
    private readonly struct Turned<T> : IDisposable
        where T : unmanaged, INumber<T>
    {
        private const long FewSteps = 2;
        private readonly nint _memory;

        private Turned(nint memory, nint address, nint rowStep, nint columnStep) =>
            (_memory, Address, RowStep, ColumnStep) = (memory, address, rowStep, columnStep);

        public nint Address { get; }

        public nint RowStep { get; }

        public nint ColumnStep { get; }

        public static Turned<T> Of(Tensor weight, long steps)
        {
            var (rows, units) = ((nint)weight.Shape[0], (nint)weight.Shape[1]);
            var source = (T*)weight.Data;
            if (steps <= FewSteps)
                return new(0, (nint)source, 1, units);
            var target = (T*)NativeMemory.Alloc((nuint)(rows * units), (nuint)sizeof(T));
            const int Block = 16;
            for (nint row = 0; row < rows; row += Block)
            for (nint unit = 0; unit < units; unit++)
            for (var i = row; i < Math.Min(rows, row + Block); i++)
                target[unit * rows + i] = source[i * units + unit];
            return new((nint)target, (nint)target, rows, 1);
        }

        public void Dispose() => NativeMemory.Free((void*)_memory);
    }
}

/// <summary>Registers of a row whose length is no multiple of theirs.</summary>
internal static unsafe class RowLanes
{
    /// <summary>The next elements, as many as the register has or <paramref name="left"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V, T>(T* source, int left)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (left >= V.Count)
            return V.Load(source);
        V padded;
        return ElementBlocks.LoadPart<V, T>(source, left, &padded);
    }

    /// <summary>Writes as many elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V, T>(V value, T* target, int left)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (left >= V.Count)
        {
            value.Store(target);
            return;
        }
        V padded;
        ElementBlocks.StorePart<V, T>(value, target, left, &padded);
    }
}
