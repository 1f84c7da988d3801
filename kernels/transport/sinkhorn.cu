// sinkhorn_update: f_i = eps * (log a_i - log sum_j exp((g_j - C_ij) / eps)) for the rows of a cost, or the same for its
// columns; the cost is read once, with the running maximum and sum of Milakov and Gimelshein 2018. sinkhorn_plan:
// exp((f_i + g_j - C_ij) / eps). Batches of problems are rows and columns like others.
//
// Variants of the update
//   1  one thread per potential: the textbook loop. For columns the threads of a warp read neighbours, so it is also
//      the choice there when columns are many.
//   2  one warp per row, or for long rows one block: neighbouring lanes read neighbouring costs, and what they have is
//      joined by shuffles.
//   3  32 neighbouring columns per block, whose eight warps share the rows: when columns are too few to fill the device.
#include "../device/block.cuh"
#include "../device/elementwise.cuh"
#include "../device/running.cuh"
#include "../device/vec.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct Update {
    using A = acc_t<T>;
    const T* __restrict__ cost;
    const T* __restrict__ potential;
    const T* __restrict__ log_marginal;  // may be null: uniform
    T* __restrict__ output;
    int64_t batches, own, other;   // potentials to make, and terms of each
    int64_t own_step, other_step;  // in the cost
    A epsilon, inverse, uniform;

    __device__ __forceinline__ const T* costs(int64_t i) const {
        return cost + i / own * own * other + i % own * own_step;
    }
    __device__ __forceinline__ const T* potentials(int64_t i) const { return potential + i / own * other; }
    __device__ __forceinline__ A exponent(const T* c, const T* g, int64_t j) const {
        return (to_acc(g[j]) - to_acc(c[j * other_step])) * inverse;
    }
    __device__ __forceinline__ void put(int64_t i, const Running<A>& r) const {
        A log_a = log_marginal ? to_acc(log_marginal[i]) : uniform;
        output[i] = from_acc<T>(epsilon * (log_a - r.log_sum()));
    }
};

template <class T>
__global__ void __launch_bounds__(block) sinkhorn_update_v1(Update<T> u) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i >= u.batches * u.own) return;
    const T *c = u.costs(i), *g = u.potentials(i);
    auto r = Running<acc_t<T>>::none();
    for (int64_t j = 0; j < u.other; j++) r.add(u.exponent(c, g, j));
    u.put(i, r);
}

// THREADS work on one row: a warp of a larger block, or a whole block.
template <class T, int THREADS>
__global__ void __launch_bounds__(block) sinkhorn_update_v2(Update<T> u) {
    constexpr int rows_per_block = block / THREADS;
    int64_t i = static_cast<int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / THREADS;
    if (THREADS == 32 && i >= u.batches * u.own) return;  // whole warps, and warps do not meet here
    const T *c = u.costs(i), *g = u.potentials(i);
    auto r = Running<acc_t<T>>::none();
    for (int64_t j = threadIdx.x % THREADS; j < u.other; j += THREADS) r.add(u.exponent(c, g, j));
    JoinRunning join;
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) r = join(r, lane_xor(r, d));
    r = cn::block_join<THREADS>(r, join);
    if (threadIdx.x % THREADS == 0) u.put(i, r);
}

constexpr int tile = 32, warps = block / 32;

template <class T>
__global__ void __launch_bounds__(block) sinkhorn_update_v3(Update<T> u, int64_t tiles) {
    using A = acc_t<T>;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int64_t batch = blockIdx.x / tiles, column = blockIdx.x % tiles * tile + lane, i = batch * u.own + column;
    auto r = Running<A>::none();
    if (column < u.own) {
        const T *c = u.costs(i), *g = u.potentials(i);
        for (int64_t j = warp; j < u.other; j += warps) r.add(u.exponent(c, g, j));
    }
    CN_SHARED(Running<A>, parts, [warps][tile]);
    parts[warp][lane] = r;
    __syncthreads();
    if (warp != 0 || column >= u.own) return;
    JoinRunning join;
    for (int w = 1; w < warps; w++) r = join(r, parts[w][lane]);
    u.put(i, r);
}

