// Element-wise ops of one operand: exponentials, logarithms, roots, trigonometry, rounding, signs, affine. The functions are
// the accurate ones of the CUDA math library (1 to 2 ulp in f32); f16 and bf16 are computed in f32. Activations that have
// a backward of their own are in activations.cu.
#include "device/elementwise.cuh"

namespace {

struct Exp {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return exp(x);
    }
};
struct Log {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return log(x);
    }
};
struct Sqrt {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return sqrt(x);
    }
};
struct Rsqrt {
    // The square root rounds correctly and so does the division; the fast rsqrt of the hardware does not.
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return A(1) / sqrt(x);
    }
};
struct Tanh {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return tanh(x);
    }
};
struct Sigmoid {
    // exp of a negative number never overflows, and both tails keep their accuracy.
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        A e = exp(x < A(0) ? x : -x);
        return (x < A(0) ? e : A(1)) / (A(1) + e);
    }
};
struct Relu {
    // A NaN fails the comparison and passes.
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return x < A(0) ? A(0) : x;
    }
};
struct Abs {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return fabs(x);
    }
};
struct Sin {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return sin(x);
    }
};
struct Cos {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return cos(x);
    }
};
struct Erf {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return erf(x);
    }
};
struct Expm1 {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return expm1(x);
    }
};
struct Log1p {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return log1p(x);
    }
};
struct Ceil {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return ceil(x);
    }
};
struct Floor {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return floor(x);
    }
};
struct Trunc {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return trunc(x);
    }
};
struct Reciprocal {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return A(1) / x;
    }
};
struct Rect {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return x >= A(0) && x <= A(1) ? A(1) : A(0);
    }
};
struct Round {
    // Halves to the even neighbour.
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return rint(x);
    }
};
struct Sign {
    // 0 for NaN.
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return static_cast<A>((x > A(0)) - (x < A(0)));
    }
};
struct Square {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return x * x;
    }
    __device__ __forceinline__ int64_t operator()(int64_t x) const {
        return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x));
    }
};
struct LogicalNot {
    __device__ __forceinline__ bool operator()(bool x) const { return !x; }
};
struct BitwiseNot {
    __device__ __forceinline__ int64_t operator()(int64_t x) const { return ~x; }
};
struct Neg {
    template <class A>
    __device__ __forceinline__ A operator()(A x) const {
        return -x;
    }
    // The lowest integer wraps to itself, which only unsigned arithmetic defines.
    __device__ __forceinline__ int64_t operator()(int64_t x) const {
        return static_cast<int64_t>(0 - static_cast<uint64_t>(x));
    }
};

// Scale and shift are rounded to the type that is computed with.
template <class A>
struct Affine {
    A scale, shift;
    __device__ __forceinline__ A operator()(A x) const { return scale * x + shift; }
};

// An op on stored values: widened, computed, rounded once.
template <class T, class Op>
struct Unary {
    Op op;
    __device__ __forceinline__ T operator()(T x) const { return from_acc<T>(op(to_acc(x))); }
};

template <class Op>
CnStatus launch_floating(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::map<T, T>(call, Unary<T, Op>{}); });
    return cn_unsupported_dtype(call, dtype);
}

template <class Op>
CnStatus launch_signed(const CnCall* call) {
    switch (cn_arg(call, 0)->dtype) {
        case CN_I64:
            return cn::map<int64_t, int64_t>(call, Unary<int64_t, Op>{});
        case CN_I32:
            return cn::map<int32_t, int32_t>(call, Unary<int32_t, Op>{});
        default:
            return launch_floating<Op>(call);
    }
}

template <class Op>
CnStatus launch_number(const CnCall* call) {
    if (cn_arg(call, 0)->dtype == CN_U8) return cn::map<uint8_t, uint8_t>(call, Unary<uint8_t, Op>{});
    return launch_signed<Op>(call);
}

CnStatus launch_bitwise_not(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    // One bit, not the eight of its byte.
    if (dtype == CN_BOOL) return cn::map<bool, bool>(call, LogicalNot{});
    CN_DISPATCH_INTEGRAL(dtype, T, { return cn::map<T, T>(call, Unary<T, BitwiseNot>{}); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_affine(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, {
        using A = acc_t<T>;
        Affine<A> op{static_cast<A>(cn_attr_float(call, 0)), static_cast<A>(cn_attr_float(call, 1))};
        return cn::map<T, T>(call, Unary<T, Affine<A>>{op});
    });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(abs, "input -> output", launch_floating<Abs>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(affine, "input; scale: float, shift: float -> output", launch_affine, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(bitwise_not, "input -> output", launch_bitwise_not, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(ceil, "input -> output", launch_floating<Ceil>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(cos, "input -> output", launch_floating<Cos>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(erf, "input -> output", launch_floating<Erf>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(exp, "input -> output", launch_floating<Exp>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(expm1, "input -> output", launch_floating<Expm1>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(floor, "input -> output", launch_floating<Floor>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(log, "input -> output", launch_floating<Log>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(log1p, "input -> output", launch_floating<Log1p>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(neg, "input -> output", launch_signed<Neg>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(reciprocal, "input -> output", launch_floating<Reciprocal>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(rect, "input -> output", launch_floating<Rect>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(relu, "input -> output", launch_floating<Relu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(round, "input -> output", launch_floating<Round>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(rsqrt, "input -> output", launch_floating<Rsqrt>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(sigmoid, "input -> output", launch_floating<Sigmoid>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(sign, "input -> output", launch_number<Sign>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(sin, "input -> output", launch_floating<Sin>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(sqrt, "input -> output", launch_floating<Sqrt>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(square, "input -> output", launch_number<Square>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(tanh, "input -> output", launch_floating<Tanh>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(trunc, "input -> output", launch_floating<Trunc>, nullptr, CN_ELEMENTWISE_VARIANTS);
