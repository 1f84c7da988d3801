// Variant 5, f32: blocks of 128 x 128 as variant 4, divided among 8 warps of 64 x 32 whose lanes are a grid of 8 x 4, and
// 8 x 8 elements per thread as four squares of 4 x 4. Against variant 4, where a warp covers 16 x 128, a warp reads 96
// instead of 144 different elements per step of k from shared memory, and the eight lanes that a 128-bit load serves at a
// time read six different vectors, which lie in different banks. The operands of the next step of k, and of the first one
// of the next stage, are on their way into registers while those of this one are multiplied. cp.async brings stages into a
// ring of four and transposes on the way, in copies of 4 bytes, what does not lie as it is read; so nothing waits in
// registers, of which two blocks per multiprocessor have 128 per thread.
#ifndef CUDANET_KERNELS_GEMM_WARP_TILED_CUH
#define CUDANET_KERNELS_GEMM_WARP_TILED_CUH

#include "split.cuh"

namespace cn {

constexpr int warp_tiled_side = 128, warp_tiled_depth = 8, warp_tiled_stages = 4, warp_tiled_threads = 256;
constexpr int warp_rows = 64, warp_cols = 32, warp_own = 8;  // what a warp covers, and a thread along each side

// The padding keeps vectors aligned, and neighbours along k in different banks.
using WarpTiledTile = float[warp_tiled_depth][warp_tiled_side + 4];

// How 128 rows of A (or columns of B) and 8 steps of k travel to shared memory as [k][row]: one vector per thread where the
// operand lies so, and otherwise four elements.
template <bool BY_K>
struct WarpTiledStrip {
    static constexpr int copies = warp_tiled_side * warp_tiled_depth / warp_tiled_threads;
    // From one of a thread's elements to the next.
    static constexpr int next_row = BY_K ? warp_tiled_threads / warp_tiled_depth : 0;
    static constexpr int next_k = BY_K ? 0 : warp_tiled_threads / warp_tiled_side;
    static_assert(copies == Vec<float>::size, "a vector is as much as all of a thread's elements");

    const float* from;  // this thread's part of the next stage
    int row, k;         // its place
    bool wide;

