// vector_norm over any axes: (sum of |x|^ord)^(1/ord), the number of elements other than 0 for ord 0, the largest |x|
// for infinity and the smallest for minus infinity. device/reduce.cuh has the variants.
#include "device/reduce.cuh"

namespace {

template <class T>
struct PowerSum {
    using Value = acc_t<T>;
    using Out = T;
    acc_t<T> ord;

    __device__ __forceinline__ Value none() const { return Value(0); }
    __device__ __forceinline__ Value take(T x, int64_t) const {
        Value v = to_acc(x);
        if (ord == Value(2)) return v * v;
        if (ord == Value(1)) return fabs(v);
        return ord == Value(0) ? (v != Value(0) ? Value(1) : Value(0)) : pow(fabs(v), ord);
    }
    __device__ __forceinline__ Value join(Value a, Value b) const { return a + b; }
    __device__ __forceinline__ T finish(Value v, int64_t) const {
        if (ord == Value(2)) return from_acc<T>(sqrt(v));
        return from_acc<T>(ord == Value(1) || ord == Value(0) ? v : pow(v, Value(1) / ord));
    }
};

template <class T, bool LARGEST>
struct Extreme {
    using Value = acc_t<T>;
    using Out = T;
    __device__ __forceinline__ Value none() const { return LARGEST ? Value(0) : Value(INFINITY); }
    __device__ __forceinline__ Value take(T x, int64_t) const { return fabs(to_acc(x)); }
    __device__ __forceinline__ Value join(Value a, Value b) const { return LARGEST ? max_nan(a, b) : min_nan(a, b); }
    __device__ __forceinline__ T finish(Value v, int64_t) const { return from_acc<T>(v); }
};

CnStatus launch_vector_norm(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    double ord = cn_attr_float(call, 2);
    CN_DISPATCH_FLOATING(dtype, T, {
        if (ord == INFINITY) return cn::reduce<T>(call, Extreme<T, true>());
        if (ord == -INFINITY) return cn::reduce<T>(call, Extreme<T, false>());
        return cn::reduce<T>(call, PowerSum<T>{static_cast<acc_t<T>>(ord)});
    });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(vector_norm, "input; dim: ints, keepdim: bool, ord: float -> output", launch_vector_norm,
          cn::reduce_workspace, CN_REDUCTION_VARIANTS);
