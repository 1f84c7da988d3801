// Element-wise chains that models are full of, in one pass: a multiple or product of operands that is added to another, and
// the way between two operands. Apart from the memory traffic of a second launch, what lies between is not rounded to 16 bits.
#include "device/elementwise.cuh"

namespace {

template <class A>
struct AddScaled {
    A alpha;
    static AddScaled of(const CnCall* call) { return {static_cast<A>(cn_attr_float(call, 0))}; }
    __device__ __forceinline__ A operator()(A a, A b) const { return a + alpha * b; }
};
template <class A>
struct AddCMul {
    A value;
    static AddCMul of(const CnCall* call) { return {static_cast<A>(cn_attr_float(call, 0))}; }
    __device__ __forceinline__ A operator()(A a, A b, A c) const { return a + value * b * c; }
};
template <class A>
struct AddCDiv {
    A value;
    static AddCDiv of(const CnCall* call) { return {static_cast<A>(cn_attr_float(call, 0))}; }
    __device__ __forceinline__ A operator()(A a, A b, A c) const { return a + value * b / c; }
};
template <class A>
struct Lerp {
    static Lerp of(const CnCall*) { return {}; }
    // From the nearer end: exact at both.
    __device__ __forceinline__ A operator()(A start, A end, A weight) const {
        return fabs(weight) < A(0.5) ? start + weight * (end - start) : end - (end - start) * (A(1) - weight);
    }
};

template <class T, class F>
struct InAcc {
    F f;
    template <class... X>
    __device__ __forceinline__ T operator()(X... x) const {
        return from_acc<T>(f(to_acc(x)...));
    }
};

template <template <class> class F>
CnStatus binary(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::map<T, T, T>(call, InAcc<T, F<acc_t<T>>>{F<acc_t<T>>::of(call)}); });
    return cn_unsupported_dtype(call, dtype);
}
template <template <class> class F>
CnStatus ternary(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::map<T, T, T, T>(call, InAcc<T, F<acc_t<T>>>{F<acc_t<T>>::of(call)}); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(add_scaled, "input, other; alpha: float -> output", binary<AddScaled>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(addcdiv, "input, tensor1, tensor2; value: float -> output", ternary<AddCDiv>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(addcmul, "input, tensor1, tensor2; value: float -> output", ternary<AddCMul>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(lerp, "input, end, weight -> output", ternary<Lerp>, nullptr, CN_ELEMENTWISE_VARIANTS);
