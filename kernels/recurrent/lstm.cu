// Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000), with PyTorch's order of gates:
//   i, f, o = sigmoid, g = tanh of (input gates + hidden gates), c = f * c before + i * g, h = o * tanh(c)
// lstm_cell is the point-wise part of one step, lstm_sequence a layer over whole sequences, whose input gates are given.
// The activated gates, and for a sequence the states c behind them, are kept for the backward.
#include "sequence.cuh"

namespace {

// Where gates (and states c) lie: rows of one tensor, or of two.
template <class P>
struct Kept {
    P* gates;
    P* cells;  // may be null
    int64_t gates_row, cells_row;
};

template <class T>
struct LstmForward {
    static constexpr int gates = 4, slots = 4;
    const T* cx;
    T* c_n;  // carries the state
    Kept<T> kept;

    __device__ __forceinline__ acc_t<T> forward(const cn::Place& p, const T* x, const acc_t<T> (&hidden)[4]) const {
        using A = acc_t<T>;
        const T* before = p.first ? cx : c_n;
        A i = cn::sigmoid(to_acc(x[0]) + hidden[0]), f = cn::sigmoid(to_acc(x[p.stride]) + hidden[1]);
        A g = tanh(to_acc(x[2 * p.stride]) + hidden[2]), o = cn::sigmoid(to_acc(x[3 * p.stride]) + hidden[3]);
        A c = f * to_acc(before[p.state]) + i * g;
        store(p, i, f, g, o, c);
        c_n[p.state] = from_acc<T>(c);
        return o * tanh(c);
    }
    __device__ __forceinline__ void idle(const cn::Place& p) const {
        using A = acc_t<T>;
        store(p, A(0), A(0), A(0), A(0), A(0));
        if (p.first) c_n[p.state] = cx[p.state];
    }
    __device__ __forceinline__ void store(const cn::Place& p, acc_t<T> i, acc_t<T> f, acc_t<T> g, acc_t<T> o,
                                          acc_t<T> c) const {
        T* at = kept.gates + p.row * kept.gates_row + p.unit;
        at[0] = from_acc<T>(i);
        at[p.stride] = from_acc<T>(f);
        at[2 * p.stride] = from_acc<T>(g);
        at[3 * p.stride] = from_acc<T>(o);
        if (kept.cells) kept.cells[p.row * kept.cells_row + p.unit] = from_acc<T>(c);
    }
};

template <class T>
struct LstmBackward {
    static constexpr int gates = 4;
    const T *cx, *grad_c_n;
    Kept<const T> kept, grad_kept;  // either pointer of the gradients may be null
    T* grad_hidden_gates;           // those of the input gates too
    T* grad_cx;                     // carries the gradient of the state

