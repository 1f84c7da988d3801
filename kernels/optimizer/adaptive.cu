// momentum, adagrad, rmsprop, adadelta, adamax, radam, amsgrad: optimisers that are one formula per element. A rule states its formula;
// the kernel around it is the same for all of them, and reads and writes each tensor once, all parameters in one launch.
//
// The formulas are PyTorch's; momentum is what PyTorch does not have, Polyak's and the damped form.
#include "../device/warp.cuh"
#include "step.cuh"

namespace {

using cn::block;
using cn::find;
using cn::launch_tables;
using cn::per_thread;
using cn::root;

// A kernel's parameters take 4 KiB; 96 bytes are left to the others.
constexpr int capacity_of(int lists) { return (4000 - 16) / (16 + 8 * lists); }

template <int LISTS>
using StepTable = cn::Table<LISTS, capacity_of(LISTS)>;

// What depends on the learning rate and the number of the step is computed by one thread of a block, in double.
struct Scales {
    double first, second, third;
};

template <class Rule, class T>
__global__ void __launch_bounds__(block)
    step_kernel(StepTable<2 + Rule::buffers> table, const double* __restrict__ lr, int64_t* __restrict__ state,
                typename Rule::Options options, bool counts) {
    using A = acc_t<T>;
    CN_SHARED(A, shared, [3]);
    if (threadIdx.x == 0) {
        double step = static_cast<double>(cn::steps_before(state) + 1);
        if (counts) cn::arrive(state, gridDim.x);
        Scales scales = Rule::scales(options, lr[0], step);
        shared[0] = static_cast<A>(scales.first);
        shared[1] = static_cast<A>(scales.second);
        shared[2] = static_cast<A>(scales.third);
    }
    __syncthreads();
    const Rule rule(options, shared[0], shared[1], shared[2]);
    int64_t first;
    int which = find(table, &first);
    T* __restrict__ param = static_cast<T*>(table.data[0][which]);
    const T* __restrict__ grad = static_cast<const T*>(table.data[1][which]);
#pragma unroll
    for (int k = 0; k < per_thread; k++) {
        int64_t i = first + k * block + threadIdx.x;
        if (i >= table.numel[which]) continue;
        A held[Rule::buffers];
#pragma unroll
        for (int b = 0; b < Rule::buffers; b++) {
            const T* buffer = static_cast<const T*>(table.data[2 + b][which]);
            held[b] = buffer != nullptr ? to_acc(buffer[i]) : A(0);
        }
        A p = to_acc(param[i]);
        param[i] = from_acc<T>(rule.next(p, to_acc(grad[i]) + rule.decay * p, held));
#pragma unroll
        for (int b = 0; b < Rule::buffers; b++) {
            T* buffer = static_cast<T*>(table.data[2 + b][which]);
            if (buffer != nullptr) buffer[i] = from_acc<T>(held[b]);
        }
    }
}

// v = βv + lr·g, p -= v; damped, v = βv + (1 − β)·g, p -= lr·v. Nesterov's goes on by β times the new v.
template <class A>
struct Momentum {
    static constexpr int buffers = 1;
    struct Options {
        double momentum, weight_decay;
        bool damped, nesterov;
    };
    A beta, decay, weight, rate;
    bool nesterov;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_bool(call, 2), cn_attr_bool(call, 3)};
    }
    __device__ static Scales scales(const Options& o, double lr, double) {
        return {o.damped ? 1 - o.momentum : lr, o.damped ? lr : 1.0, 0};
    }
    __device__ Momentum(const Options& o, A first, A second, A)
        : beta(static_cast<A>(o.momentum)),
          decay(static_cast<A>(o.weight_decay)),
          weight(first),
          rate(second),
          nesterov(o.nesterov) {}
    __device__ A next(A p, A g, A (&held)[1]) const {
        held[0] = beta * held[0] + weight * g;
        return p - rate * (nesterov ? beta * held[0] + weight * g : held[0]);
    }
};

template <class A>
struct Adagrad {
    static constexpr int buffers = 1;
    struct Options {
        double lr_decay, eps, weight_decay;
    };
    A eps, decay, rate;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2)};
    }
    __device__ static Scales scales(const Options& o, double lr, double step) {
        return {lr / (1 + (step - 1) * o.lr_decay), 0, 0};
    }
    __device__ Adagrad(const Options& o, A first, A, A)
        : eps(static_cast<A>(o.eps)), decay(static_cast<A>(o.weight_decay)), rate(first) {}
    __device__ A next(A p, A g, A (&held)[1]) const {
        held[0] += g * g;
        return p - rate * g / (root(held[0]) + eps);
    }
};

