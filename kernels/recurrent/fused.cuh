// Variant 2 of a step: one kernel multiplies the state with the hidden weight and finishes the cell while the products are in
// registers. The tiles are those of the matrix product (gemm/register_tiled.cuh), 32 x 32 with 4 x 4 elements per thread.
//
// Forward, the four columns of a thread are the gates of one unit (a GRU has three: the fourth stays zero; a plain RNN has one
// per unit, and a thread four units), so nothing is exchanged between threads: the weight's rows are read in that order.
// Backward, a thread's columns are units, its sums the gradients that come back to them through the weight, and the epilogue
// makes of each the gradients of its gates, which the next kernel multiplies.
#ifndef CUDANET_KERNELS_RECURRENT_FUSED_CUH
#define CUDANET_KERNELS_RECURRENT_FUSED_CUH

#include "../gemm/register_tiled.cuh"
#include "step.cuh"

namespace cn {

constexpr int step_side = 32, step_own = 4, step_depth = 16;
constexpr int step_threads = (step_side / step_own) * (step_side / step_own);

// tile[k][i] = row(i)[k] for rows that lie anywhere in memory; zero where there is no row and beyond the depth.
template <class T>
struct RowLoader {
    static constexpr int V = Vec<T>::size;
    static constexpr int across = step_depth / V;
    static constexpr int groups = step_side * step_depth / (step_threads * V);
    static_assert(step_threads % across == 0 && groups >= 1, "a thread keeps its steps of k");

    const T* rows[groups];
    int64_t depth;
    bool wide;  // all rows begin at multiples of 16 bytes, and so does their end
    T held[groups * V];

