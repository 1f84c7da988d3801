// ema_update, clip_grad_norm, clip_grad_value: what is done to each element of many tensors in place, by one launch. They
// do next to nothing with each byte, so memory decides: each thread has 16 elements of a tensor under way, in vectors of 16 bytes.
#include "device/vec.cuh"
#include "table.cuh"

namespace {

using cn::block;
constexpr int per_thread = 16;

// average = decay * average + (1 - decay) * param. A decay of 0 takes the parameter whatever the average was.
template <class T>
struct Ema {
    static constexpr int lists = 2;
    const double* decay;
    struct Ready {
        acc_t<T> decay, rest;
        __device__ __forceinline__ T operator()(T average, T param) const {
            if (decay == acc_t<T>(0)) return param;
            return from_acc<T>(decay * to_acc(average) + rest * to_acc(param));
        }
    };
    static Ema of(const CnCall* call) { return {cn_data<const double>(cn_arg(call, 2))}; }
    __device__ __forceinline__ Ready ready() const {
        return {static_cast<acc_t<T>>(decay[0]), static_cast<acc_t<T>>(1 - decay[0])};
    }
};

// Times max_norm / (total_norm + 1e-6), at most 1. A norm that is NaN makes NaN of all gradients.
template <class T>
struct ClipNorm {
    static constexpr int lists = 1;
    const double* total_norm;
    double max_norm;
    struct Ready {
        acc_t<T> factor;
        __device__ __forceinline__ T operator()(T grad, T) const { return from_acc<T>(to_acc(grad) * factor); }
    };
    static ClipNorm of(const CnCall* call) { return {cn_data<const double>(cn_arg(call, 1)), cn_attr_float(call, 0)}; }
    __device__ __forceinline__ Ready ready() const {
        double factor = max_norm / (total_norm[0] + 1e-6);
        return {static_cast<acc_t<T>>(factor > 1 ? 1.0 : factor)};
    }
};

// To [-clip_value, clip_value]; a NaN fails both comparisons and stays.
template <class T>
struct ClipValue {
    static constexpr int lists = 1;
    acc_t<T> limit;
    struct Ready {
        acc_t<T> limit;
        __device__ __forceinline__ T operator()(T grad, T) const {
            acc_t<T> x = to_acc(grad);
            return from_acc<T>(x > limit ? limit : x < -limit ? -limit : x);
        }
    };
    static ClipValue of(const CnCall* call) { return {static_cast<acc_t<T>>(cn_attr_float(call, 0))}; }
    __device__ __forceinline__ Ready ready() const { return {limit}; }
};

template <class F>
constexpr int capacity = F::lists == 1 ? 160 : 120;
template <class F>
using TableOf = cn::Table<F::lists, capacity<F>, per_thread>;
static_assert(sizeof(TableOf<Ema<float>>) <= 3968 && sizeof(TableOf<ClipNorm<float>>) <= 3968,
              "with the other arguments, 4 KiB at most");

template <class T, class F>
__global__ void __launch_bounds__(block) multi_map_kernel(TableOf<F> table, F f) {
    constexpr int width = Vec<T>::size, vectors = per_thread / width;
    int64_t first;
    int which = cn::find(table, &first);
    T* own = static_cast<T*>(table.data[0][which]) + first;
    const T* other =
        static_cast<const T*>(table.data[F::lists - 1][which]) + first;  // own again where there is one list
    int64_t left = table.numel[which] - first;
    bool aligned = (reinterpret_cast<uintptr_t>(own) | reinterpret_cast<uintptr_t>(other)) % 16 == 0;
    auto ready = f.ready();
    if (aligned && left >= TableOf<F>::per_block) {
        // All loads before the first store, which might write what is loaded for all the compiler knows.
        Vec<T> x[vectors], y[vectors];
#pragma unroll
        for (int k = 0; k < vectors; k++) {
            x[k] = load_vec(own + (k * block + threadIdx.x) * width);
            y[k] = F::lists == 1 ? x[k] : load_vec(other + (k * block + threadIdx.x) * width);
        }
#pragma unroll
        for (int k = 0; k < vectors; k++) {
#pragma unroll
            for (int i = 0; i < width; i++) x[k].at[i] = ready(x[k].at[i], y[k].at[i]);
            store_vec(own + (k * block + threadIdx.x) * width, x[k]);
        }
    } else {
        int64_t end = left < TableOf<F>::per_block ? left : TableOf<F>::per_block;
        for (int64_t i = threadIdx.x; i < end; i += block) own[i] = ready(own[i], other[i]);
    }
}

template <template <class> class F>
CnStatus launch(const CnCall* call) {
    if (cn_list(call, 0).count == 0) return cn_fail(call, CN_INVALID_ARGUMENT, "needs at least one tensor");
    int32_t dtype = cn_list(call, 0).items[0].dtype;
    CN_DISPATCH_FLOATING(dtype, T, {
        using Table = TableOf<F<T>>;
        F<T> f = F<T>::of(call);
        return (cn::launch_tables<Table, F<T>::lists, capacity<F<T>>>(call, [&](const Table& table, bool) {
            return CN_LAUNCH(call, (multi_map_kernel<T, F<T>>), table.blocks, block, 0, table, f);
        }));
    });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(clip_grad_norm, "grad!*, total_norm; max_norm: float", launch<ClipNorm>, nullptr,
          "4,096 elements per block, all gradients in one launch");
CN_KERNEL(clip_grad_value, "grad!*; clip_value: float", launch<ClipValue>, nullptr,
          "4,096 elements per block, all gradients in one launch");
CN_KERNEL(ema_update, "average!*, param*, decay", launch<Ema>, nullptr,
          "4,096 elements per block, all averages in one launch");
