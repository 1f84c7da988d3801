// Variants 3 and 4: each thread keeps a square of C in registers, 4 x 4 of a block's 64 x 64 (variant 3) or 8 x 8 of
// 128 x 128 (variant 4), and adds one outer product per k: 8 (16) shared loads of an element, in vectors, for 16 (64)
// multiply-adds. Global memory is read in 16-byte vectors along the contiguous axis, into registers while the previous
// step is computed; two copies of the shared tiles leave one barrier per step. A thread's rows and columns come in
// groups of 4 spread over the tile, so that the vector loads of a warp meet no bank twice.
#ifndef CUDANET_KERNELS_GEMM_REGISTER_TILED_CUH
#define CUDANET_KERNELS_GEMM_REGISTER_TILED_CUH

#include "split.cuh"

namespace cn {

// How a strip of LENGTH rows of A (or columns of B) and DEPTH steps of k travels from global to shared memory:
// tile[k][i] = from[i * step + k * depth_step], zero outside.
template <class T, int LENGTH, int DEPTH, int THREADS>
struct StripLoader {
    static constexpr int V = Vec<T>::size;
    static constexpr int per_thread = LENGTH * DEPTH / THREADS;
    static constexpr int groups = per_thread / V;
    static constexpr int padded = LENGTH + 4;  // shifts the banks of neighbouring k and keeps 16-byte alignment
    static_assert(LENGTH * DEPTH % (THREADS * V) == 0 && LENGTH % V == 0 && DEPTH % V == 0, "whole vectors");

    const T* from;
    int64_t step, depth_step, count, depth;
    bool by_depth;  // vectors lie along k
    bool wide;      // 16-byte loads are aligned
    T held[per_thread];

    __device__ __forceinline__ void begin(const T* at, int64_t own_step, int64_t k_step, int64_t left, int64_t k) {
        from = at;
        step = own_step;
        depth_step = k_step;
        count = left;
        depth = k;
        by_depth = depth_step == 1;
        int64_t other = by_depth ? step : depth_step;
        wide = (by_depth || step == 1) && reinterpret_cast<uintptr_t>(at) % 16 == 0 && other % V == 0;
    }
    __device__ __forceinline__ void place(int group, int& i, int& k) const {
        int g = group * THREADS + static_cast<int>(threadIdx.x);
        i = by_depth ? g / (DEPTH / V) : g % (LENGTH / V) * V;
        k = by_depth ? g % (DEPTH / V) * V : g / (LENGTH / V);
    }
    __device__ __forceinline__ void fetch(int64_t k0) {
#pragma unroll
        for (int group = 0; group < groups; group++) {
            int i, k;
            place(group, i, k);
            int last_i = by_depth ? i : i + V - 1, last_k = by_depth ? k + V - 1 : k;
            const T* at = from + i * step + (k0 + k) * depth_step;
            if (wide && last_i < count && k0 + last_k < depth) {
                Vec<T> v = load_vec(at);
#pragma unroll
                for (int e = 0; e < V; e++) held[group * V + e] = v.at[e];
            } else {
#pragma unroll
                for (int e = 0; e < V; e++) {
                    bool in = by_depth ? i < count && k0 + k + e < depth : i + e < count && k0 + k < depth;
                    held[group * V + e] = in ? at[e * (by_depth ? depth_step : step)] : from_acc<T>(0);
                }
            }
        }
    }
    __device__ __forceinline__ void put(acc_t<T> (&tile)[DEPTH][padded]) const {
#pragma unroll
        for (int group = 0; group < groups; group++) {
            int i, k;
            place(group, i, k);
#pragma unroll
            for (int e = 0; e < V; e++) {
                acc_t<T> value = to_acc(held[group * V + e]);
                if (by_depth)
                    tile[k + e][i] = value;
                else
                    tile[k][i + e] = value;
            }
        }
    }
};

// The i-th of a thread's elements along a side: groups of four, spread evenly.
template <int SIDE, int OWN>
__device__ __forceinline__ int spread(int thread, int i) {
    return i / 4 * (SIDE / (OWN / 4)) + thread * 4 + i % 4;
}

template <class A, int SIDE, int OWN>
__device__ __forceinline__ void read_own(const A* line, int thread, A (&own)[OWN]) {
    constexpr int V = Vec<A>::size;
#pragma unroll
    for (int i = 0; i < OWN; i += V) {
        Vec<A> v = load_vec(line + spread<SIDE, OWN>(thread, i));
#pragma unroll
        for (int e = 0; e < V; e++) own[i + e] = v.at[e];
    }
}

// Adds up this thread's elements of one tile of A * B over `depth`. Loaders fetch a step of k into registers while the one
// before is computed, and put it into shared memory; on return every thread has read its last.
template <int SIDE, int OWN, class A, int DEPTH, class LoaderA, class LoaderB>
__device__ __forceinline__ void multiply_tile(LoaderA& a_loader, LoaderB& b_loader, int64_t depth,
                                              A (&a_tile)[2][DEPTH][SIDE + 4], A (&b_tile)[2][DEPTH][SIDE + 4],
                                              A (&sums)[OWN][OWN]) {
    const int tx = threadIdx.x % (SIDE / OWN), ty = threadIdx.x / (SIDE / OWN);
    a_loader.fetch(0);
    b_loader.fetch(0);
    int stage = 0;
    for (int64_t k0 = 0; k0 < depth; k0 += DEPTH) {
        a_loader.put(a_tile[stage]);
        b_loader.put(b_tile[stage]);
        __syncthreads();
        a_loader.fetch(k0 + DEPTH);
        b_loader.fetch(k0 + DEPTH);
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            A own_a[OWN], own_b[OWN];
            read_own<A, SIDE>(a_tile[stage][k], ty, own_a);
            read_own<A, SIDE>(b_tile[stage][k], tx, own_b);
#pragma unroll
            for (int i = 0; i < OWN; i++) {
#pragma unroll
                for (int j = 0; j < OWN; j++) sums[i][j] += own_a[i] * own_b[j];
            }
        }
        stage ^= 1;
    }
    __syncthreads();  // the next tile of this block writes to the stage that slower threads may still read
}