    __device__ __forceinline__ WarpTiledStrip(const float* at, int64_t own_step, int64_t k_step, bool aligned)
        : wide(!BY_K && aligned) {
        const int thread = static_cast<int>(threadIdx.x);
        row = BY_K ? thread / warp_tiled_depth : wide ? thread % 32 * 4 : thread % warp_tiled_side;
        k = BY_K ? thread % warp_tiled_depth : wide ? thread / 32 : thread / warp_tiled_side;
        from = at + row * own_step + k * k_step;
    }
    // Copies the next stage; `count` rows and `k_count` steps are inside, and what is not becomes zero.
    __device__ __forceinline__ void fetch(WarpTiledTile& tile, int count, int k_count, int64_t own_step,
                                          int64_t k_step) {
        if (wide) {
            int inside = k < k_count ? min(max(count - row, 0), copies) : 0;
            cp_async16(&tile[k][row], from, inside * 4);
        } else {
#pragma unroll(BY_K ? copies : 1)
            for (int e = 0; e < copies; e++) {
                bool inside = row + e * next_row < count && k + e * next_k < k_count;
                const float* at = from + e * (next_row * own_step + next_k * k_step);
                cp_async4(&tile[k + e * next_k][row + e * next_row], at, inside ? 4 : 0);
            }
        }
        from += warp_tiled_depth * k_step;
    }
};

// The i-th of a thread's elements along a side of SIDE elements of its warp: two groups of four.
template <int SIDE>
__device__ __forceinline__ int in_warp(int lane, int i) {
    return i / 4 * (SIDE / 2) + lane * 4 + i % 4;
}

template <int SIDE>
__device__ __forceinline__ void read_warp(const float* line, int lane, float (&own)[warp_own]) {
#pragma unroll
    for (int i = 0; i < warp_own; i += 4) {
        Vec<float> v = load_vec(line + in_warp<SIDE>(lane, i));
#pragma unroll
        for (int e = 0; e < 4; e++) own[i + e] = v.at[e];
    }
}

template <bool A_BY_K, bool B_BY_K, class E>
__global__ void __launch_bounds__(warp_tiled_threads, 2) gemm_v5(GemmProblem<float, E> p, GemmTiles tiles) {
    CN_SHARED(WarpTiledTile, a_tile, [warp_tiled_stages]);
    CN_SHARED(WarpTiledTile, b_tile, [warp_tiled_stages]);
    constexpr int depth = warp_tiled_depth;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int a_lane = lane / 4, b_lane = lane % 4;
    const int first_row = warp % 2 * warp_rows, first_col = warp / 2 * warp_cols;
    const GemmBlock<float> block = tiles.block(p, blockIdx.x);
    const int row_count = static_cast<int>(min(p.m - block.row, int64_t{warp_tiled_side}));
    const int col_count = static_cast<int>(min(p.n - block.col, int64_t{warp_tiled_side}));

    WarpTiledStrip<A_BY_K> a_strip(block.a, p.a_row, p.a_col, p.a_wide);
    WarpTiledStrip<B_BY_K> b_strip(block.b, p.b_col, p.b_row, p.b_wide);
    int64_t to_fetch = block.depth;
    auto fetch = [&](int stage) {
        const int k_count = static_cast<int>(min(to_fetch, int64_t{depth}));
        a_strip.fetch(a_tile[stage], row_count, k_count, p.a_row, p.a_col);
        b_strip.fetch(b_tile[stage], col_count, k_count, p.b_col, p.b_row);
        cp_async_commit();
        to_fetch -= depth;
    };
    for (int stage = 0; stage < warp_tiled_stages - 1; stage++) fetch(stage);
    cp_async_wait<warp_tiled_stages - 2>();
    __syncthreads();
    float own_a[2][warp_own], own_b[2][warp_own], sums[warp_own][warp_own] = {};
    read_warp<warp_rows>(&a_tile[0][0][first_row], a_lane, own_a[0]);
    read_warp<warp_cols>(&b_tile[0][0][first_col], b_lane, own_b[0]);
    int stage = 0, free_stage = warp_tiled_stages - 1;
    for (int64_t left = block.depth; left > 0; left -= depth) {
        fetch(free_stage);
#pragma unroll
        for (int k = 0; k < depth; k++) {
            if (k == depth - 1) {
                // The next stage is there for all, and all have read this one, which the next round may fill.
                free_stage = stage;
                stage = (stage + 1) % warp_tiled_stages;
                cp_async_wait<warp_tiled_stages - 2>();
                __syncthreads();
            }
            read_warp<warp_rows>(&a_tile[stage][(k + 1) % depth][first_row], a_lane, own_a[(k + 1) % 2]);
            read_warp<warp_cols>(&b_tile[stage][(k + 1) % depth][first_col], b_lane, own_b[(k + 1) % 2]);
#pragma unroll
            for (int i = 0; i < warp_own; i++) {
#pragma unroll
                for (int j = 0; j < warp_own; j++) sums[i][j] += own_a[k % 2][i] * own_b[k % 2][j];
            }
        }
    }
#pragma unroll 1
    for (int i = 0; i < warp_own; i++) {
        int64_t row = block.row + first_row + in_warp<warp_rows>(a_lane, i);
#pragma unroll
        for (int j = 0; j < warp_own; j += 4) {
            const float four[4] = {sums[0][j], sums[0][j + 1], sums[0][j + 2], sums[0][j + 3]};
            p.put(block, row, block.col + first_col + in_warp<warp_cols>(b_lane, j), four);
        }
        shift(sums);
    }
}

template <class E>
CnStatus launch_warp_tiled(const CnCall* call, const GemmProblem<float, E>& p) {
    return launch_parts(call, p, [&](const GemmProblem<float, E>& of) {
        auto tiles = GemmTiles::of(of, warp_tiled_side, warp_tiled_side);
        return for_layout(of, [&](auto a_by_k, auto b_by_k) {
            constexpr bool a = decltype(a_by_k)::value, b = decltype(b_by_k)::value;
            return CN_LAUNCH(call, (gemm_v5<a, b, E>), tiles.count, warp_tiled_threads, 0, of, tiles);
        });
    });
}

}  // namespace cn

#endif
