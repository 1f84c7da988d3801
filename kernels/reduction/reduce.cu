// sum, mean, prod, max, min, argmax, argmin, any and all over any axes of a strided tensor; device/reduce.cuh has the
// variants.
#include "device/reduce.cuh"

namespace {

template <class A>
__device__ __forceinline__ A lowest() {
    return -INFINITY;
}
template <>
__device__ __forceinline__ int64_t lowest<int64_t>() {
    return INT64_MIN;
}
template <class A>
__device__ __forceinline__ A highest() {
    return INFINITY;
}
template <>
__device__ __forceinline__ int64_t highest<int64_t>() {
    return INT64_MAX;
}

template <class T>
struct Sum {
    using Value = acc_t<T>;
    using Out = typename std::conditional<cn_is_floating<T>::value, T, int64_t>::type;
    __device__ __forceinline__ Value none() const { return Value(0); }
    __device__ __forceinline__ Value take(T x, int64_t) const { return to_acc(x); }
    __device__ __forceinline__ Value join(Value a, Value b) const { return a + b; }
    __device__ __forceinline__ Out finish(Value v, int64_t) const { return from_acc<Out>(v); }
};

template <class T>
struct Mean : Sum<T> {
    __device__ __forceinline__ T finish(acc_t<T> v, int64_t n) const {
        return from_acc<T>(v / static_cast<acc_t<T>>(n));
    }
};

// Products of integers wrap, which only unsigned ones may.
__device__ __forceinline__ float times(float a, float b) { return a * b; }
__device__ __forceinline__ double times(double a, double b) { return a * b; }
__device__ __forceinline__ int64_t times(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

template <class T>
struct Prod : Sum<T> {
    using Value = acc_t<T>;
    __device__ __forceinline__ Value none() const { return Value(1); }
    __device__ __forceinline__ Value join(Value a, Value b) const { return times(a, b); }
};

template <class T>
struct Max {
    using Value = acc_t<T>;
    using Out = T;
    __device__ __forceinline__ Value none() const { return lowest<Value>(); }
    __device__ __forceinline__ Value take(T x, int64_t) const { return to_acc(x); }
    __device__ __forceinline__ Value join(Value a, Value b) const { return max_nan(a, b); }
    __device__ __forceinline__ Out finish(Value v, int64_t) const { return from_acc<Out>(v); }
};

template <class T>
struct Min : Max<T> {
    using Value = acc_t<T>;
    __device__ __forceinline__ Value none() const { return highest<Value>(); }
    __device__ __forceinline__ Value join(Value a, Value b) const { return min_nan(a, b); }
};

template <class A>
struct Place {
    A value;
    int64_t index;
};

template <class T, bool LARGEST>
struct ArgExtremum {
    using Value = Place<acc_t<T>>;
    using Out = int64_t;
    __device__ __forceinline__ Value none() const {
        return {LARGEST ? lowest<acc_t<T>>() : highest<acc_t<T>>(), INT64_MAX};
    }
    __device__ __forceinline__ Value take(T x, int64_t index) const { return {to_acc(x), index}; }
    __device__ __forceinline__ Value join(const Value& a, const Value& b) const {
        bool a_nan = a.value != a.value, b_nan = b.value != b.value;
        bool tie = a_nan ? b_nan : a.value == b.value;
        bool better = LARGEST ? a.value > b.value : a.value < b.value;
        return (tie ? a.index < b.index : a_nan || (better && !b_nan)) ? a : b;
    }
    __device__ __forceinline__ Out finish(const Value& v, int64_t) const { return v.index; }
};
template <class T>
using ArgMax = ArgExtremum<T, true>;
template <class T>
using ArgMin = ArgExtremum<T, false>;

template <class T>
struct Any {
    using Value = int32_t;
    using Out = bool;
    __device__ __forceinline__ Value none() const { return 0; }
    __device__ __forceinline__ Value take(T x, int64_t) const { return to_acc(x) != acc_t<T>(0) ? 1 : 0; }
    __device__ __forceinline__ Value join(Value a, Value b) const { return a | b; }
    __device__ __forceinline__ Out finish(Value v, int64_t) const { return v != 0; }
};

template <class T>
struct All : Any<T> {
    using Value = int32_t;
    __device__ __forceinline__ Value none() const { return 1; }
    __device__ __forceinline__ Value join(Value a, Value b) const { return a & b; }
};

template <template <class> class Op>
CnStatus launch_all(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_ALL(dtype, T, { return cn::reduce<T>(call, Op<T>()); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_mean(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::reduce<T>(call, Mean<T>()); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(all, "input; dim: ints, keepdim: bool -> output", launch_all<All>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(any, "input; dim: ints, keepdim: bool -> output", launch_all<Any>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(argmax, "input; dim: ints, keepdim: bool -> output", launch_all<ArgMax>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(argmin, "input; dim: ints, keepdim: bool -> output", launch_all<ArgMin>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(max, "input; dim: ints, keepdim: bool -> output", launch_all<Max>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(mean, "input; dim: ints, keepdim: bool -> output", launch_mean, cn::reduce_workspace, CN_REDUCTION_VARIANTS);
CN_KERNEL(min, "input; dim: ints, keepdim: bool -> output", launch_all<Min>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(prod, "input; dim: ints, keepdim: bool -> output", launch_all<Prod>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
CN_KERNEL(sum, "input; dim: ints, keepdim: bool -> output", launch_all<Sum>, cn::reduce_workspace,
          CN_REDUCTION_VARIANTS);
