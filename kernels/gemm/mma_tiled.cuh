// Variants 6 and 7 (f16 and bf16) and 9 and 10 (f32 rounded to tf32): tensor cores. Four warps compute a square of 64 x 64
// (6 and 9) or of 128 x 128 (7 and 10), each a quarter of it, in pieces of 16 x 8 whose sums stay in registers; the larger
// square reads half as much from the L2 cache and from shared memory for a product, the smaller one leaves fewer
// multiprocessors idle. cp.async brings the operands into a ring of four stages without passing through registers: three
// are under way while one is multiplied, and one barrier per stage is enough. ldmatrix reads fragments from tiles in
// either layout, so that no operand is transposed in memory, and the fragments of the next step are read while this
// one's are multiplied. Where an operand has no axis without gaps, or lines that do not begin at multiples of 16 bytes,
// variants 6 and 9 copy its elements one by one into the same tiles, and 7 and 10 refuse it.
#ifndef CUDANET_KERNELS_GEMM_MMA_TILED_CUH
#define CUDANET_KERNELS_GEMM_MMA_TILED_CUH

#include "../device/mma.cuh"
#include "split.cuh"

namespace cn {

constexpr int mma_threads = 128, mma_stages = 4;

// A strip of LENGTH rows of A (or columns of B) and one stage of k, in shared memory as mma.cuh reads it.
template <class T, int LENGTH, bool BY_K>
struct MmaStrip {
    static constexpr int V = Vec<T>::size, depth = 64 / sizeof(T);
    static constexpr int lines = BY_K ? LENGTH : depth, length = BY_K ? depth : LENGTH;
    static constexpr int pitch = length + (BY_K || sizeof(T) == 2 ? V : 2 * V);
    static constexpr int elements = lines * pitch;
    static constexpr int across = length / V, down = mma_threads / across;  // the threads as a grid over the tile
    static_assert(mma_threads % across == 0 && lines % down == 0, "every thread copies as many vectors");

    const T* from;  // this thread's first vector of the next stage

    static __device__ __forceinline__ int first() { return static_cast<int>(threadIdx.x) % across * V; }
    static __device__ __forceinline__ int line() { return static_cast<int>(threadIdx.x) / across; }

    __device__ __forceinline__ MmaStrip(const T* at, int64_t own_step, int64_t k_step)
        : from(at + line() * (BY_K ? own_step : k_step) + first() * (BY_K ? k_step : own_step)) {}

