// Variant 2: implicit GEMM. Blocks of 256 threads compute tiles of 64 x 64 with the register tiles of the matrix product
// (gemm/register_tiled.cuh): 4 x 4 elements per thread, two stages in shared memory, so that an operand is read from
// global memory once per 64 elements of the result. What a row, column or step contributes to the place of an operand is
// worked out when the thread begins to load it, and not for each product. Each thread loads along whichever side
// neighbours lie: columns of the result where they are positions, steps where those are.
//
// The weight's gradient has few elements, and each sums over all images and positions: its depth is divided into parts,
// whose sums go to the workspace and are joined in order.
#ifndef CUDANET_KERNELS_CONV_TILED_CUH
#define CUDANET_KERNELS_CONV_TILED_CUH

#include "../gemm/register_tiled.cuh"
#include "problem.cuh"

namespace cn {

constexpr int conv_side = 64, conv_own = 4, conv_depth = 16;
constexpr int conv_threads = (conv_side / conv_own) * (conv_side / conv_own);

// The two operands as a loader sees them: `side` and `step` say what a row or column, and a step of k, contribute.
template <class T, int AXES, bool DIVIDES>
struct ConvOperandA {
    const ConvProblem<T, AXES, DIVIDES>* p;
    const T* from;
    using Place = int64_t;

    __device__ __forceinline__ Place side(int32_t row) const { return row * p->a_row; }
    __device__ __forceinline__ Place step(int32_t k) const { return p->a_steps.at(k); }
    __device__ __forceinline__ T get(Place side, Place step) const { return from[side + step]; }
};
template <class T, int AXES, bool DIVIDES>
struct ConvOperandB {
    const ConvProblem<T, AXES, DIVIDES>* p;
    const T* from;
    using Place = ConvPlace<AXES, int32_t>;

    __device__ __forceinline__ Place side(int32_t column) const { return p->columns.at(column); }
    __device__ __forceinline__ Place step(int32_t k) const { return p->steps.at(k); }
    __device__ __forceinline__ T get(const Place& side, const Place& step) const {
        return p->image.get(from, side, step);
    }
};

// tile[k][i] = operand at (first + i, begin + k), zero outside. Threads that follow each other load along k where BY_DEPTH.
template <class T, class Operand, bool BY_DEPTH>
struct ConvLoader {
    static constexpr int per_thread = conv_side * conv_depth / conv_threads;
    static constexpr int lines = conv_threads / (BY_DEPTH ? conv_depth : conv_side);

    Operand operand;
    typename Operand::Place sides[BY_DEPTH ? per_thread : 1];
    int32_t first, count, begin, end;
    T held[per_thread];

    __device__ __forceinline__ ConvLoader(const Operand& of, int32_t first_, int32_t count_, int32_t begin_,
                                          int32_t end_)
        : operand(of), first(first_), count(count_), begin(begin_), end(end_) {
#pragma unroll
        for (int e = 0; e < (BY_DEPTH ? per_thread : 1); e++) sides[e] = operand.side(first + own(e));
    }
    __device__ __forceinline__ static int own(int e) {
        const int thread = static_cast<int>(threadIdx.x);
        return BY_DEPTH ? thread / conv_depth + e * lines : thread % conv_side;
    }
    __device__ __forceinline__ static int own_k(int e) {
        const int thread = static_cast<int>(threadIdx.x);
        return BY_DEPTH ? thread % conv_depth : thread / conv_side + e * lines;
    }
    __device__ __forceinline__ void fetch(int64_t k0) {
        typename Operand::Place step = operand.step(begin + static_cast<int32_t>(k0) + own_k(0));
#pragma unroll
        for (int e = 0; e < per_thread; e++) {
            int32_t k = begin + static_cast<int32_t>(k0) + own_k(e);
            if (!BY_DEPTH && e > 0) step = operand.step(k);
            bool in = first + own(e) < count && k < end;
            held[e] = in ? operand.get(sides[BY_DEPTH ? e : 0], step) : from_acc<T>(0);
        }
    }
    __device__ __forceinline__ void put(acc_t<T> (&tile)[conv_depth][conv_side + 4]) const {
#pragma unroll
        for (int e = 0; e < per_thread; e++) tile[own_k(e)][own(e)] = to_acc(held[e]);
    }
};

struct ConvTile {
    int64_t row, column, group, part, begin, end;  // first row and column; the part of the depth
};

// Tiles by group and by part of the depth; `sums` receives the parts where there are several.
struct ConvTiles {
    int64_t rows, columns, parts, depth, count;