    template <class Row>
    __device__ __forceinline__ RowLoader(const Row& row, int64_t depth_, bool wide_) : depth(depth_), wide(wide_) {
#pragma unroll
        for (int group = 0; group < groups; group++) rows[group] = row(own(group));
    }
    __device__ __forceinline__ static int own(int group) {
        return (group * step_threads + static_cast<int>(threadIdx.x)) / across;
    }
    __device__ __forceinline__ static int own_k() { return static_cast<int>(threadIdx.x) % across * V; }
    __device__ __forceinline__ void fetch(int64_t k0) {
        int64_t k = k0 + own_k();
#pragma unroll
        for (int group = 0; group < groups; group++) {
            if (wide && rows[group] && k < depth) {
                Vec<T> v = load_vec(rows[group] + k);
#pragma unroll
                for (int e = 0; e < V; e++) held[group * V + e] = v.at[e];
            } else {
#pragma unroll
                for (int e = 0; e < V; e++)
                    held[group * V + e] = rows[group] && k + e < depth ? rows[group][k + e] : from_acc<T>(0);
            }
        }
    }
    __device__ __forceinline__ void put(acc_t<T> (&tile)[step_depth][step_side + 4]) const {
#pragma unroll
        for (int group = 0; group < groups; group++) {
#pragma unroll
            for (int e = 0; e < V; e++) tile[own_k() + e][own(group)] = to_acc(held[group * V + e]);
        }
    }
};

template <class T, class Cell>
__global__ void __launch_bounds__(step_threads)
    forward_fused(ForwardStep<T, Cell> f, int64_t s, int64_t row_tiles, bool wide) {
    using A = acc_t<T>;
    CN_SHARED(A, a_tile, [2][step_depth][step_side + 4]);
    CN_SHARED(A, b_tile, [2][step_depth][step_side + 4]);
    constexpr int across = step_side / step_own;
    const int tx = threadIdx.x % across, ty = threadIdx.x / across;
    const Steps& steps = f.steps;
    int64_t tile = blockIdx.x, column_tile = tile / row_tiles;
    int64_t row0 = (tile - column_tile * row_tiles) * step_side, unit0 = column_tile * (step_side / Cell::slots);
    auto state = [&](int i) -> const T* {
        int64_t b = row0 + i;
        if (b >= steps.batch) return nullptr;
        return s == 0 ? f.hx + b * steps.units : f.output + steps.row(s - 1, b, steps.length(b)) * steps.units;
    };
    auto weight = [&](int column) -> const T* {
        int64_t unit = unit0 + column / Cell::slots, gate = column % Cell::slots;
        return unit < steps.units && gate < Cell::gates ? f.weight + (gate * steps.units + unit) * steps.units
                                                        : nullptr;
    };
    RowLoader<T> a_loader(state, steps.units, wide), b_loader(weight, steps.units, wide);
    A sums[step_own][step_own] = {};
    multiply_tile<step_side>(a_loader, b_loader, steps.units, a_tile, b_tile, sums);
#pragma unroll
    for (int i = 0; i < step_own; i++) {
        int64_t b = row0 + spread<step_side, step_own>(ty, i);
#pragma unroll
        for (int j = 0; j < step_own; j += Cell::slots) {
            int64_t unit = unit0 + spread<step_side, step_own>(tx, j) / Cell::slots;
            if (b >= steps.batch || unit >= steps.units) continue;
            A hidden[Cell::slots];
#pragma unroll
            for (int g = 0; g < Cell::slots; g++) hidden[g] = sums[i][j + g];
            f.finish(s, b, unit, hidden);
        }
    }
}

template <class T, class Cell>
__global__ void __launch_bounds__(step_threads)
    backward_fused(BackwardStep<T, Cell> f, int64_t s, int64_t row_tiles, bool wide) {
    using A = acc_t<T>;
    CN_SHARED(A, a_tile, [2][step_depth][step_side + 4]);
    CN_SHARED(A, b_tile, [2][step_depth][step_side + 4]);
    constexpr int across = step_side / step_own;
    const int tx = threadIdx.x % across, ty = threadIdx.x / across;
    const Steps& steps = f.steps;
    int64_t tile = blockIdx.x, column_tile = tile / row_tiles;
    int64_t row0 = (tile - column_tile * row_tiles) * step_side, unit0 = column_tile * step_side;
    const int64_t gates = Cell::gates * steps.units;
    // Those of a sequence that has ended are zero.
    auto gradient = [&](int i) -> const T* {
        int64_t b = row0 + i;
        if (b >= steps.batch) return nullptr;
        return f.cell.grad_hidden_gates + steps.row(s + 1, b, steps.length(b)) * gates;
    };
    RowLoader<T> a_loader(gradient, gates, wide);
    StripLoader<T, step_side, step_depth, step_threads> b_loader;
    b_loader.begin(f.weight + unit0, 1, steps.units, steps.units - unit0, gates);
    A sums[step_own][step_own] = {};
    multiply_tile<step_side>(a_loader, b_loader, gates, a_tile, b_tile, sums);
#pragma unroll
    for (int i = 0; i < step_own; i++) {
        int64_t b = row0 + spread<step_side, step_own>(ty, i);
#pragma unroll
        for (int j = 0; j < step_own; j++) {
            int64_t unit = unit0 + spread<step_side, step_own>(tx, j);
            if (b < steps.batch && unit < steps.units) f.finish(s, b, unit, sums[i][j]);
        }
    }
}

template <class T, class Cell>
CnStatus launch_fused(const CnCall* call, const ForwardStep<T, Cell>& f, int64_t s) {
    int64_t row_tiles = cn_ceil_div(f.steps.batch, step_side);
    int64_t column_tiles = cn_ceil_div(f.steps.units, step_side / Cell::slots);
    bool wide = cn_vectorizes<T>(s == 0 ? f.hx : f.output, f.steps.units) && cn_vectorizes<T>(f.weight, f.steps.units);
    return CN_LAUNCH(call, (forward_fused<T, Cell>), row_tiles * column_tiles, step_threads, 0, f, s, row_tiles, wide);
}
template <class T, class Cell>
CnStatus launch_fused(const CnCall* call, const BackwardStep<T, Cell>& f, int64_t s) {
    int64_t row_tiles = cn_ceil_div(f.steps.batch, step_side), column_tiles = cn_ceil_div(f.steps.units, step_side);
    bool wide = cn_vectorizes<T>(f.cell.grad_hidden_gates, f.steps.units);
    return CN_LAUNCH(call, (backward_fused<T, Cell>), row_tiles * column_tiles, step_threads, 0, f, s, row_tiles, wide);
}

}  // namespace cn

#endif