template <class T, int SIDE, int DEPTH, int OWN, class E>
__global__ void __launch_bounds__((SIDE / OWN) * (SIDE / OWN)) gemm_v3(GemmProblem<T, E> p, GemmTiles tiles) {
    using A = acc_t<T>;
    using Loader = StripLoader<T, SIDE, DEPTH, (SIDE / OWN) * (SIDE / OWN)>;
    CN_SHARED(A, a_tile, [2][DEPTH][Loader::padded]);
    CN_SHARED(A, b_tile, [2][DEPTH][Loader::padded]);
    const int tx = threadIdx.x % (SIDE / OWN), ty = threadIdx.x / (SIDE / OWN);
    const GemmBlock<T> block = tiles.block(p, blockIdx.x);
    Loader a_loader, b_loader;
    a_loader.begin(block.a, p.a_row, p.a_col, p.m - block.row, block.depth);
    b_loader.begin(block.b, p.b_col, p.b_row, p.n - block.col, block.depth);
    A sums[OWN][OWN] = {};
    multiply_tile<SIDE>(a_loader, b_loader, block.depth, a_tile, b_tile, sums);
#pragma unroll 1
    for (int i = 0; i < OWN; i++) {
        int64_t row = block.row + spread<SIDE, OWN>(ty, i);
#pragma unroll
        for (int j = 0; j < OWN; j += 4) {
            const A four[4] = {sums[0][j], sums[0][j + 1], sums[0][j + 2], sums[0][j + 3]};
            p.put(block, row, block.col + spread<SIDE, OWN>(tx, j), four);
        }
        shift(sums);
    }
}

template <class T, int SIDE, int DEPTH, int OWN, class E>
CnStatus launch_register_tiled(const CnCall* call, const GemmProblem<T, E>& p) {
    return launch_parts(call, p, [&](const GemmProblem<T, E>& of) {
        auto tiles = GemmTiles::of(of, SIDE, SIDE);
        constexpr int threads = (SIDE / OWN) * (SIDE / OWN);
        return CN_LAUNCH(call, (gemm_v3<T, SIDE, DEPTH, OWN, E>), tiles.count, threads, 0, of, tiles);
    });
}

}  // namespace cn

#endif
