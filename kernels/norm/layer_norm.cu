// layer_norm: y = (x - mean) * rstd * weight + bias over the last axes (Ba, Kiros, Hinton 2016).
#include "rows.cuh"

namespace {

template <class T>
CnStatus forward(const CnCall* call) {
    cn::RowNorm<T, true, cn::ColumnAffine> r = {cn_data<T>(cn_arg(call, 0)),
                                                cn_data<T>(cn_arg(call, 3)),
                                                cn_data<acc_t<T>>(cn_arg(call, 4)),
                                                cn_data<acc_t<T>>(cn_arg(call, 5)),
                                                {cn_data<T>(cn_arg(call, 1)), cn_data<T>(cn_arg(call, 2))},
                                                0,
                                                cn::row_length(call),
                                                static_cast<acc_t<T>>(cn_attr_float(call, 1))};
    CN_TRY(cn::check_rows(call, cn_arg(call, 0), r.cols, &r.rows));
    return cn::launch_rows(call, r);
}

CnStatus launch_layer_norm(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(layer_norm, "input, weight?, bias?; normalized_shape: ints, eps: float -> output, mean, rstd",
          launch_layer_norm, cn::workspace_rows<3>, CN_ROW_VARIANTS);
