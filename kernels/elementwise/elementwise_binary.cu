// Element-wise ops of two operands that broadcast: arithmetic (integers wrap), remainders, choices, bits. f16 and bf16 are
// computed in f32 and rounded once.
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

struct Maximum {
    // NaN where either is.
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return a < b || b != b ? b : a;
    }
};
struct Minimum {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return b < a || b != b ? b : a;
    }
};
struct Heaviside {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return a == A(0) ? b : A(a > A(0));
    }
};
struct Prelu {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return a > A(0) ? a : a * b;
    }
};
struct Swish {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        A z = a * b, e = exp(z < A(0) ? z : -z);
        return a * ((z < A(0) ? e : A(1)) / (A(1) + e));
    }
};
// Division of integers by 0 gives 0; by -1 the lowest one would overflow, and its remainder is 0.
struct Fmod {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return fmod(a, b);
    }
    __device__ __forceinline__ int64_t operator()(int64_t a, int64_t b) const { return b == 0 || b == -1 ? 0 : a % b; }
};
struct Remainder {
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        A rest = Fmod()(a, b);
        return rest != A(0) && (rest < A(0)) != (b < A(0)) ? rest + b : rest;
    }
};
struct FloorDivide {
    // Through the remainder, which is exact: a / b may have been rounded up to the next whole number.
    template <class A>
    __device__ __forceinline__ A operator()(A a, A b) const {
        return b == A(0) ? a / b : rint((a - Remainder()(a, b)) / b);
    }
    __device__ __forceinline__ int64_t operator()(int64_t a, int64_t b) const {
        if (b == 0) return 0;
        if (b == -1) return static_cast<int64_t>(0 - static_cast<uint64_t>(a));
        int64_t rest = a % b;
        return rest != 0 && (rest < 0) != (b < 0) ? a / b - 1 : a / b;
    }
};
struct BitwiseAnd {
    template <class T>
    __device__ __forceinline__ T operator()(T a, T b) const {
        return static_cast<T>(a & b);
    }
};
struct BitwiseOr {
    template <class T>
    __device__ __forceinline__ T operator()(T a, T b) const {
        return static_cast<T>(a | b);
    }
};
struct BitwiseXor {
    template <class T>
    __device__ __forceinline__ T operator()(T a, T b) const {
        return static_cast<T>(a ^ b);
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

template <class Op>
CnStatus launch_any(const CnCall* call) {
    if (cn_arg(call, 0)->dtype == CN_BOOL) return cn::map<bool, bool, bool>(call, Binary<bool, Op>{});
    return launch_number<Op>(call);
}

template <class Op>
CnStatus launch_bits(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_INTEGRAL(dtype, T, { return cn::map<T, T, T>(call, Op{}); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(add, "input, other -> output", launch_number<Add>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(bitwise_and, "input, other -> output", launch_bits<BitwiseAnd>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(bitwise_or, "input, other -> output", launch_bits<BitwiseOr>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(bitwise_xor, "input, other -> output", launch_bits<BitwiseXor>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(div, "input, other -> output", launch_floating<Div>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(floor_divide, "input, other -> output", launch_number<FloorDivide>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(fmod, "input, other -> output", launch_number<Fmod>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(heaviside, "input, values -> output", launch_floating<Heaviside>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(maximum, "input, other -> output", launch_any<Maximum>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(minimum, "input, other -> output", launch_any<Minimum>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(mul, "input, other -> output", launch_number<Mul>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(pow, "input, exponent -> output", launch_floating<Pow>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(prelu, "input, weight -> output", launch_floating<Prelu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(remainder, "input, other -> output", launch_number<Remainder>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(sub, "input, other -> output", launch_number<Sub>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(swish, "input, beta -> output", launch_floating<Swish>, nullptr, CN_ELEMENTWISE_VARIANTS);
