// Chooses among the variants of the convolutions; the .cu files of this folder are the entries.
#ifndef CUDANET_KERNELS_CONV_CONV_CUH
#define CUDANET_KERNELS_CONV_CONV_CUH

#include "naive.cuh"

#define CN_CONV_VARIANTS "one thread per element, operands from global memory"

namespace cn {

// Whether 32 bits hold the numbers of rows, columns and steps, and every coordinate, which is below a multiple of these.
template <class T, int AXES, bool DIVIDES>
bool is_narrow(const ConvProblem<T, AXES, DIVIDES>& p) {
    constexpr int64_t limit = INT32_MAX / 4;
    bool narrow = p.m <= limit && p.n <= limit && p.k <= limit;
    for (int d = 0; d < AXES; d++) {
        narrow = narrow && p.image.extent[d] <= limit;
        for (const ConvPlaces<AXES>* places : {&p.columns, &p.steps}) {
            int64_t step = places->scale[d] < 0 ? -places->scale[d] : places->scale[d];
            int64_t shift = places->shift[d] < 0 ? -places->shift[d] : places->shift[d];
            narrow = narrow && step <= limit && places->extent[d] * step <= limit && shift <= limit;
        }
    }
    return narrow;
}

template <class T, int AXES, bool DIVIDES>
CnStatus launch_conv(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p) {
    if (call->variant > 1) return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    return launch_conv_v1(call, p, is_narrow(p));
}

}  // namespace cn

#endif
