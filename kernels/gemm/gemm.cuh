// Chooses among the variants of the matrix product; matmul.cu and linear.cu are its two entries.
#ifndef CUDANET_KERNELS_GEMM_GEMM_CUH
#define CUDANET_KERNELS_GEMM_GEMM_CUH

#include "mma_tiled.cuh"
#include "naive.cuh"
#include "register_tiled.cuh"
#include "tiled.cuh"
#include "warp_tiled.cuh"

#define CN_GEMM_VARIANTS                                                                                             \
    "one thread per element, operands from global memory", "one thread per element, 16 x 16 tiles in shared memory", \
        "4 x 4 elements per thread, 64 x 64 tiles, vector loads, two stages",                                        \
        "8 x 8 elements per thread, 128 x 128 tiles, vector loads, two stages; not for f64",                         \
        "f32: 8 x 8 elements per thread, 128 x 128 tiles, 64 x 32 per warp, operands read one step ahead",           \
        "f16 and bf16: tensor cores, 64 x 64 tiles, four stages by cp.async",                                        \
        "f16 and bf16: tensor cores, 128 x 128 tiles, four stages by cp.async; 16-byte aligned lines",               \
        "the one of the above that is meant for use, with k divided into parts that are joined in order",            \
        "f32 rounded to TF32: tensor cores, tiles and parts of k by size, four stages by cp.async",                  \
        "f32 rounded to TF32: tensor cores, 128 x 128 tiles, four stages by cp.async; 16-byte aligned lines"

namespace cn {

enum GemmVariant : int {
    gemm_naive = 1,
    gemm_tiled = 2,
    gemm_register_64 = 3,
    gemm_register_128 = 4,
    gemm_warp_tiled = 5,
    gemm_mma_64 = 6,
    gemm_mma_128 = 7,
    gemm_parts = 8,
    gemm_tf32 = 9,
    gemm_tf32_128 = 10
};

// Blocks that keep the multiprocessors of a large GPU busy. The choice depends on the shape alone, never on the device, so
// that every GPU adds up in the same order.
constexpr int64_t enough_blocks = 96, good_blocks = 256;

// Smaller tiles where large ones would leave multiprocessors idle or mostly multiply zeros.
template <class T, class E>
bool fills_large_tiles(const GemmProblem<T, E>& p) {
    return GemmTiles::of(p, 128, 128).count >= enough_blocks && p.m >= 96 && p.n >= 96;
}

template <class T, class E>
int choose_gemm(const GemmProblem<T, E>& p) {
    if (p.m * p.n <= 64 || p.k <= 4) return gemm_naive;
    constexpr bool on_tensor_cores = sizeof(T) == 2;
    if (p.m <= 16 || p.n <= 16) return on_tensor_cores && p.k >= 512 ? gemm_mma_64 : gemm_tiled;
    if (on_tensor_cores) return fills_large_tiles(p) && p.a_wide && p.b_wide ? gemm_mma_128 : gemm_mma_64;
    return fills_large_tiles(p) && sizeof(T) == 4 ? gemm_warp_tiled : gemm_register_64;
}

// Parts of k where there are too few tiles, each of at least 256 products.
template <class T, class E>
int64_t choose_parts(const GemmProblem<T, E>& p, int64_t side) {
    int64_t tiles = GemmTiles::of(p, side, side).count;
    if (tiles == 0 || tiles >= enough_blocks) return 1;
    int64_t most = p.k / 256, wanted = good_blocks / tiles;
    int64_t parts = wanted < most ? wanted : most;
    return parts < 1 ? 1 : parts;
}

// Which variant runs for a call, and in how many parts the problem's depth is then divided: what the launcher and the
// workspace query have to agree on.
template <class T, class E>
int plan_gemm(const CnCall* call, GemmProblem<T, E>& p) {
    int variant = call->variant ? call->variant : choose_gemm(p);
    int64_t parts = 1;
    if (variant == gemm_parts) {
        variant = choose_gemm(p);
        if (variant < gemm_register_64) variant = sizeof(T) == 2 ? gemm_mma_64 : gemm_register_64;
        parts = choose_parts(p, 64);
        if (parts < 2) parts = 2;
    } else if (variant == gemm_tf32) {
        if (fills_large_tiles(p) && p.a_wide && p.b_wide)
            variant = gemm_tf32_128;
        else
            parts = choose_parts(p, 64);
    } else if (call->variant == 0 && (variant == gemm_register_64 || variant == gemm_mma_64)) {
        parts = choose_parts(p, 64);
    }
    if (parts > 1) split_depth(p, parts);
    return variant;
}

template <class T, class E>
CnStatus launch_gemm(const CnCall* call, GemmProblem<T, E> p) {
    int variant = plan_gemm(call, p);
    switch (variant) {
        case gemm_naive:
            return launch_gemm_v1(call, p);
        case gemm_tiled:
            return launch_gemm_v2(call, p);
        case gemm_register_64:
            return launch_register_tiled < T, 64, sizeof(T) == 2 ? 32 : 16, 4 > (call, p);
        case gemm_register_128:
            if constexpr (sizeof(T) < 8) return launch_register_tiled<T, 128, 16, 8>(call, p);
            break;
        case gemm_warp_tiled:
            if constexpr (sizeof(T) == 4) return launch_warp_tiled(call, p);
            break;
        case gemm_mma_64:
            if constexpr (sizeof(T) == 2) return launch_mma<64>(call, p);
            break;
        case gemm_mma_128:
            if constexpr (sizeof(T) == 2) return launch_mma<128>(call, p);
            break;
        case gemm_tf32:
            if constexpr (sizeof(T) == 4) return launch_mma<64>(call, p);
            break;
        case gemm_tf32_128:
            if constexpr (sizeof(T) == 4) return launch_mma<128>(call, p);
            break;
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
    return cn_fail(call, CN_UNSUPPORTED, "variant %d is not for %s", variant, cn_dtype_name(cn_dtype_of<T>::id));
}

template <class T, class E>
int64_t gemm_workspace(const CnCall* call, GemmProblem<T, E> p) {
    plan_gemm(call, p);
    return part_bytes(p);
}

}  // namespace cn

#endif
