// Gated recurrent unit (Cho et al. 2014), in PyTorch's form, where the reset gate acts behind the product with the weight:
//   r, z = sigmoid of (input gates + hidden gates), n = tanh(input gate + r * hidden gate), h = (1 - z) * n + z * h before
// gru_cell is the point-wise part of one step, gru_sequence a layer over whole sequences, whose input gates are given.
// r, z, n and the hidden gate of n are kept for the backward.
#include "sequence.cuh"

namespace {

template <class T>
struct GruForward {
    static constexpr int gates = 3, slots = 4;
    const T *hx, *h_n;  // the state at the first step and later
    T* kept;

    __device__ __forceinline__ acc_t<T> forward(const cn::Place& p, const T* x, const acc_t<T> (&hidden)[4]) const {
        using A = acc_t<T>;
        A before = to_acc((p.first ? hx : h_n)[p.state]);
        A r = cn::sigmoid(to_acc(x[0]) + hidden[0]), z = cn::sigmoid(to_acc(x[p.stride]) + hidden[1]);
        A n = tanh(to_acc(x[2 * p.stride]) + r * hidden[2]);
        store(p, r, z, n, hidden[2]);
        return (A(1) - z) * n + z * before;
    }
    __device__ __forceinline__ void idle(const cn::Place& p) const {
        using A = acc_t<T>;
        store(p, A(0), A(0), A(0), A(0));
    }
    __device__ __forceinline__ void store(const cn::Place& p, acc_t<T> r, acc_t<T> z, acc_t<T> n,
                                          acc_t<T> hidden) const {
        T* at = kept + p.row * (4 * p.stride) + p.unit;
        at[0] = from_acc<T>(r);
        at[p.stride] = from_acc<T>(z);
        at[2 * p.stride] = from_acc<T>(n);
        at[3 * p.stride] = from_acc<T>(hidden);
    }
};

template <class T>
struct GruBackward {
    static constexpr int gates = 3;
    const T *hx, *output;       // the state before the first step, and after each
    const T *kept, *grad_kept;  // the gradient may be null
    T *grad_input_gates, *grad_hidden_gates;

