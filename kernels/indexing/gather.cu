// gather: output[..., i, ...] = input[..., index[..., i, ...], ...] along one axis. scatter_add: its adjoint.
// scatter: the same with the last one written in place of the sum. An index out of range is never followed: gather
// gives NaN (0 for integers), the others leave it out.
//
// Variants of scatter_add and, without the third, of scatter; in 1 and 2, the input comes first and then the source in the order of its positions along the
// axis, so sums do not depend on the launch
//   1  one thread per element of the output, which looks at every position of the axis: no memory is written twice, but
//      the work is the output's size times the axis. For small outputs, and for 16-bit types, whose sums are kept in f32.
//   2  the output starts as a copy of the input; then one thread per line of the source along the axis adds its
//      elements in order: lines never meet. The work is the source's size. For large outputs.
//   3  one thread per element of the source, added by an atomic operation: all elements at once, where the threads of 2 are
//      as few as lines and each waits for its last sum. For the gradient of an embedding, neighbours in a warp add to neighbours
//      in a row. Sums depend on which thread comes first, so it runs only where that is allowed. 16-bit types, which have no
//      room for sums, are added up in f32 in the workspace and rounded once.
#include "device/convert.cuh"

namespace {

constexpr int block = 256;
constexpr int64_t small_output = 1 << 16;

struct Axes {
    int32_t rank, axis;
    int64_t index_sizes[CN_MAX_RANK], index_strides[CN_MAX_RANK];
    int64_t sizes[CN_MAX_RANK], strides[CN_MAX_RANK];  // of the tensor that is picked from
    int64_t source_strides[CN_MAX_RANK];               // of scatter_add's source, shaped as the index
};

Axes make_axes(const CnTensor* picked, const CnTensor* index, const CnTensor* source, int64_t dim) {
    Axes axes;
    memset(&axes, 0, sizeof axes);
    axes.rank = index->rank;
    axes.axis = static_cast<int32_t>(dim < 0 ? dim + index->rank : dim);
    memcpy(axes.index_sizes, index->shape, sizeof axes.index_sizes);
    memcpy(axes.index_strides, index->strides, sizeof axes.index_strides);
    memcpy(axes.sizes, picked->shape, sizeof axes.sizes);
    memcpy(axes.strides, picked->strides, sizeof axes.strides);
    if (source) memcpy(axes.source_strides, source->strides, sizeof axes.source_strides);
    return axes;
}

__device__ __forceinline__ float not_there(float) { return NAN; }
__device__ __forceinline__ double not_there(double) { return NAN; }
__device__ __forceinline__ cn_half not_there(cn_half) { return cn_half{0x7e00}; }
__device__ __forceinline__ cn_bf16 not_there(cn_bf16) { return cn_bf16{0x7fc0}; }
template <class T>
__device__ __forceinline__ T not_there(T) {
    return T(0);
}

template <class T>
__global__ void __launch_bounds__(block) gather_kernel(const T* __restrict__ input, const int64_t* __restrict__ index,
                                                       T* __restrict__ output, int64_t numel, Axes axes) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < numel;
         i += static_cast<int64_t>(gridDim.x) * block) {
        int64_t rest = i, place = 0, from = 0;
        for (int d = axes.rank - 1; d >= 0; d--) {
            int64_t next = rest / axes.index_sizes[d], at = rest - next * axes.index_sizes[d];
            place += at * axes.index_strides[d];
            if (d != axes.axis) from += at * axes.strides[d];
            rest = next;
        }
        int64_t picked = index[place];
        bool there = picked >= 0 && picked < axes.sizes[axes.axis];
        output[i] = there ? input[from + picked * axes.strides[axes.axis]] : not_there(T());
    }
}

// What becomes of the elements that one place of the output is given, in order.
template <class T>
struct AddUp {
    acc_t<T> sum;
    __device__ __forceinline__ explicit AddUp(T x) : sum(to_acc(x)) {}
    __device__ __forceinline__ void put(T x) { sum += to_acc(x); }
    __device__ __forceinline__ T result() const { return from_acc<T>(sum); }
};
template <class T>
struct Overwrite {
    T last;
    __device__ __forceinline__ explicit Overwrite(T x) : last(x) {}
    __device__ __forceinline__ void put(T x) { last = x; }
    __device__ __forceinline__ T result() const { return last; }
};

