// group_norm_backward. With h = (x - mean) * rstd and sums over a plane, which is one channel of one image,
//   b = sum of g, d = sum of g * h:
//   grad_weight = sum over images of d,  grad_bias = sum over images of b,
//   grad_input = rstd * (weight * g - (B + h * D) / n),  B and D being the sums of weight * b and weight * d over the
//   channels of the group and n the number of its elements.
// The first kernel leaves the planes' sums in the workspace, whatever a plane's size a thread, a warp or a block each;
// the second, a few blocks per group if it is large, adds up those of its group and reads the operands once more; the
// third adds up the images in order. So every sum has one order, and results repeat bit for bit.
#include "device/block.cuh"
#include "device/vec.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct Groups {
    const T* __restrict__ grad_output;
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null
    const acc_t<T>* __restrict__ mean;
    const acc_t<T>* __restrict__ rstd;
    T* __restrict__ grad_input;
    T* __restrict__ grad_weight;  // null where there is no weight
    T* __restrict__ grad_bias;
    int64_t images, groups, channels, length;  // channels of one group
    acc_t<T>* sums;                            // b of all planes, then d

    __host__ __device__ int64_t planes() const { return images * groups * channels; }
    __device__ __forceinline__ acc_t<T> weight_of(int64_t group, int64_t channel) const {
        return weight ? to_acc(weight[group * channels + channel]) : acc_t<T>(1);
    }
};

// The sum over THREADS neighbouring threads: one, a warp, or the block.
template <int THREADS, class A>
__device__ __forceinline__ A team_sum(A value) {
    if (THREADS == 1) return value;
    if (THREADS == 32) return warp_sum(value);
    return block_sum<block>(value);
}

template <class T, int THREADS>
__global__ void __launch_bounds__(block) group_norm_backward_planes(Groups<T> p) {
    using A = acc_t<T>;
    int64_t plane = static_cast<int64_t>(blockIdx.x) * (block / THREADS) + threadIdx.x / THREADS;
    if (THREADS < block && plane >= p.planes()) return;  // whole teams, and teams do not meet here
    A mean = p.mean[plane / p.channels], rstd = p.rstd[plane / p.channels], sum = 0, dot = 0;
    for (int64_t i = threadIdx.x % THREADS; i < p.length; i += THREADS) {
        A g = to_acc(p.grad_output[plane * p.length + i]);
        sum += g;
        dot += g * (to_acc(p.input[plane * p.length + i]) - mean);
    }
    sum = team_sum<THREADS>(sum);
    dot = team_sum<THREADS>(dot);
    if (threadIdx.x % THREADS == 0) {
        p.sums[plane] = sum;
        p.sums[p.planes() + plane] = dot * rstd;
    }
}

// A row is a group of one image; its elements are divided among gridDim.y blocks. The elements of a pack are of one
// channel.
template <class T, int THREADS, bool WIDE>
__global__ void __launch_bounds__(block) group_norm_backward_input(Groups<T> p, int64_t per_piece) {
    using A = acc_t<T>;
    using P = Pack<T, WIDE>;
    int64_t row = static_cast<int64_t>(blockIdx.x) * (block / THREADS) + threadIdx.x / THREADS;
    if (THREADS < block && row >= p.images * p.groups) return;  // whole warps, and warps do not meet here
    int own = threadIdx.x % THREADS;
    int64_t group = row % p.groups, count = p.channels * p.length;
    A sum = 0, dot = 0;
    for (int64_t channel = own; channel < p.channels; channel += THREADS) {
        A w = p.weight_of(group, channel);
        sum += w * p.sums[row * p.channels + channel];
        dot += w * p.sums[p.planes() + row * p.channels + channel];
    }
    A mean = p.mean[row], rstd = p.rstd[row];
    sum = team_sum<THREADS>(sum) / static_cast<A>(count);
    dot = team_sum<THREADS>(dot) / static_cast<A>(count) * rstd;
    int64_t begin = blockIdx.y * per_piece, end = min(begin + per_piece, count);
    for (int64_t i = begin + own * P::size; i < end; i += THREADS * P::size) {
        A w = p.weight_of(group, i / p.length);
        P g = P::load(p.grad_output + row * count + i), x = P::load(p.input + row * count + i);
#pragma unroll
        for (int k = 0; k < P::size; k++)
            g.at[k] = from_acc<T>(rstd * (w * to_acc(g.at[k]) - sum - (to_acc(x.at[k]) - mean) * dot));
        g.store(p.grad_input + row * count + i);
    }
}

