// Element-wise ops of two operands that broadcast: add, sub, mul (integers wrap), div, pow. f16 and bf16 are computed in
// f32 and rounded once.
#include "device/elementwise.cuh"

namespace {

// Integers are computed with as unsigned numbers, for which wrapping is defined.
__device__ __forceinline__ uint64_t wrapping(int64_t x) { return static_cast<uint64_t>(x); }
__device__ __forceinline__ float wrapping(float x) { return x; }
__device__ __forceinline__ double wrapping(double x) { return x; }

struct Add {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return static_cast<A>(wrapping(a) + wrapping(b));
    }
};
struct Sub {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return static_cast<A>(wrapping(a) - wrapping(b));
    }
};
struct Mul {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return static_cast<A>(wrapping(a) * wrapping(b));
    }
};
struct Div {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return a / b;
    }
};
struct Pow {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return pow(a, b);
    }
};

template <class T, class Op>
struct Binary {
    Op op;
    __device__ __forceinline__ T operator()(T a, T b) const { return from_acc<T>(op(to_acc(a), to_acc(b))); }
};

template <class Op>
CnStatus launch_floating(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::map<T, T, T>(call, Binary<T, Op>{}); });
    return cn_unsupported_dtype(call, dtype);
}

template <class Op>
CnStatus launch_number(const CnCall* call) {
    switch (cn_arg(call, 0)->dtype) {
        case CN_I64:
            return cn::map<int64_t, int64_t, int64_t>(call, Binary<int64_t, Op>{});
        case CN_I32:
            return cn::map<int32_t, int32_t, int32_t>(call, Binary<int32_t, Op>{});
        case CN_U8:
            return cn::map<uint8_t, uint8_t, uint8_t>(call, Binary<uint8_t, Op>{});
        default:
            return launch_floating<Op>(call);
    }
}

}  // namespace

CN_KERNEL(add, "input, other -> output", launch_number<Add>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(div, "input, other -> output", launch_floating<Div>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(mul, "input, other -> output", launch_number<Mul>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(pow, "input, exponent -> output", launch_floating<Pow>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(sub, "input, other -> output", launch_number<Sub>, nullptr, CN_ELEMENTWISE_VARIANTS);
