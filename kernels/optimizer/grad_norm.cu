// grad_norm: (sum of |x|^ord)^(1/ord) over all elements of many tensors, the largest |x| for infinity, as one f64 number in
// device memory. Two launches and no atomics: each block joins 4096 elements in a fixed order and writes what comes out,
// then one block joins those. So reruns give the same bits. Powers are added in f32 (f64 for f64) inside a block and in
// f64 from there on, by a single block, whose work is a four-thousandth.
#include "device/block.cuh"
#include "device/vec.cuh"
#include "table.cuh"

namespace {

using cn::block;
constexpr int per_thread = 16, last_block = 512;
using NormTable = cn::Table<1, 160, per_thread>;
static_assert(sizeof(NormTable) <= 3968, "with the other arguments, 4 KiB at most");

template <class A>
struct Powers {
    A ord;
    __device__ __forceinline__ A take(A x) const {
        if (ord == A(2)) return x * x;
        return ord == A(1) ? fabs(x) : pow(fabs(x), ord);
    }
    __device__ __forceinline__ A join(A a, A b) const { return a + b; }
    template <int BLOCK, class V>
    __device__ __forceinline__ V of_block(V v) const {
        return block_sum<BLOCK>(v);
    }
    __device__ __forceinline__ double finish(double sum) const {
        return ord == A(2) ? sqrt(sum) : ord == A(1) ? sum : pow(sum, 1 / static_cast<double>(ord));
    }
};

template <class A>
struct Largest {
    __device__ __forceinline__ A take(A x) const { return fabs(x); }
    __device__ __forceinline__ A join(A a, A b) const { return max_nan(a, b); }
    template <int BLOCK, class V>
    __device__ __forceinline__ V of_block(V v) const {
        return block_max<BLOCK>(v);
    }
    __device__ __forceinline__ double finish(double largest) const { return largest; }
};

template <class T, class F>
__global__ void __launch_bounds__(block) grad_norm_blocks(NormTable table, F f, double* __restrict__ partial) {
    using A = acc_t<T>;
    constexpr int width = Vec<T>::size;
    int64_t first;
    int which = cn::find(table, &first);
    const T* __restrict__ grad = static_cast<const T*>(table.data[0][which]);
    int64_t numel = table.numel[which];
    bool aligned = reinterpret_cast<uintptr_t>(grad) % 16 == 0;
    A sum = A(0);
#pragma unroll
    for (int k = 0; k < per_thread / width; k++) {
        int64_t at = first + (k * block + static_cast<int>(threadIdx.x)) * width;
        if (aligned && at + width <= numel) {
            Vec<T> v = load_vec(grad + at);
#pragma unroll
            for (int i = 0; i < width; i++) sum = f.join(sum, f.take(to_acc(v.at[i])));
        } else {
            for (int64_t i = at; i < at + width && i < numel; i++) sum = f.join(sum, f.take(to_acc(grad[i])));
        }
    }
    sum = f.template of_block<block>(sum);
    if (threadIdx.x == 0) partial[blockIdx.x] = static_cast<double>(sum);
}

template <class F>
__global__ void __launch_bounds__(last_block)
    grad_norm_whole(const double* __restrict__ partial, int64_t count, F f, double* __restrict__ norm) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < count; i += last_block) sum = f.join(sum, partial[i]);
    sum = f.template of_block<last_block>(sum);
    if (threadIdx.x == 0) norm[0] = f.finish(sum);
}

template <class T, template <class> class F>
CnStatus grad_norm(const CnCall* call, F<acc_t<T>> f, F<double> whole) {
    double* partial = static_cast<double*>(call->workspace);
    int64_t count = 0;
    CN_TRY((cn::launch_tables<NormTable, 1, 160>(call, [&](const NormTable& table, bool) {
        double* own = partial + count;
        count += table.blocks;
        return CN_LAUNCH(call, (grad_norm_blocks<T, F<acc_t<T>>>), table.blocks, block, 0, table, f, own);
    })));
    return CN_LAUNCH(call, (grad_norm_whole<F<double>>), 1, last_block, 0, partial, count, whole,
                     cn_data<double>(cn_arg(call, 1)));
}

CnStatus launch_grad_norm(const CnCall* call) {
    if (cn_list(call, 0).count == 0) return cn_fail(call, CN_INVALID_ARGUMENT, "needs at least one gradient");
    int32_t dtype = cn_list(call, 0).items[0].dtype;
    double ord = cn_attr_float(call, 0);
    CN_DISPATCH_FLOATING(dtype, T, {
        using A = acc_t<T>;
        if (ord == INFINITY) return grad_norm<T, Largest>(call, Largest<A>(), Largest<double>());
        return grad_norm<T, Powers>(call, Powers<A>{static_cast<A>(ord)}, Powers<double>{ord});
    });
    return cn_unsupported_dtype(call, dtype);
}

// A number for each block; a last launch that finds no elements has a block too.
int64_t workspace(const CnCall* call) {
    CnArg grads = cn_list(call, 0);
    int64_t blocks = 1;
    for (int64_t i = 0; i < grads.count; i++) blocks += cn_ceil_div(cn_numel(grads.items[i]), NormTable::per_block);
    return blocks * int64_t(sizeof(double));
}

}  // namespace

CN_KERNEL(grad_norm, "grad*; ord: float -> norm", launch_grad_norm, workspace,
          "4,096 elements per block, all gradients in one launch, then one block");