template <class T, class Place>
__global__ void __launch_bounds__(block)
    scatter_v1(const T* __restrict__ input, const int64_t* __restrict__ index, const T* __restrict__ source,
               T* __restrict__ output, int64_t numel, Axes axes) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i >= numel) return;
    int64_t rest = i, from = 0, place = 0, line = 0, own = 0;
    bool reached = true;  // the index may be shorter than the output along the other axes
    for (int d = axes.rank - 1; d >= 0; d--) {
        int64_t next = rest / axes.sizes[d], at = rest - next * axes.sizes[d];
        from += at * axes.strides[d];
        rest = next;
        if (d == axes.axis) {
            own = at;
            continue;
        }
        place += at * axes.index_strides[d];
        line += at * axes.source_strides[d];
        reached = reached && at < axes.index_sizes[d];
    }
    Place held(input[from]);
    if (reached)
        for (int64_t k = 0; k < axes.index_sizes[axes.axis]; k++)
            if (index[place + k * axes.index_strides[axes.axis]] == own)
                held.put(source[line + k * axes.source_strides[axes.axis]]);
    output[i] = held.result();
}

// To the type of the sums where that is another one; otherwise the bits as they are.
template <class Y, class T>
__device__ __forceinline__ Y widen(T x) {
    if constexpr (sizeof(Y) == sizeof(T))
        return x;
    else
        return to_acc(x);
}

template <class T, class Y>
__global__ void __launch_bounds__(block)
    scatter_copy_kernel(const T* __restrict__ input, Y* __restrict__ output, int64_t numel, Axes axes) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i >= numel) return;
    int64_t rest = i, from = 0;
    for (int d = axes.rank - 1; d >= 0; d--) {
        int64_t next = rest / axes.sizes[d];
        from += (rest - next * axes.sizes[d]) * axes.strides[d];
        rest = next;
    }
    output[i] = widen<Y>(input[from]);
}

template <class T, class Place>
__global__ void __launch_bounds__(block) scatter_v2(const int64_t* __restrict__ index, const T* __restrict__ source,
                                                    T* __restrict__ output, int64_t lines, Axes axes) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i >= lines) return;
    int64_t rest = i, to = 0, place = 0, from = 0, step = 1, along = 1;
    for (int d = axes.rank - 1; d >= 0; d--) {
        if (d == axes.axis) {
            along = step;
        } else {
            int64_t next = rest / axes.index_sizes[d], at = rest - next * axes.index_sizes[d];
            to += at * step;
            place += at * axes.index_strides[d];
            from += at * axes.source_strides[d];
            rest = next;
        }
        step *= axes.sizes[d];
    }
    for (int64_t k = 0; k < axes.index_sizes[axes.axis]; k++) {
        int64_t picked = index[place + k * axes.index_strides[axes.axis]];
        if (picked < 0 || picked >= axes.sizes[axes.axis]) continue;
        Place held(output[to + picked * along]);
        held.put(source[from + k * axes.source_strides[axes.axis]]);
        output[to + picked * along] = held.result();
    }
}

template <class T>
__global__ void __launch_bounds__(block) scatter_add_v3(const int64_t* __restrict__ index, const T* __restrict__ source,
                                                        acc_t<T>* __restrict__ sums, int64_t places, Axes axes) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i >= places) return;
    int64_t rest = i, to = 0, place = 0, from = 0, step = 1, along = 1;
    for (int d = axes.rank - 1; d >= 0; d--) {
        int64_t next = rest / axes.index_sizes[d], at = rest - next * axes.index_sizes[d];
        place += at * axes.index_strides[d];
        from += at * axes.source_strides[d];
        if (d == axes.axis)
            along = step;
        else
            to += at * step;
        step *= axes.sizes[d];
        rest = next;
    }
    int64_t picked = index[place];
    if (picked >= 0 && picked < axes.sizes[axes.axis]) atomicAdd(&sums[to + picked * along], to_acc(source[from]));
}

template <class T>
__global__ void __launch_bounds__(block)
    scatter_round_kernel(const acc_t<T>* __restrict__ sums, T* __restrict__ output, int64_t numel) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i < numel) output[i] = from_acc<T>(sums[i]);
}

