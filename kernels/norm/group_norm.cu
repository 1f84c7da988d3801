// group_norm: the channels of (N, C, ...) in groups, each group of each image normalised by its own mean and variance
// (Wu, He 2018). A group's channels lie side by side, so it is a row; weight and bias go by channel.
#include "rows.cuh"

namespace {

template <class T>
CnStatus forward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    int64_t groups = cn_attr_int(call, 0), images = input->shape[0], channels = input->shape[1] / groups, length = 1;
    for (int d = 2; d < input->rank; d++) length *= input->shape[d];
    int64_t cols = channels * length;
    cn::ChannelAffine<T> affine = {
        cn_data<T>(cn_arg(call, 1)), cn_data<T>(cn_arg(call, 2)), groups, channels, length, cols <= INT32_MAX};
    cn::RowNorm<T, true, cn::ChannelAffine> r = {cn_data<T>(input),
                                                 cn_data<T>(cn_arg(call, 3)),
                                                 cn_data<acc_t<T>>(cn_arg(call, 4)),
                                                 cn_data<acc_t<T>>(cn_arg(call, 5)),
                                                 affine,
                                                 images * groups,
                                                 cols,
                                                 static_cast<acc_t<T>>(cn_attr_float(call, 1))};
    return cn::launch_rows(call, r);
}

CnStatus launch_group_norm(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

int64_t workspace_group_norm(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    int64_t rows = input->shape[0] * cn_attr_int(call, 0);
    return rows == 0 ? 0 : cn::row_piece_bytes(call, rows, cn_numel(*input) / rows, 3);
}

}  // namespace

CN_KERNEL(group_norm, "input, weight?, bias?; num_groups: int, eps: float -> output, mean, rstd", launch_group_norm,
          workspace_group_norm, CN_ROW_VARIANTS);
