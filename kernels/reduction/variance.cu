// var and std over any axes: count, mean and squared deviations are carried along together (Welford 1962) and merged
// pairwise (Chan, Golub, LeVeque 1979), so that one pass over the data loses no digits to a large mean.
// device/reduce.cuh has the variants.
#include "device/reduce.cuh"

namespace {

template <class T, bool ROOT>
struct Variance {
    using Value = Moments<acc_t<T>>;
    using Out = T;
    int64_t correction;

    __device__ __forceinline__ Value none() const { return Value::none(); }
    __device__ __forceinline__ Value take(T x, int64_t) const { return {acc_t<T>(1), to_acc(x), acc_t<T>(0)}; }
    __device__ __forceinline__ Value join(Value a, const Value& b) const {
        a.merge(b);
        return a;
    }
    __device__ __forceinline__ T finish(const Value& v, int64_t n) const {
        // 0 / 0 is NaN: of no or too few elements there is no variance.
        acc_t<T> variance = v.m2 / static_cast<acc_t<T>>(n > correction ? n - correction : 0);
        return from_acc<T>(ROOT ? sqrt(variance) : variance);
    }
};

template <bool ROOT>
CnStatus launch_variance(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::reduce<T>(call, Variance<T, ROOT>{cn_attr_int(call, 2)}); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(std, "input; dim: ints, keepdim: bool, correction: int -> output", launch_variance<true>,
          cn::reduce_workspace, CN_REDUCTION_VARIANTS);
CN_KERNEL(var, "input; dim: ints, keepdim: bool, correction: int -> output", launch_variance<false>,
          cn::reduce_workspace, CN_REDUCTION_VARIANTS);