template <class T>
__global__ void __launch_bounds__(block) group_norm_backward_parameters(Groups<T> p) {
    int64_t channels = p.groups * p.channels, channel = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (channel >= channels) return;
    acc_t<T> sum = 0, dot = 0;
    for (int64_t image = 0; image < p.images; image++) {
        sum += p.sums[image * channels + channel];
        dot += p.sums[p.planes() + image * channels + channel];
    }
    p.grad_weight[channel] = from_acc<T>(dot);
    p.grad_bias[channel] = from_acc<T>(sum);
}

template <class T>
CnStatus launch_planes(const CnCall* call, const Groups<T>& p) {
    if (p.length <= 8)
        return CN_LAUNCH(call, (group_norm_backward_planes<T, 1>), cn_ceil_div(p.planes(), block), block, 0, p);
    if (p.length <= 1024)
        return CN_LAUNCH(call, (group_norm_backward_planes<T, 32>), cn_ceil_div(p.planes(), block / 32), block, 0, p);
    return CN_LAUNCH(call, (group_norm_backward_planes<T, block>), p.planes(), block, 0, p);
}

template <bool WIDE, class T>
CnStatus launch_input(const CnCall* call, const Groups<T>& p) {
    int64_t rows = p.images * p.groups, count = p.channels * p.length;
    if (count <= 1024)
        return CN_LAUNCH(call, (group_norm_backward_input<T, 32, WIDE>), cn_ceil_div(rows, block / 32), block, 0, p,
                         count);
    constexpr int64_t per_piece = 8192;  // a multiple of every pack
    cn::Dim grid = {rows, cn_ceil_div(count, per_piece)};
    if (grid.y > 65535)
        return cn_fail(call, CN_UNSUPPORTED, "a group of %lld elements is too large", static_cast<long long>(count));
    return CN_LAUNCH(call, (group_norm_backward_input<T, block, WIDE>), grid, block, 0, p, per_piece);
}

int64_t workspace_group_norm_backward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 1);
    return 2 * input->shape[0] * input->shape[1] * (input->dtype == CN_F64 ? 8 : 4);
}

template <class T>
CnStatus backward(const CnCall* call) {
    using A = acc_t<T>;
    const CnTensor* input = cn_arg(call, 1);
    int64_t groups = cn_attr_int(call, 0), length = 1, needed = workspace_group_norm_backward(call);
    for (int d = 2; d < input->rank; d++) length *= input->shape[d];
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    Groups<T> p = {cn_data<T>(cn_arg(call, 0)),
                   cn_data<T>(input),
                   cn_data<T>(cn_arg(call, 2)),
                   cn_data<A>(cn_arg(call, 3)),
                   cn_data<A>(cn_arg(call, 4)),
                   cn_data<T>(cn_arg(call, 5)),
                   cn_data<T>(cn_arg(call, 6)),
                   cn_data<T>(cn_arg(call, 7)),
                   input->shape[0],
                   groups,
                   input->shape[1] / groups,
                   length,
                   static_cast<A*>(call->workspace)};
    bool wide = cn_vectorizes<T>(p.grad_output, length) && cn_vectorizes<T>(p.input, length) &&
                cn_vectorizes<T>(p.grad_input, length);
    CN_TRY(launch_planes(call, p));
    CN_TRY(wide ? launch_input<true>(call, p) : launch_input<false>(call, p));
    if (!p.grad_weight) return CN_OK;
    return CN_LAUNCH(call, (group_norm_backward_parameters<T>), cn_ceil_div(groups * p.channels, block), block, 0, p);
}

CnStatus launch_group_norm_backward(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return backward<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(group_norm_backward,
          "grad_output, input, weight?, mean, rstd; num_groups: int -> grad_input, grad_weight?, grad_bias?",
          launch_group_norm_backward, workspace_group_norm_backward,
          "sums by plane, then groups, then parameters, each in a fixed order");
