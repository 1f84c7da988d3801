// What all recurrent layers share: which element of a batch of sequences a step concerns, how a step passes its state on, and
// the kernels that do the point-wise part of a step alone. A cell (lstm.cu, gru.cu, rnn.cu) says what happens to one unit.
//
// Sequence b takes part in the first length(b) steps. Steps beyond its end leave its state alone, and what they write, at the
// positions beyond the end, is zero. In reverse, each sequence is read from its own end.
#ifndef CUDANET_KERNELS_RECURRENT_STEP_CUH
#define CUDANET_KERNELS_RECURRENT_STEP_CUH

#include "../device/vec.cuh"

namespace cn {

constexpr int cell_block = 256;

template <class A>
__device__ __forceinline__ A sigmoid(A x) {
    A e = exp(x < A(0) ? x : -x);
    return (x < A(0) ? e : A(1)) / (A(1) + e);
}

struct Steps {
    int64_t count, batch, units;
    const int64_t* lengths;  // may be null: all have `count` steps
    bool reverse;

    __device__ __forceinline__ int64_t length(int64_t b) const {
        if (!lengths) return count;
        int64_t n = lengths[b];
        return n < count ? n : count;
    }
    // The row of a (count, batch, ...) tensor that sequence b reads and writes at step s.
    __device__ __forceinline__ int64_t row(int64_t s, int64_t b, int64_t length) const {
        int64_t t = reverse && s < length ? length - 1 - s : s;
        return t * batch + b;
    }
    // Whether all sequences are at one position at every step.
    bool even() const { return !(lengths && reverse); }
};

// One unit of one sequence at one step.
struct Place {
    int64_t row, before;   // rows of this step and, unless it is the first, of the one before
    int64_t state;         // place in a (batch, units) tensor
    int64_t unit, stride;  // place in a row of one gate, and the distance to the next gate
    bool first, last;
};

template <class T, class Cell>
struct ForwardStep {
    Steps steps;
    const T *input_gates, *hx, *weight, *bias;  // the bias may be null
    T *output, *h_n;                            // h_n carries the state; null in a cell by itself
    Cell cell;

    // `hidden` are the products of the state with this unit's rows of the weight.
    __device__ __forceinline__ void finish(int64_t s, int64_t b, int64_t unit, acc_t<T> (&hidden)[Cell::slots]) const {
        int64_t length = steps.length(b), row = steps.row(s, b, length);
        Place p = {row, steps.row(s - 1, b, length), b * steps.units + unit, unit, steps.units, s == 0, false};
        T* y = output + row * steps.units + unit;
        if (s >= length) {
            *y = from_acc<T>(0);
            if (p.first) h_n[p.state] = hx[p.state];
            cell.idle(p);
            return;
        }
        if (bias) {
#pragma unroll
            for (int g = 0; g < Cell::gates; g++) hidden[g] += to_acc(bias[g * steps.units + unit]);
        }
        T h = from_acc<T>(cell.forward(p, input_gates + row * Cell::gates * steps.units + unit, hidden));
        *y = h;
        if (h_n) h_n[p.state] = h;
    }
};

template <class T, class Cell>
struct BackwardStep {
    Steps steps;
    const T *grad_output, *grad_h_n, *weight;  // grad_h_n is null in a cell by itself
    T* grad_hx;                                // carries what reaches the state directly; null where nothing does
    Cell cell;

    // `through` is what the step after this one has sent back through the weight; step -1 stands before the first.
    __device__ __forceinline__ void finish(int64_t s, int64_t b, int64_t unit, acc_t<T> through) const {
        int64_t length = steps.length(b), row = steps.row(s, b, length);
        Place p = {row,    steps.row(s - 1, b, length), b * steps.units + unit, unit, steps.units,
                   s == 0, s == steps.count - 1};
        const T* carried = p.last ? grad_h_n : grad_hx;
        acc_t<T> gradient = through;
        if (carried) gradient += to_acc(carried[p.state]);
        if (s >= 0 && s < length)
            gradient = cell.backward(p, gradient + to_acc(grad_output[row * steps.units + unit]));
        else if (s >= 0)
            cell.idle(p);
        if (grad_hx) grad_hx[p.state] = from_acc<T>(gradient);
    }
};

// One unit of one sequence per thread; neighbours lie side by side in every tensor.
template <class T, class Cell>
__global__ void __launch_bounds__(cell_block)
    forward_cell(ForwardStep<T, Cell> f, int64_t s, const T* __restrict__ hidden_gates) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * cell_block + threadIdx.x;
    if (at >= f.steps.batch * f.steps.units) return;
    int64_t b = at / f.steps.units, unit = at - b * f.steps.units;
    acc_t<T> hidden[Cell::slots];
#pragma unroll
    for (int g = 0; g < Cell::gates; g++)
        hidden[g] = to_acc(hidden_gates[(b * Cell::gates + g) * f.steps.units + unit]);
    f.finish(s, b, unit, hidden);
}

template <class T, class Cell>
__global__ void __launch_bounds__(cell_block)
    backward_cell(BackwardStep<T, Cell> f, int64_t s, const T* __restrict__ through) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * cell_block + threadIdx.x;
    if (at >= f.steps.batch * f.steps.units) return;
    int64_t b = at / f.steps.units, unit = at - b * f.steps.units;
    f.finish(s, b, unit, through ? to_acc(through[at]) : acc_t<T>(0));
}

inline int64_t cell_grid(const Steps& steps) { return cn_ceil_div(steps.batch * steps.units, cell_block); }

template <class T, class Cell>
CnStatus launch_cell(const CnCall* call, const ForwardStep<T, Cell>& f, int64_t s, const T* hidden_gates) {
    return CN_LAUNCH(call, (forward_cell<T, Cell>), cell_grid(f.steps), cell_block, 0, f, s, hidden_gates);
}
template <class T, class Cell>
CnStatus launch_cell(const CnCall* call, const BackwardStep<T, Cell>& f, int64_t s, const T* through) {
    return CN_LAUNCH(call, (backward_cell<T, Cell>), cell_grid(f.steps), cell_block, 0, f, s, through);
}

// A cell by itself: one step, of the batch and units that `state`, a (batch, units) tensor, has.
inline Steps single_step(const CnTensor* state) { return {1, state->shape[0], state->shape[1], nullptr, false}; }

// A sequence: (steps, batch, gates) and a (gates, units) weight.
inline Steps steps_of(const CnCall* call, const CnTensor* sequence, const CnTensor* weight, const CnTensor* lengths) {
    return {sequence->shape[0], sequence->shape[1], weight->shape[1], cn_data<int64_t>(lengths), cn_attr_bool(call, 0)};
}

}  // namespace cn

#endif
