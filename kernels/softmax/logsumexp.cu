// logsumexp over any axes: log of the sum of exp(x), from the differences to the largest element, so that nothing
// overflows. device/reduce.cuh has the variants.
#include "device/reduce.cuh"
#include "device/running.cuh"

namespace {

template <class T>
struct LogSumExp {
    using Value = Running<acc_t<T>>;
    using Out = T;
    __device__ __forceinline__ Value none() const { return Value::none(); }
    __device__ __forceinline__ Value take(T x, int64_t) const { return {to_acc(x), acc_t<T>(1)}; }
    __device__ __forceinline__ Value join(const Value& a, const Value& b) const { return JoinRunning()(a, b); }
    __device__ __forceinline__ T finish(const Value& v, int64_t) const { return from_acc<T>(v.log_sum()); }
};

CnStatus launch_logsumexp(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::reduce<T>(call, LogSumExp<T>()); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(logsumexp, "input; dim: ints, keepdim: bool -> output", launch_logsumexp, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