CnStatus launch_gather(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *index = cn_arg(call, 1), *output = cn_arg(call, 2);
    Axes axes = make_axes(input, index, nullptr, cn_attr_int(call, 0));
    int64_t numel = cn_numel(*output), grid = cn_ceil_div(numel, block);
    CN_DISPATCH_ALL(input->dtype, T, {
        return CN_LAUNCH(call, (gather_kernel<T>), grid < 65536 ? grid : 65536, block, 0, cn_data<const T>(input),
                         cn_data<const int64_t>(index), cn_data<T>(output), numel, axes);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <class T, class Place>
CnStatus scatter(const CnCall* call, bool rounds_each_time) {
    const CnTensor *input = cn_arg(call, 0), *index = cn_arg(call, 1), *source = cn_arg(call, 2),
                   *output = cn_arg(call, 3);
    Axes axes = make_axes(input, index, source, cn_attr_int(call, 0));
    int64_t numel = cn_numel(*output), places = cn_numel(*index);
    int64_t lines = places == 0 ? 0 : places / index->shape[axes.axis];
    int variant = call->variant != 0 ? call->variant : numel > small_output ? 2 : 1;
    if (rounds_each_time) variant = 1;
    if (variant == 1)
        return CN_LAUNCH(call, (scatter_v1<T, Place>), cn_ceil_div(numel, block), block, 0, cn_data<const T>(input),
                         cn_data<const int64_t>(index), cn_data<const T>(source), cn_data<T>(output), numel, axes);
    CN_TRY(CN_LAUNCH(call, (scatter_copy_kernel<T, T>), cn_ceil_div(numel, block), block, 0, cn_data<const T>(input),
                     cn_data<T>(output), numel, axes));
    return CN_LAUNCH(call, (scatter_v2<T, Place>), cn_ceil_div(lines, block), block, 0, cn_data<const int64_t>(index),
                     cn_data<const T>(source), cn_data<T>(output), lines, axes);
}

template <class T>
CnStatus scatter_add_atomic(const CnCall* call) {
    constexpr bool rounds = sizeof(acc_t<T>) != sizeof(T);
    const CnTensor *input = cn_arg(call, 0), *index = cn_arg(call, 1), *source = cn_arg(call, 2),
                   *output = cn_arg(call, 3);
    Axes axes = make_axes(input, index, source, cn_attr_int(call, 0));
    int64_t numel = cn_numel(*output), places = cn_numel(*index);
    auto* sums = rounds ? static_cast<acc_t<T>*>(call->workspace) : cn_data<acc_t<T>>(output);
    CN_TRY(CN_LAUNCH(call, (scatter_copy_kernel<T, acc_t<T>>), cn_ceil_div(numel, block), block, 0,
                     cn_data<const T>(input), sums, numel, axes));
    CN_TRY(CN_LAUNCH(call, (scatter_add_v3<T>), cn_ceil_div(places, block), block, 0, cn_data<const int64_t>(index),
                     cn_data<const T>(source), sums, places, axes));
    if (!rounds) return CN_OK;
    return CN_LAUNCH(call, (scatter_round_kernel<T>), cn_ceil_div(numel, block), block, 0, sums, cn_data<T>(output),
                     numel);
}

int64_t scatter_add_workspace(const CnCall* call) {
    const CnTensor* output = cn_arg(call, 3);
    return call->variant == 3 && cn_dtype_size(output->dtype) == 2 ? cn_numel(*output) * int64_t(sizeof(float)) : 0;
}

CnStatus launch_scatter_add(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, {
        return call->variant == 3 ? scatter_add_atomic<T>(call)
                                  : scatter<T, AddUp<T>>(call, sizeof(acc_t<T>) != sizeof(T));
    });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_scatter(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_ALL(dtype, T, { return scatter<T, Overwrite<T>>(call, false); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(gather, "input, index; dim: int -> output", launch_gather, nullptr, "one element per thread");
CN_KERNEL(scatter_add, "input, index, src; dim: int -> output", launch_scatter_add, scatter_add_workspace,
          "one thread per element of the output", "a copy, then one thread per line of the source",
          "a copy, then one atomic addition per element of the source, in any order");
CN_KERNEL(scatter, "input, index, src; dim: int -> output", launch_scatter, nullptr,
          "one thread per element of the output", "a copy, then one thread per line of the source");
