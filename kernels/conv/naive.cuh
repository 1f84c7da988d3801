// Variant 1: one thread per element of the result, which works out where each of its 2K operands lies and reads it from
// global memory. The baseline, and the one for groups of so few channels that a tile would stay empty.
#ifndef CUDANET_KERNELS_CONV_NAIVE_CUH
#define CUDANET_KERNELS_CONV_NAIVE_CUH

#include "problem.cuh"

namespace cn {

constexpr int conv_naive_block = 256;

// I holds every number and coordinate: divisions in 32 bits are several times faster on a GPU.
template <class I, class T, int AXES, bool DIVIDES>
__global__ void __launch_bounds__(conv_naive_block) conv_v1(ConvProblem<T, AXES, DIVIDES> p) {
    int64_t count = p.groups * p.m * p.n;
    int64_t stride = static_cast<int64_t>(gridDim.x) * conv_naive_block;
    for (int64_t at = static_cast<int64_t>(blockIdx.x) * conv_naive_block + threadIdx.x; at < count; at += stride) {
        int64_t line = at / p.n, column = at - line * p.n;
        int64_t group = line / p.m, row = line - group * p.m;
        auto place = p.columns.at(static_cast<I>(column));
        const T* a = p.a + group * p.a_group + row * p.a_row;
        const T* image = p.image.data + group * p.b_group;
        acc_t<T> sum = 0;
        for (I k = 0; k < static_cast<I>(p.k); k++)
            sum += to_acc(a[p.a_steps.at(k)]) * to_acc(p.image.get(image, place, p.steps.at(k)));
        p.put(group, row, p.c_columns.at(column), sum);
    }
}

template <class T, int AXES, bool DIVIDES>
CnStatus launch_conv_v1(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p, bool narrow) {
    int64_t blocks = cn_ceil_div(p.groups * p.m * p.n, conv_naive_block);
    if (blocks > INT32_MAX) blocks = INT32_MAX;
    if (narrow) return CN_LAUNCH(call, (conv_v1<int32_t, T, AXES, DIVIDES>), blocks, conv_naive_block, 0, p);
    return CN_LAUNCH(call, (conv_v1<int64_t, T, AXES, DIVIDES>), blocks, conv_naive_block, 0, p);
}

}  // namespace cn

#endif
