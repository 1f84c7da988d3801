// Activation functions with a backward of their own: y = f(x), and grad_input = grad_output f'(x). Each function is one
// struct with the value and the slope; exponentials are of numbers that cannot overflow. f16 and bf16 are computed in f32.
#include "device/elementwise.cuh"
#include "functions.cuh"

namespace {

using cn::Gelu;
using cn::Sigmoid;
using cn::Silu;

template <class A>
struct LeakyRelu {
    A negative_slope;
    static LeakyRelu of(const CnCall* call) { return {static_cast<A>(cn_attr_float(call, 0))}; }
    __device__ __forceinline__ A value(A x) const { return x * slope(x); }
    __device__ __forceinline__ A slope(A x) const { return x > A(0) ? A(1) : negative_slope; }
};

template <class A>
struct Elu {
    A alpha, scale;
    static Elu of(const CnCall* call) { return {static_cast<A>(cn_attr_float(call, 0)), A(1)}; }
    __device__ __forceinline__ A value(A x) const { return x > A(0) ? scale * x : alpha * expm1(x); }
    __device__ __forceinline__ A slope(A x) const { return x > A(0) ? scale : alpha * exp(x); }
};

// The fixed point of Klambauer et al. (2017).
template <class A>
struct Selu : Elu<A> {
    static Selu of(const CnCall*) {
        constexpr double alpha = 1.6732632423543772, scale = 1.0507009873554805;
        Selu f;
        f.alpha = static_cast<A>(alpha * scale);
        f.scale = static_cast<A>(scale);
        return f;
    }
};

template <class A>
struct Mish {
    static Mish of(const CnCall*) { return {}; }
    // tanh(ln(1 + e)) = n / (n + 2) with n = e^2 + 2e; above the bound that is 1.
    __device__ __forceinline__ A value(A x) const {
        A e = exp(x > A(20) ? A(20) : x), n = e * (e + A(2));
        return x * (n / (n + A(2)));
    }
    // t + x s (1 - t^2), where s = e / (1 + e) and 1 - t^2 = 4 (1 + e)^2 / (n + 2)^2.
    __device__ __forceinline__ A slope(A x) const {
        A bounded = x > A(20) ? A(20) : x, e = exp(bounded), n = e * (e + A(2)), r = A(1) / (n + A(2));
        return n * r + A(4) * bounded * (e * r) * ((e + A(1)) * r);
    }
};

template <class A>
struct Softplus {
    A beta, threshold;
    static Softplus of(const CnCall* call) {
        return {static_cast<A>(cn_attr_float(call, 0)), static_cast<A>(cn_attr_float(call, 1))};
    }
    __device__ __forceinline__ A value(A x) const {
        A z = beta * x;
        if (z > threshold) return x;
        A e = exp(z < A(0) ? z : -z);
        return ((z > A(0) ? z : A(0)) + log1p(e)) / beta;
    }
    __device__ __forceinline__ A slope(A x) const {
        A z = beta * x;
        return z > threshold ? A(1) : Sigmoid<A>(z).value;
    }
};

template <class A>
struct Clamp {
    A low, high;
    static Clamp of(const CnCall* call) {
        return {static_cast<A>(cn_attr_float(call, 0)), static_cast<A>(cn_attr_float(call, 1))};
    }
    // A NaN fails both comparisons and passes.
    __device__ __forceinline__ A value(A x) const {
        A raised = x < low ? low : x;
        return raised > high ? high : raised;
    }
    __device__ __forceinline__ A slope(A x) const { return A(!(x < low || x > high)); }
};

// The gradient at a bound is 0, that of clamp is 1.
template <class A>
struct Hardtanh : Clamp<A> {
    static Hardtanh of(const CnCall* call) {
        Hardtanh f;
        static_cast<Clamp<A>&>(f) = Clamp<A>::of(call);
        return f;
    }
    __device__ __forceinline__ A slope(A x) const { return A(!(x <= this->low || x >= this->high)); }
};

// (1 + tanh u) / 2 is the logistic function of 2u, with u = sqrt(2 / pi) (x + 0.044715 x^3).
template <class A>
struct GeluTanh {
    static GeluTanh of(const CnCall*) { return {}; }
    static constexpr double inner = 1.59576912160573071, cubic = 0.044715;
    __device__ __forceinline__ A twice_u(A x) const { return x * (A(inner) + A(inner * cubic) * x * x); }
    __device__ __forceinline__ A value(A x) const { return x * Sigmoid<A>(twice_u(x)).value; }
    __device__ __forceinline__ A slope(A x) const {
        Sigmoid<A> s(twice_u(x));
        A both = s.value * s.complement;
        // Where it has vanished the factor may be infinite.
        return s.value + (both == A(0) ? A(0) : x * (A(inner) + A(3 * inner * cubic) * x * x) * both);
    }
};

template <class T, class F>
struct Forward {
    F f;
    __device__ __forceinline__ T operator()(T x) const { return from_acc<T>(f.value(to_acc(x))); }
};
template <class T, class F>
struct Backward {
    F f;
    __device__ __forceinline__ T operator()(T g, T x) const { return from_acc<T>(to_acc(g) * f.slope(to_acc(x))); }
};

template <template <class> class F>
CnStatus forward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::map<T, T>(call, Forward<T, F<acc_t<T>>>{F<acc_t<T>>::of(call)}); });
    return cn_unsupported_dtype(call, dtype);
}
template <template <class> class F>
CnStatus backward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return cn::map<T, T, T>(call, Backward<T, F<acc_t<T>>>{F<acc_t<T>>::of(call)}); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_gelu(const CnCall* call) {
    return cn_attr_int(call, 0) == 1 ? forward<GeluTanh>(call) : forward<Gelu>(call);
}
CnStatus launch_gelu_backward(const CnCall* call) {
    return cn_attr_int(call, 0) == 1 ? backward<GeluTanh>(call) : backward<Gelu>(call);
}

}  // namespace

CN_KERNEL(clamp, "input; min: float, max: float -> output", forward<Clamp>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(clamp_backward, "grad_output, input; min: float, max: float -> grad_input", backward<Clamp>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(elu, "input; alpha: float -> output", forward<Elu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(elu_backward, "grad_output, input; alpha: float -> grad_input", backward<Elu>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(gelu, "input; approximate: int -> output", launch_gelu, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(gelu_backward, "grad_output, input; approximate: int -> grad_input", launch_gelu_backward, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(hardtanh, "input; min_val: float, max_val: float -> output", forward<Hardtanh>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(hardtanh_backward, "grad_output, input; min_val: float, max_val: float -> grad_input", backward<Hardtanh>,
          nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(leaky_relu, "input; negative_slope: float -> output", forward<LeakyRelu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(leaky_relu_backward, "grad_output, input; negative_slope: float -> grad_input", backward<LeakyRelu>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(mish, "input -> output", forward<Mish>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(mish_backward, "grad_output, input -> grad_input", backward<Mish>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(selu, "input -> output", forward<Selu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(selu_backward, "grad_output, input -> grad_input", backward<Selu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(silu, "input -> output", forward<Silu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(silu_backward, "grad_output, input -> grad_input", backward<Silu>, nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(softplus, "input; beta: float, threshold: float -> output", forward<Softplus>, nullptr,
          CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(softplus_backward, "grad_output, input; beta: float, threshold: float -> grad_input", backward<Softplus>,
          nullptr, CN_ELEMENTWISE_VARIANTS);
