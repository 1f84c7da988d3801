using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>Contiguous copies of strided tensors, by the size of an element.</summary>
internal static unsafe class CpuCopy
{
    private const int Tile = 16; // a side of a tile: one cache line of f32

    public static void Run(Tensor x, Tensor y)
    {
        switch (x.DType.Size)
        {
            case 1:
                Run<byte>(x, y);
                break;
            case 2:
                Run<ushort>(x, y);
                break;
            case 4:
                Run<uint>(x, y);
                break;
            default:
                Run<ulong>(x, y);
                break;
        }
    }

    private static void Run<T>(Tensor x, Tensor y)
        where T : unmanaged
    {
        var walk = new StridedWalk(y.Shape, x);
        if (!TryTranspose<T>(walk, x, y))
            StridedWalk.Run(walk, new CopyLoop<T>(x, y, walk.A[walk.Rank - 1]), 1);
    }

    /// <summary>
    /// Where the source's neighbours lie along another axis than the last, both are walked in square tiles: each cache line, once
    /// read, is used up before it is thrown out.
    /// </summary>
    private static bool TryTranspose<T>(in StridedWalk walk, Tensor x, Tensor y)
        where T : unmanaged
    {
        var inner = walk.Rank - 1;
        var dense = -1;
        for (var axis = 0; axis < inner; axis++)
            if (walk.A[axis] == 1)
                dense = axis;
        if (dense < 0 || walk.A[inner] == 0 || walk.Sizes[dense] < Tile || walk.Sizes[inner] < Tile)
            return false;
        new Transposition<T>(walk, dense, x, y).Run();
        return true;
    }

    private readonly struct CopyLoop<T>(Tensor x, Tensor y, long step) : IInnerLoop
        where T : unmanaged
    {
        private readonly T* _x = (T*)x.Data;
        private readonly T* _y = (T*)y.Data;

        public void Run(long at, long a, long b, long c, long count)
        {
            if (step == 1)
                Buffer.MemoryCopy(_x + a, _y + at, count * sizeof(T), count * sizeof(T));
            else
                ElementBlocks.Gather(_x + a, step, _y + at, count);
        }
    }

    private sealed class Transposition<T>
        where T : unmanaged
    {
        private readonly StridedWalk _walk;
        private readonly PerAxis _target;
        private readonly int _dense;
        private readonly T* _x;
        private readonly T* _y;

        public Transposition(in StridedWalk walk, int dense, Tensor x, Tensor y)
        {
            (_walk, _dense) = (walk, dense);
            _x = (T*)x.Data;
            _y = (T*)y.Data;
            long step = 1;
            for (var axis = walk.Rank - 1; axis >= 0; axis--)
            {
                _target[axis] = step;
                step *= walk.Sizes[axis];
            }
        }

        public void Run()
        {
            var inner = _walk.Rank - 1;
            var bands = (_walk.Sizes[_dense] + Tile - 1) / Tile;
            var planes = _walk.Count / _walk.Sizes[inner] / _walk.Sizes[_dense];
            CpuThreads.For(
                planes * bands,
                2 * Tile * _walk.Sizes[inner],
                (first, last) =>
                {
                    for (var item = first; item < last; item++)
                        CopyBand(item / bands, item % bands * Tile);
                }
            );
        }

        private void CopyBand(long plane, long row)
        {
            var inner = _walk.Rank - 1;
            var x = _x;
            var y = _y;
            for (var axis = inner - 1; axis >= 0; axis--)
            {
                if (axis == _dense)
                    continue;
                var at = plane % _walk.Sizes[axis];
                plane /= _walk.Sizes[axis];
                x += at * _walk.A[axis];
                y += at * _target[axis];
            }
            x += row;
            y += row * _target[_dense];
            var rows = (int)Math.Min(Tile, _walk.Sizes[_dense] - row);
            for (long column = 0; column < _walk.Sizes[inner]; column += Tile)
            {
                var columns = (int)Math.Min(Tile, _walk.Sizes[inner] - column);
                CopyTile(x + column * _walk.A[inner], _walk.A[inner], y + column, _target[_dense], rows, columns);
            }
        }

        private static void CopyTile(T* x, long xStep, T* y, long yStep, int rows, int columns)
        {
            var (wholeRows, wholeColumns) =
                sizeof(T) == sizeof(float) && Sse.IsSupported ? (rows & ~3, columns & ~3) : (0, 0);
            for (var c = 0; c < wholeColumns; c += 4)
            for (var r = 0; r < wholeRows; r += 4)
                Transpose4((float*)(x + r + c * xStep), xStep, (float*)(y + c + r * yStep), yStep);
            for (var r = 0; r < rows; r++)
            {
                var source = x + r;
                var target = y + r * yStep;
                for (var c = r < wholeRows ? wholeColumns : 0; c < columns; c++)
                    target[c] = source[c * xStep];
            }
        }

        /// <summary>Four by four in registers; bits are moved as they are, whatever they mean.</summary>
        private static void Transpose4(float* x, long xStep, float* y, long yStep)
        {
            var (a, b) = (Vector128.Load(x), Vector128.Load(x + xStep));
            var (c, d) = (Vector128.Load(x + 2 * xStep), Vector128.Load(x + 3 * xStep));
            var (lowAB, lowCD) = (Sse.UnpackLow(a, b), Sse.UnpackLow(c, d));
            var (highAB, highCD) = (Sse.UnpackHigh(a, b), Sse.UnpackHigh(c, d));
            Sse.MoveLowToHigh(lowAB, lowCD).Store(y);
            Sse.MoveHighToLow(lowCD, lowAB).Store(y + yStep);
            Sse.MoveLowToHigh(highAB, highCD).Store(y + 2 * yStep);
            Sse.MoveHighToLow(highCD, highAB).Store(y + 3 * yStep);
        }
    }
}