    __device__ __forceinline__ acc_t<T> backward(const cn::Place& p, acc_t<T> dh) const {
        using A = acc_t<T>;
        const int64_t first = p.row * (4 * p.stride) + p.unit;
        const T* at = kept + first;
        A r = to_acc(at[0]), z = to_acc(at[p.stride]), n = to_acc(at[2 * p.stride]), hidden = to_acc(at[3 * p.stride]);
        A before = to_acc(p.first ? hx[p.state] : output[p.before * p.stride + p.unit]);
        A dz = dh * (before - n), dn = dh * (A(1) - z), dr = A(0), dhidden = A(0);
        if (grad_kept) {
            const T* extra = grad_kept + first;
            dr = to_acc(extra[0]);
            dz += to_acc(extra[p.stride]);
            dn += to_acc(extra[2 * p.stride]);
            dhidden = to_acc(extra[3 * p.stride]);
        }
        dn *= A(1) - n * n;
        dr = (dr + dn * hidden) * r * (A(1) - r);
        dz *= z * (A(1) - z);
        store(grad_input_gates, p, dr, dz, dn);
        store(grad_hidden_gates, p, dr, dz, dn * r + dhidden);
        return dh * z;
    }
    __device__ __forceinline__ void idle(const cn::Place& p) const {
        using A = acc_t<T>;
        store(grad_input_gates, p, A(0), A(0), A(0));
        store(grad_hidden_gates, p, A(0), A(0), A(0));
    }
    __device__ __forceinline__ static void store(T* to, const cn::Place& p, acc_t<T> r, acc_t<T> z, acc_t<T> n) {
        T* at = to + p.row * (3 * p.stride) + p.unit;
        at[0] = from_acc<T>(r);
        at[p.stride] = from_acc<T>(z);
        at[2 * p.stride] = from_acc<T>(n);
    }
};

CnStatus launch_gru_cell(const CnCall* call) {
    const CnTensor* hx = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(hx->dtype, T, {
        GruForward<T> cell = {cn_data<T>(hx), nullptr, cn_data<T>(cn_arg(call, 4))};
        cn::ForwardStep<T, GruForward<T>> f = {cn::single_step(hx),
                                               cn_data<T>(cn_arg(call, 0)),
                                               nullptr,
                                               nullptr,
                                               nullptr,
                                               cn_data<T>(cn_arg(call, 3)),
                                               nullptr,
                                               cell};
        return cn::launch_cell(call, f, 0, cn_data<const T>(cn_arg(call, 1)));
    });
    return cn_unsupported_dtype(call, hx->dtype);
}

CnStatus launch_gru_cell_backward(const CnCall* call) {
    const CnTensor* hx = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(hx->dtype, T, {
        GruBackward<T> cell = {cn_data<T>(hx),
                               nullptr,
                               cn_data<T>(cn_arg(call, 3)),
                               cn_data<T>(cn_arg(call, 1)),
                               cn_data<T>(cn_arg(call, 4)),
                               cn_data<T>(cn_arg(call, 5))};
        cn::BackwardStep<T, GruBackward<T>> f = {
            cn::single_step(hx), cn_data<T>(cn_arg(call, 0)), nullptr, nullptr, cn_data<T>(cn_arg(call, 6)), cell};
        return cn::launch_cell(call, f, 0, static_cast<const T*>(nullptr));
    });
    return cn_unsupported_dtype(call, hx->dtype);
}

CnStatus launch_gru_sequence(const CnCall* call) {
    const CnTensor *x = cn_arg(call, 0), *hx = cn_arg(call, 1), *weight = cn_arg(call, 2);
    auto steps = cn::steps_of(call, x, weight, cn_arg(call, 4));
    CN_DISPATCH_FLOATING(x->dtype, T, {
        T* h_n = cn_data<T>(cn_arg(call, 6));
        GruForward<T> cell = {cn_data<T>(hx), h_n, cn_data<T>(cn_arg(call, 7))};
        cn::ForwardStep<T, GruForward<T>> f = {steps,
                                               cn_data<T>(x),
                                               cn_data<T>(hx),
                                               cn_data<T>(weight),
                                               cn_data<T>(cn_arg(call, 3)),
                                               cn_data<T>(cn_arg(call, 5)),
                                               h_n,
                                               cell};
        return cn::run_sequence(call, f);
    });
    return cn_unsupported_dtype(call, x->dtype);
}

CnStatus launch_gru_sequence_backward(const CnCall* call) {
    const CnTensor *gradient = cn_arg(call, 0), *weight = cn_arg(call, 4);
    auto steps = cn::steps_of(call, gradient, weight, cn_arg(call, 5));
    CN_DISPATCH_FLOATING(gradient->dtype, T, {
        GruBackward<T> cell = {cn_data<T>(cn_arg(call, 3)), cn_data<T>(cn_arg(call, 6)), cn_data<T>(cn_arg(call, 7)),
                               cn_data<T>(cn_arg(call, 2)), cn_data<T>(cn_arg(call, 8)), cn_data<T>(cn_arg(call, 9))};
        cn::BackwardStep<T, GruBackward<T>> f = {
            steps, cn_data<T>(gradient), cn_data<T>(cn_arg(call, 1)), cn_data<T>(weight), cn_data<T>(cn_arg(call, 10)),
            cell};
        return cn::run_sequence(call, f);
    });
    return cn_unsupported_dtype(call, gradient->dtype);
}

int64_t gru_workspace(const CnCall* call) {
    const CnTensor* x = cn_arg(call, 0);
    auto steps = cn::steps_of(call, x, cn_arg(call, 2), cn_arg(call, 4));
    return cn::sequence_workspace(call, steps, true, 3, x->dtype);
}
int64_t gru_backward_workspace(const CnCall* call) {
    const CnTensor* gradient = cn_arg(call, 0);
    auto steps = cn::steps_of(call, gradient, cn_arg(call, 4), cn_arg(call, 5));
    return cn::sequence_workspace(call, steps, steps.even(), 1, gradient->dtype);
}

}  // namespace

CN_KERNEL(gru_cell, "input_gates, hidden_gates, hx -> hy, gates", launch_gru_cell, nullptr, "one unit per thread");
CN_KERNEL(gru_cell_backward, "grad_hy, grad_gates?, hx, gates -> grad_input_gates, grad_hidden_gates, grad_hx",
          launch_gru_cell_backward, nullptr, "one unit per thread");
CN_KERNEL(gru_sequence, "input_gates, hx, weight_hh, bias_hh?, lengths?; reverse: bool -> output, h_n, reserve",
          launch_gru_sequence, gru_workspace, CN_SEQUENCE_VARIANTS);
CN_KERNEL(gru_sequence_backward,
          "grad_output, grad_h_n, grad_reserve?, hx, weight_hh, lengths?, output, reserve; reverse: bool -> "
          "grad_input_gates, grad_hidden_gates, grad_hx",
          launch_gru_sequence_backward, gru_backward_workspace, CN_SEQUENCE_VARIANTS);
