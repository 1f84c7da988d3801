// sgd, adamw: one launch steps all parameters. A table of addresses and sizes travels by value in the kernel's
// parameters (4 KiB); only when there are more parameters than it holds does a second launch follow.
//
// The learning rate and the number of the step are read from device memory, and the last block to arrive counts the step,
// so a captured graph can be replayed. Formulas are PyTorch's.
#include "step.cuh"

namespace {

using cn::block;
using cn::find;
using cn::launch_tables;
using cn::per_thread;
using SgdTable = cn::Table<3, 96>;
using AdamTable = cn::Table<4, 80>;
static_assert(sizeof(SgdTable) <= 3968 && sizeof(AdamTable) <= 3968, "with the other arguments, 4 KiB at most");

struct SgdOptions {
    double momentum, dampening, weight_decay;
    bool nesterov, counts;  // counts: this launch is the last one of the step
};

template <class T>
__global__ void __launch_bounds__(block)
    sgd_kernel(SgdTable table, const double* __restrict__ lr, int64_t* __restrict__ state,
               const float* __restrict__ found_inf, SgdOptions options) {
    using A = acc_t<T>;
    if (cn::skips(found_inf)) return;
    CN_SHARED(int64_t, before, [1]);
    if (threadIdx.x == 0) {
        before[0] = cn::steps_before(state);
        if (options.counts) cn::arrive(state, gridDim.x);
    }
    __syncthreads();
    bool is_first = before[0] == 0;
    int64_t first;
    int which = find(table, &first);
    T* __restrict__ param = static_cast<T*>(table.data[0][which]);
    const T* __restrict__ grad = static_cast<const T*>(table.data[1][which]);
    T* __restrict__ buffer = static_cast<T*>(table.data[2][which]);
    A rate = static_cast<A>(lr[0]), momentum = static_cast<A>(options.momentum);
    A weight = static_cast<A>(1 - options.dampening), decay = static_cast<A>(options.weight_decay);
#pragma unroll
    for (int k = 0; k < per_thread; k++) {
        int64_t i = first + k * block + threadIdx.x;
        if (i >= table.numel[which]) continue;
        A p = to_acc(param[i]);
        A step = to_acc(grad[i]) + decay * p;
        if (options.momentum != 0) {
            A held = is_first ? step : momentum * to_acc(buffer[i]) + weight * step;
            buffer[i] = from_acc<T>(held);
            step = options.nesterov ? step + momentum * held : held;
        }
        param[i] = from_acc<T>(p - rate * step);
    }
}

struct AdamOptions {
    double beta1, beta2, eps, weight_decay;
    bool decoupled, counts;
};

template <class T>
__global__ void __launch_bounds__(block)
    adamw_kernel(AdamTable table, const double* __restrict__ lr, int64_t* __restrict__ state,
                 const float* __restrict__ found_inf, AdamOptions options) {
    using A = acc_t<T>;
    if (cn::skips(found_inf)) return;
    CN_SHARED(A, shared, [2]);
    if (threadIdx.x == 0) {
        double step = static_cast<double>(cn::steps_before(state) + 1);
        if (options.counts) cn::arrive(state, gridDim.x);
        shared[0] = static_cast<A>(lr[0] / (1 - pow(options.beta1, step)));
        shared[1] = static_cast<A>(sqrt(1 - pow(options.beta2, step)));
    }
    __syncthreads();
    A step_size = shared[0], correction = shared[1];
    int64_t first;
    int which = find(table, &first);
    T* __restrict__ param = static_cast<T*>(table.data[0][which]);
    const T* __restrict__ grad = static_cast<const T*>(table.data[1][which]);
    T* __restrict__ exp_avg = static_cast<T*>(table.data[2][which]);
    T* __restrict__ exp_avg_sq = static_cast<T*>(table.data[3][which]);
    A keep = static_cast<A>(options.decoupled ? 1 - lr[0] * options.weight_decay : 1.0);
    A decay = static_cast<A>(options.decoupled ? 0.0 : options.weight_decay);
    A beta1 = static_cast<A>(options.beta1), rest1 = static_cast<A>(1 - options.beta1);
    A beta2 = static_cast<A>(options.beta2), rest2 = static_cast<A>(1 - options.beta2);
    A eps = static_cast<A>(options.eps);
#pragma unroll
    for (int k = 0; k < per_thread; k++) {
        int64_t i = first + k * block + threadIdx.x;
        if (i >= table.numel[which]) continue;
        A p = to_acc(param[i]);
        A g = to_acc(grad[i]) + decay * p;
        A m = beta1 * to_acc(exp_avg[i]) + rest1 * g;
        A v = beta2 * to_acc(exp_avg_sq[i]) + rest2 * g * g;
        exp_avg[i] = from_acc<T>(m);
        exp_avg_sq[i] = from_acc<T>(v);
        param[i] = from_acc<T>(p * keep - step_size * m / (cn::root(v) / correction + eps));
    }
}

template <class T>
CnStatus sgd(const CnCall* call) {
    SgdOptions options = {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2), cn_attr_bool(call, 3),
                          false};
    return launch_tables<SgdTable, 3, 96>(call, [&](const SgdTable& table, bool is_last) {
        options.counts = is_last;
        return CN_LAUNCH(call, (sgd_kernel<T>), table.blocks, block, 0, table, cn_data<const double>(cn_arg(call, 3)),
                         cn_data<int64_t>(cn_arg(call, 4)), cn_data<const float>(cn_arg(call, 5)), options);
    });
}

template <class T>
CnStatus adamw(const CnCall* call) {
    AdamOptions options = {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2),
                           cn_attr_float(call, 3), cn_attr_bool(call, 4),  false};
    return launch_tables<AdamTable, 4, 80>(call, [&](const AdamTable& table, bool is_last) {
        options.counts = is_last;
        return CN_LAUNCH(call, (adamw_kernel<T>), table.blocks, block, 0, table, cn_data<const double>(cn_arg(call, 4)),
                         cn_data<int64_t>(cn_arg(call, 5)), cn_data<const float>(cn_arg(call, 6)), options);
    });
}

CnStatus launch_sgd(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return sgd<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_adamw(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return adamw<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(sgd,
          "param!*, grad*, momentum_buffer!?*, lr, state!, found_inf?; momentum: float, dampening: float, "
          "weight_decay: float, nesterov: bool",
          launch_sgd, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(adamw,
          "param!*, grad*, exp_avg!*, exp_avg_sq!*, lr, state!, found_inf?; beta1: float, beta2: float, eps: float, "
          "weight_decay: float, decoupled: bool",
          launch_adamw, nullptr, "1,024 elements per block, all parameters in one launch");