template <class A>
struct RmsProp {
    static constexpr int buffers = 3;
    struct Options {
        double alpha, eps, weight_decay, momentum;
        bool centered;
    };
    A alpha, rest, eps, decay, momentum, rate;
    bool centered;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2), cn_attr_float(call, 3),
                cn_attr_bool(call, 4)};
    }
    __device__ static Scales scales(const Options&, double lr, double) { return {lr, 0, 0}; }
    __device__ RmsProp(const Options& o, A first, A, A)
        : alpha(static_cast<A>(o.alpha)),
          rest(static_cast<A>(1 - o.alpha)),
          eps(static_cast<A>(o.eps)),
          decay(static_cast<A>(o.weight_decay)),
          momentum(static_cast<A>(o.momentum)),
          rate(first),
          centered(o.centered) {}
    __device__ A next(A p, A g, A (&held)[3]) const {
        held[0] = alpha * held[0] + rest * g * g;
        A square = held[0];
        if (centered) {
            held[1] = alpha * held[1] + rest * g;
            square -= held[1] * held[1];
        }
        A step = g / (root(square) + eps);
        // Without momentum there is no third buffer: its 0 stays what it is.
        held[2] = momentum * held[2] + step;
        return p - rate * held[2];
    }
};

template <class A>
struct Adadelta {
    static constexpr int buffers = 2;
    struct Options {
        double rho, eps, weight_decay;
    };
    A rho, rest, eps, decay, rate;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2)};
    }
    __device__ static Scales scales(const Options&, double lr, double) { return {lr, 0, 0}; }
    __device__ Adadelta(const Options& o, A first, A, A)
        : rho(static_cast<A>(o.rho)),
          rest(static_cast<A>(1 - o.rho)),
          eps(static_cast<A>(o.eps)),
          decay(static_cast<A>(o.weight_decay)),
          rate(first) {}
    __device__ A next(A p, A g, A (&held)[2]) const {
        held[0] = rho * held[0] + rest * g * g;
        A delta = root(held[1] + eps) / root(held[0] + eps) * g;
        held[1] = rho * held[1] + rest * delta * delta;
        return p - rate * delta;
    }
};

template <class A>
struct Adamax {
    static constexpr int buffers = 2;
    struct Options {
        double beta1, beta2, eps, weight_decay;
    };
    A beta1, rest1, beta2, eps, decay, rate;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2), cn_attr_float(call, 3)};
    }
    __device__ static Scales scales(const Options& o, double lr, double step) {
        return {lr / (1 - pow(o.beta1, step)), 0, 0};
    }
    __device__ Adamax(const Options& o, A first, A, A)
        : beta1(static_cast<A>(o.beta1)),
          rest1(static_cast<A>(1 - o.beta1)),
          beta2(static_cast<A>(o.beta2)),
          eps(static_cast<A>(o.eps)),
          decay(static_cast<A>(o.weight_decay)),
          rate(first) {}
    __device__ A next(A p, A g, A (&held)[2]) const {
        held[0] = beta1 * held[0] + rest1 * g;
        held[1] = max_nan(beta2 * held[1], static_cast<A>(fabs(g)) + eps);
        return p - rate * held[0] / held[1];
    }
};

template <class A>
struct RAdam {
    static constexpr int buffers = 2;
    struct Options {
        double beta1, beta2, eps, weight_decay;
    };
    A beta1, rest1, beta2, rest2, eps, decay, rate;
    bool rectifies;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2), cn_attr_float(call, 3)};
    }
    // The variance of the step is known only when enough gradients have come: rho is their number in effect.
    __device__ static Scales scales(const Options& o, double lr, double step) {
        double power = pow(o.beta2, step), most = 2 / (1 - o.beta2) - 1;
        double rho = most - 2 * step * power / (1 - power);
        double rate = lr / (1 - pow(o.beta1, step));
        if (rho <= 5) return {rate, 0, 0};
        double rectified = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho);
        return {rate * sqrt(rectified * (1 - power)), 1, 0};
    }
    __device__ RAdam(const Options& o, A first, A second, A)
        : beta1(static_cast<A>(o.beta1)),
          rest1(static_cast<A>(1 - o.beta1)),
          beta2(static_cast<A>(o.beta2)),
          rest2(static_cast<A>(1 - o.beta2)),
          eps(static_cast<A>(o.eps)),
          decay(static_cast<A>(o.weight_decay)),
          rate(first),
          rectifies(second != A(0)) {}
    __device__ A next(A p, A g, A (&held)[2]) const {
        held[0] = beta1 * held[0] + rest1 * g;
        held[1] = beta2 * held[1] + rest2 * g * g;
        return p - (rectifies ? rate * held[0] / (root(held[1]) + eps) : rate * held[0]);
    }
};