    __device__ __forceinline__ acc_t<T> backward(const cn::Place& p, acc_t<T> dh) const {
        using A = acc_t<T>;
        const T* at = kept.gates + p.row * kept.gates_row + p.unit;
        A i = to_acc(at[0]), f = to_acc(at[p.stride]), g = to_acc(at[2 * p.stride]), o = to_acc(at[3 * p.stride]);
        A before = to_acc(p.first ? cx[p.state] : kept.cells[p.before * kept.cells_row + p.unit]);
        A size = tanh(to_acc(kept.cells[p.row * kept.cells_row + p.unit]));
        A dc = to_acc(p.last ? grad_c_n[p.state] : grad_cx[p.state]) + dh * o * (A(1) - size * size);
        if (grad_kept.cells) dc += to_acc(grad_kept.cells[p.row * grad_kept.cells_row + p.unit]);
        A di = dc * g, df = dc * before, dg = dc * i, d_o = dh * size;
        if (grad_kept.gates) {
            const T* extra = grad_kept.gates + p.row * grad_kept.gates_row + p.unit;
            di += to_acc(extra[0]);
            df += to_acc(extra[p.stride]);
            dg += to_acc(extra[2 * p.stride]);
            d_o += to_acc(extra[3 * p.stride]);
        }
        store(p, di * i * (A(1) - i), df * f * (A(1) - f), dg * (A(1) - g * g), d_o * o * (A(1) - o));
        grad_cx[p.state] = from_acc<T>(dc * f);
        return A(0);
    }
    __device__ __forceinline__ void idle(const cn::Place& p) const {
        using A = acc_t<T>;
        store(p, A(0), A(0), A(0), A(0));
        if (p.last) grad_cx[p.state] = grad_c_n[p.state];
    }
    __device__ __forceinline__ void store(const cn::Place& p, acc_t<T> i, acc_t<T> f, acc_t<T> g, acc_t<T> o) const {
        T* at = grad_hidden_gates + p.row * (4 * p.stride) + p.unit;
        at[0] = from_acc<T>(i);
        at[p.stride] = from_acc<T>(f);
        at[2 * p.stride] = from_acc<T>(g);
        at[3 * p.stride] = from_acc<T>(o);
    }
};

// The five rows of a sequence's reserve: i, f, g, o and c.
template <class P>
Kept<P> reserve_of(const CnTensor* reserve, int64_t units) {
    P* data = cn_data<P>(reserve);
    return {data, data ? data + 4 * units : nullptr, 5 * units, 5 * units};
}

CnStatus launch_lstm_cell(const CnCall* call) {
    const CnTensor* cx = cn_arg(call, 2);
    auto steps = cn::single_step(cx);
    CN_DISPATCH_FLOATING(cx->dtype, T, {
        LstmForward<T> cell = {
            cn_data<T>(cx), cn_data<T>(cn_arg(call, 4)), {cn_data<T>(cn_arg(call, 5)), nullptr, 4 * steps.units, 0}};
        cn::ForwardStep<T, LstmForward<T>> f = {steps,   cn_data<T>(cn_arg(call, 0)), nullptr, nullptr,
                                                nullptr, cn_data<T>(cn_arg(call, 3)), nullptr, cell};
        return cn::launch_cell(call, f, 0, cn_data<const T>(cn_arg(call, 1)));
    });
    return cn_unsupported_dtype(call, cx->dtype);
}

CnStatus launch_lstm_cell_backward(const CnCall* call) {
    const CnTensor* cx = cn_arg(call, 3);
    auto steps = cn::single_step(cx);
    CN_DISPATCH_FLOATING(cx->dtype, T, {
        LstmBackward<T> cell = {
            cn_data<T>(cx),
            cn_data<T>(cn_arg(call, 1)),
            {cn_data<T>(cn_arg(call, 5)), cn_data<T>(cn_arg(call, 4)), 4 * steps.units, steps.units},
            {cn_data<T>(cn_arg(call, 2)), nullptr, 4 * steps.units, 0},
            cn_data<T>(cn_arg(call, 6)),
            cn_data<T>(cn_arg(call, 7))};
        cn::BackwardStep<T, LstmBackward<T>> f = {steps, cn_data<T>(cn_arg(call, 0)), nullptr, nullptr, nullptr, cell};
        return cn::launch_cell(call, f, 0, static_cast<const T*>(nullptr));
    });
    return cn_unsupported_dtype(call, cx->dtype);
}

CnStatus launch_lstm_sequence(const CnCall* call) {
    const CnTensor *x = cn_arg(call, 0), *weight = cn_arg(call, 3);
    auto steps = cn::steps_of(call, x, weight, cn_arg(call, 5));
    CN_DISPATCH_FLOATING(x->dtype, T, {
        LstmForward<T> cell = {cn_data<T>(cn_arg(call, 2)), cn_data<T>(cn_arg(call, 8)),
                               reserve_of<T>(cn_arg(call, 9), steps.units)};
        cn::ForwardStep<T, LstmForward<T>> f = {steps,
                                                cn_data<T>(x),
                                                cn_data<T>(cn_arg(call, 1)),
                                                cn_data<T>(weight),
                                                cn_data<T>(cn_arg(call, 4)),
                                                cn_data<T>(cn_arg(call, 6)),
                                                cn_data<T>(cn_arg(call, 7)),
                                                cell};
        return cn::run_sequence(call, f);
    });
    return cn_unsupported_dtype(call, x->dtype);
}

CnStatus launch_lstm_sequence_backward(const CnCall* call) {
    const CnTensor *gradient = cn_arg(call, 0), *weight = cn_arg(call, 5);
    auto steps = cn::steps_of(call, gradient, weight, cn_arg(call, 6));
    CN_DISPATCH_FLOATING(gradient->dtype, T, {
        LstmBackward<T> cell = {cn_data<T>(cn_arg(call, 4)),
                                cn_data<T>(cn_arg(call, 2)),
                                reserve_of<const T>(cn_arg(call, 7), steps.units),
                                reserve_of<const T>(cn_arg(call, 3), steps.units),
                                cn_data<T>(cn_arg(call, 8)),
                                cn_data<T>(cn_arg(call, 10))};
        cn::BackwardStep<T, LstmBackward<T>> f = {
            steps, cn_data<T>(gradient), cn_data<T>(cn_arg(call, 1)), cn_data<T>(weight), cn_data<T>(cn_arg(call, 9)),
            cell};
        return cn::run_sequence(call, f);
    });
    return cn_unsupported_dtype(call, gradient->dtype);
}

int64_t lstm_workspace(const CnCall* call) {
    const CnTensor* x = cn_arg(call, 0);
    auto steps = cn::steps_of(call, x, cn_arg(call, 3), cn_arg(call, 5));
    return cn::sequence_workspace(call, steps, true, 4, x->dtype);
}
int64_t lstm_backward_workspace(const CnCall* call) {
    const CnTensor* gradient = cn_arg(call, 0);
    auto steps = cn::steps_of(call, gradient, cn_arg(call, 5), cn_arg(call, 6));
    return cn::sequence_workspace(call, steps, steps.even(), 1, gradient->dtype);
}

}  // namespace

CN_KERNEL(lstm_cell, "input_gates, hidden_gates, cx -> hy, cy, gates", launch_lstm_cell, nullptr,
          "one unit per thread");
CN_KERNEL(lstm_cell_backward, "grad_hy, grad_cy, grad_gates?, cx, cy, gates -> grad_preactivations, grad_cx",
          launch_lstm_cell_backward, nullptr, "one unit per thread");
CN_KERNEL(lstm_sequence,
          "input_gates, hx, cx, weight_hh, bias_hh?, lengths?; reverse: bool -> output, h_n, c_n, reserve",
          launch_lstm_sequence, lstm_workspace, CN_SEQUENCE_VARIANTS);
CN_KERNEL(lstm_sequence_backward,
          "grad_output, grad_h_n, grad_c_n, grad_reserve?, cx, weight_hh, lengths?, reserve; reverse: bool -> "
          "grad_input_gates, grad_hx, grad_cx",
          launch_lstm_sequence_backward, lstm_backward_workspace, CN_SEQUENCE_VARIANTS);