    // Copies the next stage; `count` rows and `k_left` steps are inside, and what is not becomes zero.
    template <bool ALL_WIDE>
    __device__ __forceinline__ void fetch(T* tile, int count, int64_t k_left, int64_t own_step, int64_t k_step,
                                          bool wide) {
        const int k_count = static_cast<int>(min(k_left, int64_t{depth}));
        const int line_count = BY_K ? count : k_count, left = (BY_K ? k_count : count) - first();
        const int most = min(max(left, 0), V);
        const int64_t below = down * (BY_K ? own_step : k_step);
        T* to = tile + line() * pitch + first();
        if (ALL_WIDE || wide) {
#pragma unroll
            for (int i = 0; i < lines / down; i++) {
                int inside = line() + i * down < line_count ? most : 0;
                cp_async16(to + i * down * pitch, from + i * below, inside * static_cast<int>(sizeof(T)));
            }
        } else {
            const int64_t step = BY_K ? k_step : own_step;
#pragma unroll 1
            for (int i = 0; i < lines / down; i++) {
                int inside = line() + i * down < line_count ? most : 0;
#pragma unroll
                for (int e = 0; e < V; e++) {
                    const T* at = from + i * below + e * step;
                    if constexpr (sizeof(T) == 4)
                        cp_async4(to + i * down * pitch + e, at, e < inside ? 4 : 0);
                    else
                        to[i * down * pitch + e] = e < inside ? *at : from_acc<T>(0);
                }
            }
        }
        from += depth * k_step;
    }
};

// The larger square has no registers left for copies of single elements.
template <class T, int SIDE, bool A_BY_K, bool B_BY_K, class E>
__global__ void __launch_bounds__(mma_threads, SIDE == 64 ? 4 : 2) gemm_mma(GemmProblem<T, E> p, GemmTiles tiles) {
    using StripA = MmaStrip<T, SIDE, A_BY_K>;
    using StripB = MmaStrip<T, SIDE, B_BY_K>;
    constexpr int part = SIDE / 2, strips = part / 16, depth = StripA::depth, steps = depth / Mma<T>::depth;
    static_assert(steps == 2, "the two sets of fragments take turns");
    CN_DYNAMIC_SHARED(T, a_tiles);
    T* b_tiles = a_tiles + mma_stages * StripA::elements;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int first_row = warp / 2 * part, first_col = warp % 2 * part;
    const GemmBlock<T> block = tiles.block(p, blockIdx.x);
    const int row_count = static_cast<int>(min(p.m - block.row, int64_t{SIDE}));
    const int col_count = static_cast<int>(min(p.n - block.col, int64_t{SIDE}));

    StripA a_strip(block.a, p.a_row, p.a_col);
    StripB b_strip(block.b, p.b_col, p.b_row);
    int64_t to_fetch = block.depth;
    auto fetch = [&](int stage) {
        a_strip.template fetch<SIDE != 64>(a_tiles + stage * StripA::elements, row_count, to_fetch, p.a_row, p.a_col,
                                           p.a_wide);
        b_strip.template fetch<SIDE != 64>(b_tiles + stage * StripB::elements, col_count, to_fetch, p.b_col, p.b_row,
                                           p.b_wide);
        cp_async_commit();
        to_fetch -= depth;
    };
    for (int stage = 0; stage < mma_stages - 1; stage++) fetch(stage);
    uint32_t a[steps][strips][4], b[steps][strips][4];
    float sums[strips][2 * strips][4] = {};
    auto read_fragments = [&](int stage, int step) {
#pragma unroll
        for (int i = 0; i < strips; i++) {
            load_strip<Operand::a, A_BY_K, StripA::pitch>(a[step][i], a_tiles + stage * StripA::elements,
                                                          first_row + i * 16, step * Mma<T>::depth);
            load_strip<Operand::b, B_BY_K, StripB::pitch>(b[step][i], b_tiles + stage * StripB::elements,
                                                          first_col + i * 16, step * Mma<T>::depth);
        }
    };
    cp_async_wait<mma_stages - 2>();
    __syncthreads();
    read_fragments(0, 0);
    int stage = 0, free_stage = mma_stages - 1;
    for (int64_t left = block.depth; left > 0; left -= depth) {
        read_fragments(stage, 1);
        fetch(free_stage);
        multiply_strips<T>(sums, a[0], b[0]);
        free_stage = stage;
        stage = (stage + 1) % mma_stages;
        // The next stage is there for all, and all have read this one, which the copies of the next round may fill.
        cp_async_wait<mma_stages - 2>();
        __syncthreads();
        read_fragments(stage, 0);
        multiply_strips<T>(sums, a[1], b[1]);
    }
#pragma unroll 1
    for (int i = 0; i < strips; i++) {
#pragma unroll 1
        for (int j = 0; j < 2 * strips; j++) {
            const int64_t row = block.row + first_row + i * 16 + lane / 4;
            const int64_t col = block.col + first_col + j * 8 + lane % 4 * 2;
            const float upper[2] = {sums[0][0][0], sums[0][0][1]}, lower[2] = {sums[0][0][2], sums[0][0][3]};
            p.put(block, row, col, upper);
            p.put(block, row + 8, col, lower);
            shift(sums[0]);
        }
        shift(sums);
    }
}

template <int SIDE, class T, class E>
CnStatus launch_mma(const CnCall* call, const GemmProblem<T, E>& p) {
    if (SIDE != 64 && !(p.a_wide && p.b_wide))
        return cn_fail(call, CN_UNSUPPORTED, "tiles of %d need operands whose lines begin at multiples of 16 bytes",
                       SIDE);
    return launch_parts(call, p, [&](const GemmProblem<T, E>& of) {
        auto tiles = GemmTiles::of(of, SIDE, SIDE);
        return for_layout(of, [&](auto a_by_k, auto b_by_k) {
            constexpr bool a = decltype(a_by_k)::value, b = decltype(b_by_k)::value;
            constexpr int64_t elements = MmaStrip<T, SIDE, a>::elements + MmaStrip<T, SIDE, b>::elements;
            constexpr int64_t bytes = mma_stages * elements * sizeof(T);
            return CN_LAUNCH_LARGE_SHARED(call, (gemm_mma<T, SIDE, a, b, E>), tiles.count, mma_threads, bytes, of,
                                          tiles);
        });
    });
}

}  // namespace cn

#endif
