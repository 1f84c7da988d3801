// Chooses among the variants of the convolutions; the .cu files of this folder are the entries.
#ifndef CUDANET_KERNELS_CONV_CONV_CUH
#define CUDANET_KERNELS_CONV_CONV_CUH

#include "channels_last.cuh"
#include "depthwise.cuh"
#include "naive.cuh"
#include "tiled.cuh"

#define CN_CONV_VARIANTS                                                                   \
    "one thread per element, operands from global memory",                                 \
        "implicit GEMM: 4 x 4 elements per thread, 64 x 64 tiles, two stages",             \
        "few channels per group: one thread per column or nine sums per thread, no tiles", \
        "implicit GEMM over images with channels last: 16 bytes of channels per load"

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

// Tiles of which at least an eighth is used, and sums long enough to fill them. Does not depend on the device.
template <bool B_BY_DEPTH, class P>
int choose_conv(const P& p) {
    if (!is_narrow(p)) return 1;
    if (p.m >= 8 && p.n >= 8 && p.k > 4) return has_channels_last<B_BY_DEPTH>(p) ? 4 : 2;
    return (B_BY_DEPTH ? has_few_sums(p) : has_few_channels(p)) ? 3 : 1;
}

// B_BY_DEPTH: the pass that makes the weight's gradient, where neighbours in the image lie along the depth and not along
// the columns.
template <bool B_BY_DEPTH, class P>
CnStatus launch_conv(const CnCall* call, const P& p) {
    int variant = call->variant ? call->variant : choose_conv<B_BY_DEPTH>(p);
    if (variant != 1 && !is_narrow(p))
        return cn_fail(call, CN_UNSUPPORTED, "variant %d numbers rows and columns in 32 bits", variant);
    switch (variant) {
        case 1:
            return launch_conv_v1(call, p, is_narrow(p));
        case 2:
            return launch_conv_v2<B_BY_DEPTH>(call, p);
        case 3:
            if constexpr (B_BY_DEPTH) {
                if (!has_few_sums(p))
                    return cn_fail(call, CN_UNSUPPORTED, "variant 3 takes fewer than 8 channels or taps per group");
                return launch_conv_filter_v3(call, p);
            } else {
                if (!has_few_channels(p))
                    return cn_fail(call, CN_UNSUPPORTED, "variant 3 takes up to %d channels and %d products per group",
                                   depthwise_rows, depthwise_taps);
                return launch_conv_v3(call, p);
            }
        case 4:
            if (!has_channels_last<B_BY_DEPTH>(p))
                return cn_fail(call, CN_UNSUPPORTED,
                               "variant 4 takes images with channels last, whole vectors of them in each group");
            if constexpr (B_BY_DEPTH)
                return launch_conv_filter_v4(call, p);
            else
                return launch_conv_v4(call, p);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

// The launchers, for any number of spatial axes. `run` gets the problem, whose type depends on dtype and strides.
template <int AXES, class Run>
CnStatus with_conv_forward(const CnCall* call, Run run) {
    const CnTensor *input = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 3);
    auto shape = ConvShape<AXES>::of(call, *input, *weight, *output);
    CN_DISPATCH_FLOATING(output->dtype, T,
                         { return run(make_conv<T>(shape, input, weight, cn_arg(call, 2), output)); });
    return cn_unsupported_dtype(call, output->dtype);
}

// Also a transposed convolution, which has a bias.
template <int AXES, class Run>
CnStatus with_conv_backward_data(const CnCall* call, const CnTensor* bias, const CnTensor* grad_input, Run run) {
    const CnTensor *grad_output = cn_arg(call, 0), *weight = cn_arg(call, 1);
    auto shape = ConvShape<AXES>::of(call, *grad_input, *weight, *grad_output);
    bool divides = false;
    for (int d = 0; d < AXES; d++) divides = divides || shape.stride[d] != 1;
    CN_DISPATCH_FLOATING(grad_input->dtype, T, {
        if (divides) return run(make_conv_backward_data<T, AXES, true>(shape, grad_output, weight, bias, grad_input));
        return run(make_conv_backward_data<T, AXES, false>(shape, grad_output, weight, bias, grad_input));
    });
    return cn_unsupported_dtype(call, grad_input->dtype);
}

// The bytes of the weight where a call packs it.
template <class T, int AXES, bool DIVIDES>
int64_t packed_bytes(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p) {
    int variant = call->variant ? call->variant : choose_conv<false>(p);
    return variant == 4 ? p.groups * p.m * p.k * static_cast<int64_t>(sizeof(T)) : 0;
}

template <int AXES>
CnStatus launch_conv_forward(const CnCall* call) {
    return with_conv_forward<AXES>(call, [&](const auto& p) { return launch_conv<false>(call, p); });
}
template <int AXES>
int64_t workspace_conv_forward(const CnCall* call) {
    int64_t bytes = 0;
    with_conv_forward<AXES>(call, [&](const auto& p) { return bytes = packed_bytes(call, p), CN_OK; });
    return bytes;
}

template <int AXES>
CnStatus launch_conv_backward_data(const CnCall* call) {
    return with_conv_backward_data<AXES>(call, nullptr, cn_arg(call, 2),
                                         [&](const auto& p) { return launch_conv<false>(call, p); });
}
template <int AXES>
int64_t workspace_conv_backward_data(const CnCall* call) {
    int64_t bytes = 0;
    with_conv_backward_data<AXES>(call, nullptr, cn_arg(call, 2),
                                  [&](const auto& p) { return bytes = packed_bytes(call, p), CN_OK; });
    return bytes;
}

template <int AXES>
CnStatus launch_conv_transpose(const CnCall* call) {
    return with_conv_backward_data<AXES>(call, cn_arg(call, 2), cn_arg(call, 3),
                                         [&](const auto& p) { return launch_conv<false>(call, p); });
}
template <int AXES>
int64_t workspace_conv_transpose(const CnCall* call) {
    int64_t bytes = 0;
    with_conv_backward_data<AXES>(call, cn_arg(call, 2), cn_arg(call, 3),
                                  [&](const auto& p) { return bytes = packed_bytes(call, p), CN_OK; });
    return bytes;
}

template <class T, int AXES>
auto conv_backward_filter_problem(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *input = cn_arg(call, 1), *grad_weight = cn_arg(call, 2);
    auto shape = ConvShape<AXES>::of(call, *input, *grad_weight, *grad_output);
    return make_conv_backward_filter<T>(shape, grad_output, input, grad_weight);
}

template <int AXES>
CnStatus launch_conv_backward_filter(const CnCall* call) {
    int32_t dtype = cn_arg(call, 2)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return launch_conv<true>(call, conv_backward_filter_problem<T, AXES>(call)); });
    return cn_unsupported_dtype(call, dtype);
}

template <int AXES>
int64_t workspace_conv_backward_filter(const CnCall* call) {
    auto problem = conv_backward_filter_problem<float, AXES>(call);  // its extents, which are those of any dtype
    int64_t tiled = conv_parts(problem), depthwise = DepthwiseParts::of(problem).parts;
    int64_t parts = tiled > depthwise ? tiled : depthwise;
    int64_t accumulator = cn_arg(call, 2)->dtype == CN_F64 ? 8 : 4;
    return parts == 1 ? 0 : parts * problem.groups * problem.m * problem.n * accumulator;
}

}  // namespace cn

#endif
