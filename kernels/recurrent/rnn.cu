// A plain recurrent layer (Elman 1990) over whole sequences, whose input gates are given:
//   h = tanh(input gate + hidden gate), or max(0, input gate + hidden gate)
// Both derivatives follow from the output, so nothing else is kept.
#include "sequence.cuh"

namespace {

template <class T>
struct RnnForward {
    static constexpr int gates = 1, slots = 1;
    bool relu;

    __device__ __forceinline__ acc_t<T> forward(const cn::Place&, const T* x, const acc_t<T> (&hidden)[1]) const {
        using A = acc_t<T>;
        A sum = to_acc(x[0]) + hidden[0];
        return relu ? (sum < A(0) ? A(0) : sum) : tanh(sum);
    }
    __device__ __forceinline__ void idle(const cn::Place&) const {}
};

template <class T>
struct RnnBackward {
    static constexpr int gates = 1;
    bool relu;
    const T* output;
    T* grad_hidden_gates;  // those of the input gates too

    __device__ __forceinline__ acc_t<T> backward(const cn::Place& p, acc_t<T> dh) const {
        using A = acc_t<T>;
        int64_t at = p.row * p.stride + p.unit;
        A h = to_acc(output[at]);
        grad_hidden_gates[at] = from_acc<T>(relu ? (h > A(0) ? dh : A(0)) : dh * (A(1) - h * h));
        return A(0);
    }
    __device__ __forceinline__ void idle(const cn::Place& p) const {
        grad_hidden_gates[p.row * p.stride + p.unit] = from_acc<T>(0);
    }
};

CnStatus launch_rnn_sequence(const CnCall* call) {
    const CnTensor *x = cn_arg(call, 0), *weight = cn_arg(call, 2);
    auto steps = cn::steps_of(call, x, weight, cn_arg(call, 4));
    CN_DISPATCH_FLOATING(x->dtype, T, {
        cn::ForwardStep<T, RnnForward<T>> f = {steps,
                                               cn_data<T>(x),
                                               cn_data<T>(cn_arg(call, 1)),
                                               cn_data<T>(weight),
                                               cn_data<T>(cn_arg(call, 3)),
                                               cn_data<T>(cn_arg(call, 5)),
                                               cn_data<T>(cn_arg(call, 6)),
                                               {cn_attr_bool(call, 1)}};
        return cn::run_sequence(call, f);
    });
    return cn_unsupported_dtype(call, x->dtype);
}

CnStatus launch_rnn_sequence_backward(const CnCall* call) {
    const CnTensor *gradient = cn_arg(call, 0), *weight = cn_arg(call, 2);
    auto steps = cn::steps_of(call, gradient, weight, cn_arg(call, 3));
    CN_DISPATCH_FLOATING(gradient->dtype, T, {
        RnnBackward<T> cell = {cn_attr_bool(call, 1), cn_data<T>(cn_arg(call, 4)), cn_data<T>(cn_arg(call, 5))};
        cn::BackwardStep<T, RnnBackward<T>> f = {
            steps, cn_data<T>(gradient), cn_data<T>(cn_arg(call, 1)), cn_data<T>(weight), cn_data<T>(cn_arg(call, 6)),
            cell};
        return cn::run_sequence(call, f);
    });
    return cn_unsupported_dtype(call, gradient->dtype);
}

int64_t rnn_workspace(const CnCall* call) {
    const CnTensor* x = cn_arg(call, 0);
    auto steps = cn::steps_of(call, x, cn_arg(call, 2), cn_arg(call, 4));
    return cn::sequence_workspace(call, steps, true, 1, x->dtype);
}
int64_t rnn_backward_workspace(const CnCall* call) {
    const CnTensor* gradient = cn_arg(call, 0);
    auto steps = cn::steps_of(call, gradient, cn_arg(call, 2), cn_arg(call, 3));
    return cn::sequence_workspace(call, steps, steps.even(), 1, gradient->dtype);
}

}  // namespace

CN_KERNEL(rnn_sequence,
          "input_gates, hx, weight_hh, bias_hh?, lengths?; reverse: bool, nonlinearity: int -> output, h_n",
          launch_rnn_sequence, rnn_workspace, CN_SEQUENCE_VARIANTS);
CN_KERNEL(rnn_sequence_backward,
          "grad_output, grad_h_n, weight_hh, lengths?, output; reverse: bool, nonlinearity: int -> grad_input_gates, "
          "grad_hx",
          launch_rnn_sequence_backward, rnn_backward_workspace, CN_SEQUENCE_VARIANTS);
