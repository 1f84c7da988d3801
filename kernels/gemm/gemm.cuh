// Chooses among the variants of the matrix product; matmul.cu and linear.cu are its two entries.
#ifndef CUDANET_KERNELS_GEMM_GEMM_CUH
#define CUDANET_KERNELS_GEMM_GEMM_CUH

#include "naive.cuh"
#include "register_tiled.cuh"
#include "tiled.cuh"

#define CN_GEMM_VARIANTS                                                                                             \
    "one thread per element, operands from global memory", "one thread per element, 16 x 16 tiles in shared memory", \
        "4 x 4 elements per thread, 64 x 64 tiles, vector loads, two stages",                                        \
        "8 x 8 elements per thread, 128 x 128 tiles, vector loads, two stages; not for f64"

namespace cn {

// Smaller tiles where large ones would leave multiprocessors idle or mostly multiply zeros.
template <class T, class E>
int choose_gemm(const GemmProblem<T, E>& p) {
    constexpr int64_t enough_blocks = 96;
    if (p.m * p.n <= 64 || p.k <= 4) return 1;
    if (p.m <= 16 || p.n <= 16) return 2;
    bool fills = GemmTiles::of(p, 128, 128).count >= enough_blocks && p.m >= 96 && p.n >= 96;
    return fills && sizeof(T) < 8 ? 4 : 3;
}

template <class T, class E>
CnStatus launch_gemm(const CnCall* call, const GemmProblem<T, E>& p) {
    int variant = call->variant ? call->variant : choose_gemm(p);
    switch (variant) {
        case 1:
            return launch_gemm_v1(call, p);
        case 2:
            return launch_gemm_v2(call, p);
        case 3:
            return launch_register_tiled < T, 64, sizeof(T) == 2 ? 32 : 16, 4 > (call, p);
        case 4:
            if constexpr (sizeof(T) < 8)
                return launch_register_tiled<T, 128, 16, 8>(call, p);
            else
                return cn_fail(call, CN_UNSUPPORTED, "variant 4 has no room for f64 in registers and shared memory");
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

}  // namespace cn

#endif
