// rms_norm: y = x * rstd * weight with rstd = 1 / sqrt(mean(x^2) + eps) over the last axes (Zhang, Sennrich 2019).
#include "rows.cuh"

namespace {

template <class T>
CnStatus forward(const CnCall* call) {
    cn::RowNorm<T, false, cn::ColumnAffine> r = {cn_data<T>(cn_arg(call, 0)),
                                                 cn_data<T>(cn_arg(call, 2)),
                                                 nullptr,
                                                 cn_data<acc_t<T>>(cn_arg(call, 3)),
                                                 {cn_data<T>(cn_arg(call, 1)), nullptr},
                                                 0,
                                                 cn::row_length(call),
                                                 static_cast<acc_t<T>>(cn_attr_float(call, 1))};
    CN_TRY(cn::check_rows(call, cn_arg(call, 0), r.cols, &r.rows));
    return cn::launch_rows(call, r);
}

CnStatus launch_rms_norm(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return forward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(rms_norm, "input, weight?; normalized_shape: ints, eps: float -> output, rstd", launch_rms_norm,
          cn::workspace_rows<1>, CN_ROW_VARIANTS);
