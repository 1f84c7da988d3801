// glu: the first half of an axis times a function of the second half; glu_backward: the gradients of both halves, written
// side by side. The input is contiguous (outer, 2 half), where half holds what lies behind the axis too. One pass each:
// the gate's value is computed again in the backward instead of being kept. Vectors of 16 bytes where halves begin at
// multiples of them.
#include "device/vec.cuh"
#include "functions.cuh"

namespace {

constexpr int block = 256;

template <class A>
struct SigmoidGate {
    __device__ __forceinline__ A value(A x) const { return cn::Sigmoid<A>(x).value; }
    __device__ __forceinline__ A slope(A x) const {
        cn::Sigmoid<A> s(x);
        return s.value * s.complement;
    }
};
template <class A>
struct ReluGate {
    // A NaN fails the comparison and passes.
    __device__ __forceinline__ A value(A x) const { return x < A(0) ? A(0) : x; }
    __device__ __forceinline__ A slope(A x) const { return x > A(0) ? A(1) : A(0); }
};

template <class T, bool WIDE, class Gate>
__global__ void __launch_bounds__(block)
    glu_kernel(const T* __restrict__ input, T* __restrict__ output, int64_t packs, int64_t half, Gate gate) {
    using P = Pack<T, WIDE>;
    int64_t pack = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (pack >= packs) return;
    int64_t i = pack * P::size, row = i / half, at = i + row * half;  // the rows of the input are twice as long
    P x = P::load(input + at), g = P::load(input + at + half);
#pragma unroll
    for (int k = 0; k < P::size; k++) x.at[k] = from_acc<T>(to_acc(x.at[k]) * gate.value(to_acc(g.at[k])));
    x.store(output + i);
}

template <class T, bool WIDE, class Gate>
__global__ void __launch_bounds__(block)
    glu_backward_kernel(const T* __restrict__ grad_output, const T* __restrict__ input, T* __restrict__ grad_input,
                        int64_t packs, int64_t half, Gate gate) {
    using P = Pack<T, WIDE>;
    int64_t pack = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (pack >= packs) return;
    int64_t i = pack * P::size, row = i / half, at = i + row * half;
    P grad = P::load(grad_output + i), x = P::load(input + at), g = P::load(input + at + half);
#pragma unroll
    for (int k = 0; k < P::size; k++) {
        acc_t<T> up = to_acc(grad.at[k]), value = to_acc(x.at[k]), argument = to_acc(g.at[k]);
        x.at[k] = from_acc<T>(up * gate.value(argument));
        g.at[k] = from_acc<T>(up * value * gate.slope(argument));
    }
    x.store(grad_input + at);
    g.store(grad_input + at + half);
}

// The elements of half of the axis, and of all that lies behind it.
int64_t half_of(const CnTensor* input, int64_t dim) {
    int64_t half = 1;
    for (int d = static_cast<int>(dim < 0 ? dim + input->rank : dim); d < input->rank; d++) half *= input->shape[d];
    return half / 2;
}

bool is_wide(const CnCall* call, int32_t dtype, int64_t half) {
    uintptr_t all = 0;
    for (int i = 0; i < call->arg_count; i++) all |= reinterpret_cast<uintptr_t>(cn_arg(call, i)->data);
    return all % 16 == 0 && half * cn_dtype_size(dtype) % 16 == 0;
}

template <class T, bool WIDE, class Gate>
CnStatus forward(const CnCall* call, int64_t half) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    int64_t packs = cn_numel(*output) / Pack<T, WIDE>::size;
    return CN_LAUNCH(call, (glu_kernel<T, WIDE, Gate>), cn_ceil_div(packs, block), block, 0, cn_data<const T>(input),
                     cn_data<T>(output), packs, half, Gate());
}

template <class T, bool WIDE, class Gate>
CnStatus backward(const CnCall* call, int64_t half) {
    const CnTensor *grad = cn_arg(call, 0), *input = cn_arg(call, 1), *output = cn_arg(call, 2);
    int64_t packs = cn_numel(*grad) / Pack<T, WIDE>::size;
    return CN_LAUNCH(call, (glu_backward_kernel<T, WIDE, Gate>), cn_ceil_div(packs, block), block, 0,
                     cn_data<const T>(grad), cn_data<const T>(input), cn_data<T>(output), packs, half, Gate());
}

template <class T, bool WIDE, bool BACKWARD, class Gate>
CnStatus run(const CnCall* call, int64_t half) {
    if constexpr (BACKWARD)
        return backward<T, WIDE, Gate>(call, half);
    else
        return forward<T, WIDE, Gate>(call, half);
}

template <class T, bool WIDE, bool BACKWARD>
CnStatus with_gate(const CnCall* call, int64_t half) {
    using A = acc_t<T>;
    switch (cn_attr_int(call, 1)) {
        case 0:
            return run<T, WIDE, BACKWARD, SigmoidGate<A>>(call, half);
        case 1:
            return run<T, WIDE, BACKWARD, cn::Silu<A>>(call, half);
        case 2:
            return run<T, WIDE, BACKWARD, cn::Gelu<A>>(call, half);
        default:
            return run<T, WIDE, BACKWARD, ReluGate<A>>(call, half);
    }
}

template <bool BACKWARD>
CnStatus launch(const CnCall* call) {
    const CnTensor* input = cn_arg(call, BACKWARD ? 1 : 0);
    int64_t half = half_of(input, cn_attr_int(call, 0));
    bool wide = is_wide(call, input->dtype, half);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return wide ? with_gate<T, true, BACKWARD>(call, half) : with_gate<T, false, BACKWARD>(call, half);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(glu, "input; dim: int, activation: int -> output", launch<false>, nullptr,
          "one vector or element per thread");
CN_KERNEL(glu_backward, "grad_output, input; dim: int, activation: int -> grad_input", launch<true>, nullptr,
          "one vector or element per thread");