    template <class P>
    static ConvTiles of(const P& p, int64_t parts) {
        int64_t rows = cn_ceil_div(p.m, conv_side), columns = cn_ceil_div(p.n, conv_side);
        int64_t depth = cn_ceil_div(cn_ceil_div(p.k, parts), conv_depth) * conv_depth;
        return {rows, columns, parts, depth, rows * columns * parts * p.groups};
    }
    __device__ __forceinline__ ConvTile at(int64_t tile, int64_t k) const {
        int64_t rest = tile / rows, line = rest / columns, group = line / parts, part = line - group * parts;
        int64_t begin = part * depth, end = begin + depth < k ? begin + depth : k;
        return {(tile - rest * rows) * conv_side, (rest - line * columns) * conv_side, group, part, begin, end};
    }
};

// Writes a thread's elements of a tile: to C, or to the sums of the tile's part. `number` gives the column of C that a
// column of the tiles is.
template <class P, class A, class Number>
__device__ __forceinline__ void store_conv_tile(const P& p, const ConvTile& tile, A* part_sums,
                                                const A (&sums)[conv_own][conv_own], Number number) {
    constexpr int across = conv_side / conv_own;
    const int tx = threadIdx.x % across, ty = threadIdx.x / across;
#pragma unroll
    for (int j = 0; j < conv_own; j++) {
        int64_t place = tile.column + spread<conv_side, conv_own>(tx, j);
        if (place >= p.n) continue;
        const int32_t column = number(static_cast<int32_t>(place));
        int64_t offset = p.c_columns.at(column);
#pragma unroll
        for (int i = 0; i < conv_own; i++) {
            int64_t row = tile.row + spread<conv_side, conv_own>(ty, i);
            if (row >= p.m) continue;
            if (part_sums)
                part_sums[((tile.part * p.groups + tile.group) * p.m + row) * p.n + column] = sums[i][j];
            else
                p.put(tile.group, row, offset, sums[i][j]);
        }
    }
}

template <class T, int AXES, bool DIVIDES, bool B_BY_DEPTH>
__global__ void __launch_bounds__(conv_threads)
    conv_v2(ConvProblem<T, AXES, DIVIDES> p, ConvTiles tiles, acc_t<T>* part_sums) {
    using A = acc_t<T>;
    using OperandA = ConvOperandA<T, AXES, DIVIDES>;
    using OperandB = ConvOperandB<T, AXES, DIVIDES>;
    CN_SHARED(A, a_tile, [2][conv_depth][conv_side + 4]);
    CN_SHARED(A, b_tile, [2][conv_depth][conv_side + 4]);
    for (int64_t at = blockIdx.x; at < tiles.count; at += gridDim.x) {
        const ConvTile tile = tiles.at(at, p.k);
        ConvLoader<T, OperandA, true> a_loader(OperandA{&p, p.a + tile.group * p.a_group}, tile.row, p.m, tile.begin,
                                               tile.end);
        ConvLoader<T, OperandB, B_BY_DEPTH> b_loader(OperandB{&p, p.image.data + tile.group * p.b_group}, tile.column,
                                                     p.n, tile.begin, tile.end);
        A sums[conv_own][conv_own] = {};
        multiply_tile<conv_side>(a_loader, b_loader, tile.end - tile.begin, a_tile, b_tile, sums);
        store_conv_tile(p, tile, part_sums, sums, [](int32_t column) { return column; });
    }
}

template <class T>
__global__ void __launch_bounds__(256)
    conv_join(const acc_t<T>* __restrict__ part_sums, T* __restrict__ c, int64_t count, int64_t parts) {
    for (int64_t at = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x; at < count; at += 256LL * gridDim.x) {
        acc_t<T> sum = 0;
        for (int64_t part = 0; part < parts; part++) sum += part_sums[part * count + at];
        c[at] = from_acc<T>(sum);
    }
}

// Parts of the depth: enough for some hundred blocks, each with at least 512 steps.
template <class P>
int64_t conv_parts(const P& p) {
    int64_t tiles = cn_ceil_div(p.m, conv_side) * cn_ceil_div(p.n, conv_side) * p.groups;
    int64_t most = p.k / 512, wanted = tiles ? 256 / tiles : 1;
    int64_t parts = wanted < most ? wanted : most;
    return parts < 1 ? 1 : parts;
}

// Room for the sums of several parts in the workspace; null where there is one part, which writes the result itself.
template <class T>
CnStatus conv_part_sums(const CnCall* call, int64_t parts, int64_t count, acc_t<T>** sums) {
    int64_t needed = parts > 1 ? parts * count * static_cast<int64_t>(sizeof(acc_t<T>)) : 0;
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    *sums = parts > 1 ? static_cast<acc_t<T>*>(call->workspace) : nullptr;
    return CN_OK;
}

template <class T>
CnStatus join_conv_parts(const CnCall* call, const acc_t<T>* sums, T* c, int64_t count, int64_t parts) {
    if (!sums) return CN_OK;
    return CN_LAUNCH(call, (conv_join<T>), cn_ceil_div(count, 256), 256, 0, sums, c, count, parts);
}

// Runs `launch(grid, tiles, sums)` over parts of the depth and joins their sums.
template <class T, int AXES, bool DIVIDES, class Launch>
CnStatus launch_conv_parts(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p, int64_t parts, Launch launch) {
    auto tiles = ConvTiles::of(p, parts);
    int64_t count = p.groups * p.m * p.n;
    acc_t<T>* sums = nullptr;
    CN_TRY(conv_part_sums<T>(call, parts, count, &sums));
    CN_TRY(launch(tiles.count < INT32_MAX ? tiles.count : INT32_MAX, tiles, sums));
    return join_conv_parts<T>(call, sums, p.c, count, parts);
}

template <bool B_BY_DEPTH, class T, int AXES, bool DIVIDES>
CnStatus launch_conv_v2(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p) {
    return launch_conv_parts<T>(call, p, B_BY_DEPTH ? conv_parts(p) : 1, [&](auto grid, const auto& tiles, auto* sums) {
        return CN_LAUNCH(call, (conv_v2<T, AXES, DIVIDES, B_BY_DEPTH>), grid, conv_threads, 0, p, tiles, sums);
    });
}

}  // namespace cn

#endif
