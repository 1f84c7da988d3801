// conv2d_backward_filter: the weight's gradient, summed over all images and positions of the output in a fixed order.
#include "conv.cuh"

namespace {

template <class T>
auto make(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *input = cn_arg(call, 1), *grad_weight = cn_arg(call, 2);
    auto shape = cn::ConvShape<2>::of(call, *input, *grad_weight, *grad_output);
    return cn::make_conv_backward_filter<T>(shape, grad_output, input, grad_weight);
}

CnStatus launch_conv2d_backward_filter(const CnCall* call) {
    int32_t dtype = cn_arg(call, 2)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::launch_conv<true>(call, make<T>(call)); });
    return cn_unsupported_dtype(call, dtype);
}

int64_t workspace_conv2d_backward_filter(const CnCall* call) {
    auto problem = make<float>(call);  // its extents, which are those of any dtype
    int64_t parts = cn::conv_parts(problem);
    int64_t accumulator = cn_arg(call, 2)->dtype == CN_F64 ? 8 : 4;
    return parts == 1 ? 0 : parts * problem.groups * problem.m * problem.n * accumulator;
}

}  // namespace

CN_KERNEL(
    conv2d_backward_filter,
    "grad_output, input; stride: ints, padding: ints, dilation: ints, groups: int, weight_size: ints -> grad_weight",
    launch_conv2d_backward_filter, workspace_conv2d_backward_filter, CN_CONV_VARIANTS);