template <class T>
CnStatus update(const CnCall* call) {
    using A = acc_t<T>;
    const CnTensor* cost = cn_arg(call, 0);
    int64_t rows = cost->shape[cost->rank - 2], columns = cost->shape[cost->rank - 1], batches = 1;
    for (int d = 0; d < cost->rank - 2; d++) batches *= cost->shape[d];
    double epsilon = cn_attr_float(call, 0);
    bool by_rows = cn_attr_int(call, 1) == 0;
    int64_t own = by_rows ? rows : columns, other = by_rows ? columns : rows;
    Update<T> u = {cn_data<T>(cost),
                   cn_data<T>(cn_arg(call, 1)),
                   cn_data<T>(cn_arg(call, 2)),
                   cn_data<T>(cn_arg(call, 3)),
                   batches,
                   own,
                   other,
                   by_rows ? columns : 1,
                   by_rows ? 1 : columns,
                   static_cast<A>(epsilon),
                   static_cast<A>(1 / epsilon),
                   static_cast<A>(-log(static_cast<double>(own)))};
    constexpr int64_t longest_warp_row = 1024, enough_threads = 65536;
    int variant = call->variant;
    if (variant == 0) variant = by_rows ? 2 : batches * columns >= enough_threads ? 1 : 3;
    int64_t potentials = batches * own, tiles = cn_ceil_div(own, tile);
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (sinkhorn_update_v1<T>), cn_ceil_div(potentials, block), block, 0, u);
        case 2:
            if (!by_rows) return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes rows");
            if (other > longest_warp_row)
                return CN_LAUNCH(call, (sinkhorn_update_v2<T, block>), potentials, block, 0, u);
            return CN_LAUNCH(call, (sinkhorn_update_v2<T, 32>), cn_ceil_div(potentials, block / 32), block, 0, u);
        case 3:
            if (by_rows) return cn_fail(call, CN_UNSUPPORTED, "variant 3 takes columns");
            return CN_LAUNCH(call, (sinkhorn_update_v3<T>), batches * tiles, block, 0, u, tiles);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

CnStatus launch_sinkhorn_update(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return update<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

template <class T, int W>
__global__ void __launch_bounds__(block)
    sinkhorn_plan_kernel(const T* __restrict__ cost, const T* __restrict__ row_potential,
                         const T* __restrict__ column_potential, T* __restrict__ output, int64_t numel, int64_t rows,
                         int64_t columns, acc_t<T> inverse) {
    using P = cn::Pack<T, W>;
    int64_t first = (static_cast<int64_t>(blockIdx.x) * block + threadIdx.x) * W;
    if (first >= numel) return;
    int64_t row = first / columns, column = first - row * columns;
    const T* g = column_potential + row / rows * columns + column;
    acc_t<T> f = to_acc(row_potential[row]);
    P c = *reinterpret_cast<const P*>(cost + first), other = *reinterpret_cast<const P*>(g);
#pragma unroll
    for (int k = 0; k < W; k++) c.at[k] = from_acc<T>(exp((f + (to_acc(other.at[k]) - to_acc(c.at[k]))) * inverse));
    *reinterpret_cast<P*>(output + first) = c;
}

CnStatus launch_sinkhorn_plan(const CnCall* call) {
    const CnTensor *cost = cn_arg(call, 0), *columns = cn_arg(call, 2), *output = cn_arg(call, 3);
    int64_t numel = cn_numel(*cost), height = cost->shape[cost->rank - 2], width = cost->shape[cost->rank - 1];
    CN_DISPATCH_FLOATING(cost->dtype, T, {
        constexpr int W = Vec<T>::size;
        bool wide = cn_vectorizes<T>(cost->data, width) && cn_vectorizes<T>(columns->data, width) &&
                    cn_vectorizes<T>(output->data, width);
        acc_t<T> inverse = static_cast<acc_t<T>>(1 / cn_attr_float(call, 0));
        const T *c = cn_data<T>(cost), *f = cn_data<T>(cn_arg(call, 1)), *g = cn_data<T>(columns);
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (sinkhorn_plan_kernel<T, 1>), cn_ceil_div(numel, block), block, 0, c, f, g,
                                 cn_data<T>(output), numel, height, width, inverse);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs rows of whole 16-byte vectors");
                return CN_LAUNCH(call, (sinkhorn_plan_kernel<T, W>), cn_ceil_div(numel / W, block), block, 0, c, f, g,
                                 cn_data<T>(output), numel, height, width, inverse);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, cost->dtype);
}

}  // namespace

CN_KERNEL(sinkhorn_update, "cost, potential, log_marginal?; epsilon: float, side: int -> output",
          launch_sinkhorn_update, nullptr, "one thread per potential", "one warp or block per row",
          "32 columns per block");
CN_KERNEL(sinkhorn_plan, "cost, row_potential, column_potential; epsilon: float -> output", launch_sinkhorn_plan,
          nullptr, "one element per thread", "16-byte vectors");