template <class A>
struct AmsGrad {
    static constexpr int buffers = 3;
    struct Options {
        double beta1, beta2, eps, weight_decay;
        bool decoupled;
    };
    A beta1, rest1, beta2, rest2, eps, decay, rate, correction, keep;

    static Options read(const CnCall* call) {
        return {cn_attr_float(call, 0), cn_attr_float(call, 1), cn_attr_float(call, 2), cn_attr_float(call, 3),
                cn_attr_bool(call, 4)};
    }
    __device__ static Scales scales(const Options& o, double lr, double step) {
        return {lr / (1 - pow(o.beta1, step)), sqrt(1 - pow(o.beta2, step)),
                o.decoupled ? 1 - lr * o.weight_decay : 1.0};
    }
    __device__ AmsGrad(const Options& o, A first, A second, A third)
        : beta1(static_cast<A>(o.beta1)),
          rest1(static_cast<A>(1 - o.beta1)),
          beta2(static_cast<A>(o.beta2)),
          rest2(static_cast<A>(1 - o.beta2)),
          eps(static_cast<A>(o.eps)),
          decay(static_cast<A>(o.decoupled ? 0.0 : o.weight_decay)),
          rate(first),
          correction(second),
          keep(third) {}
    __device__ A next(A p, A g, A (&held)[3]) const {
        held[0] = beta1 * held[0] + rest1 * g;
        held[1] = beta2 * held[1] + rest2 * g * g;
        held[2] = max_nan(held[2], held[1]);
        return p * keep - rate * held[0] / (root(held[2]) / correction + eps);
    }
};

template <class Rule, class T>
CnStatus step(const CnCall* call) {
    constexpr int lists = 2 + Rule::buffers;
    typename Rule::Options options = Rule::read(call);
    return launch_tables<StepTable<lists>, lists, capacity_of(lists)>(call, [&](const auto& table, bool is_last) {
        return CN_LAUNCH(call, (step_kernel<Rule, T>), table.blocks, block, 0, table,
                         cn_data<const double>(cn_arg(call, lists)), cn_data<int64_t>(cn_arg(call, lists + 1)), options,
                         is_last);
    });
}

template <template <class> class Rule>
CnStatus launch(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return (step<Rule<acc_t<T>>, T>(call)); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(momentum,
          "param!*, grad*, momentum_buffer!*, lr, state!; momentum: float, weight_decay: float, damped: bool, "
          "nesterov: bool",
          launch<Momentum>, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(adagrad, "param!*, grad*, sum!*, lr, state!; lr_decay: float, eps: float, weight_decay: float",
          launch<Adagrad>, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(rmsprop,
          "param!*, grad*, square_avg!*, grad_avg!?*, momentum_buffer!?*, lr, state!; alpha: float, eps: float, "
          "weight_decay: float, momentum: float, centered: bool",
          launch<RmsProp>, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(adadelta,
          "param!*, grad*, square_avg!*, acc_delta!*, lr, state!; rho: float, eps: float, weight_decay: float",
          launch<Adadelta>, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(adamax,
          "param!*, grad*, exp_avg!*, exp_inf!*, lr, state!; beta1: float, beta2: float, eps: float, "
          "weight_decay: float",
          launch<Adamax>, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(radam,
          "param!*, grad*, exp_avg!*, exp_avg_sq!*, lr, state!; beta1: float, beta2: float, eps: float, "
          "weight_decay: float",
          launch<RAdam>, nullptr, "1,024 elements per block, all parameters in one launch");
CN_KERNEL(amsgrad,
          "param!*, grad*, exp_avg!*, exp_avg_sq!*, max_exp_avg_sq!*, lr, state!; beta1: float, beta2: float, "
          "eps: float, weight_decay: float, decoupled: bool",
          launch<AmsGrad>, nullptr, "1,024 elements per block, all parameters in one launch");
