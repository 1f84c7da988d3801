// batch_norm: each channel of (N, C, ...) normalised by its statistics or by given ones. A first pass takes Welford's
// moments, a second one, which finds most of the channel in the L2 cache, normalises.
// batch_norm_backward, with h = (x - mean) * rstd:
//   grad_weight = sum of g * h,  grad_bias = sum of g,
//   grad_input = weight * rstd * (g - mean(g) - h * mean(g * h)),  without the means where the statistics were given.
// batch_norm_update: running statistics in place.
//
// Variants of both directions
//   1  one block per channel, which makes both passes.
//   2  several blocks per channel, for few channels with many elements: a first kernel leaves what each piece of a
//      channel adds up to in the workspace, the blocks of a second join the pieces of their channel in order. Given
//      statistics need no first kernel.
// 16-byte loads where a channel's neighbours and the alignment allow. A channel's elements are shared out among blocks
// and threads by their number alone, so results repeat bit for bit.
#include "rows.cuh"

namespace {

constexpr int block = 256;

// The elements of one channel: runs of `length` neighbours, `step` apart, in packs.
struct Run {
    int64_t count, length, step, first;

    // Runs `body` with the place of each pack from begin to end; each thread steps by the size of the block, with one
    // division at the start instead of one per pack.
    template <int PACK, class Body>
    __device__ __forceinline__ void each(int64_t begin, int64_t end, const Body& body) const {
        int64_t packs = length / PACK, start = begin + threadIdx.x;
        int64_t batch = start / packs, at = start - batch * packs;
        int64_t batches = block / packs, rest = block - batches * packs;
        for (int64_t i = start; i < end; i += block) {
            body(first + batch * step + at * PACK);
            batch += batches;
            at += rest;
            if (at >= packs) {
                at -= packs;
                batch++;
            }
        }
    }
};

struct Channels {
    int64_t batch, channels, length;

    __host__ __device__ __forceinline__ Run run(int64_t channel) const {
        return {batch * length, length, channels * length, channel * length};
    }
};

// The packs of a run that a piece has.
template <int PACK>
__device__ __forceinline__ int64_t piece_begin(const Run& run, int64_t piece, int64_t pieces) {
    return run.count / PACK * piece / pieces;
}

template <class T>
struct Forward {
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null, as may bias
    const T* __restrict__ bias;
    const acc_t<T>* __restrict__ given_mean;  // null: to be measured
    const acc_t<T>* __restrict__ given_var;
    T* __restrict__ output;
    acc_t<T>* __restrict__ mean;
    acc_t<T>* __restrict__ var;
    acc_t<T> eps;
    Channels channels;
    Moments<acc_t<T>>* parts;  // of each piece and channel; null where a block measures all of its channel
};

// The moments of this block's piece of its channel; blocks are numbered (channel, piece).
template <class T, bool WIDE>
__device__ __forceinline__ Moments<acc_t<T>> measure(const Forward<T>& f, const Run& run, int64_t piece,
                                                     int64_t pieces) {
    using P = Pack<T, WIDE>;
    auto moments = Moments<acc_t<T>>::none();
    run.each<P::size>(piece_begin<P::size>(run, piece, pieces), piece_begin<P::size>(run, piece + 1, pieces),
                      [&](int64_t at) { cn::add_pack(moments, P::load(f.input + at)); });
    return block_moments<block>(moments);
}

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) batch_norm_measure(Forward<T> f) {
    auto moments = measure<T, WIDE>(f, f.channels.run(blockIdx.x), blockIdx.y, gridDim.y);
    if (threadIdx.x == 0) f.parts[blockIdx.y * f.channels.channels + blockIdx.x] = moments;
}

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) batch_norm_kernel(Forward<T> f) {
    using A = acc_t<T>;
    using P = Pack<T, WIDE>;
    int64_t c = blockIdx.x;
    Run run = f.channels.run(c);
    A mean, var;
    if (f.given_mean) {
        mean = f.given_mean[c];
        var = f.given_var[c];
    } else {
        auto moments = Moments<A>::none();
        if (f.parts)
            for (int64_t piece = 0; piece < gridDim.y; piece++) moments.merge(f.parts[piece * f.channels.channels + c]);
        else
            moments = measure<T, WIDE>(f, run, 0, 1);
        mean = moments.mean;
        var = moments.m2 / static_cast<A>(run.count);
        if (threadIdx.x == 0 && blockIdx.y == 0) {
            f.mean[c] = mean;
            f.var[c] = var;
        }
    }
    A slope = A(1) / sqrt(var + f.eps), bias = 0;
    if (f.weight) slope *= to_acc(f.weight[c]);
    if (f.bias) bias = to_acc(f.bias[c]);
    run.each<P::size>(piece_begin<P::size>(run, blockIdx.y, gridDim.y),
                      piece_begin<P::size>(run, blockIdx.y + 1, gridDim.y), [&](int64_t at) {
                          P x = P::load(f.input + at);
#pragma unroll
                          for (int k = 0; k < P::size; k++)
                              x.at[k] = from_acc<T>((to_acc(x.at[k]) - mean) * slope + bias);
                          x.store(f.output + at);
                      });
}

// Of a channel or a piece of it: the sums of g and of g * (x - mean).
template <class A>
struct Sums {
    A gradient, product;
};

template <class T>
struct Backward {
    const T* __restrict__ grad_output;
    const T* __restrict__ input;
    const T* __restrict__ weight;  // may be null
    const acc_t<T>* __restrict__ mean;
    const acc_t<T>* __restrict__ var;
    T* __restrict__ grad_input;
    T* __restrict__ grad_weight;
    T* __restrict__ grad_bias;
    acc_t<T> eps;
    bool batch_statistics;
    Channels channels;
    Sums<acc_t<T>>* parts;  // as in the forward pass
};

template <class T, bool WIDE>
__device__ __forceinline__ Sums<acc_t<T>> add_up(const Backward<T>& b, int64_t c, const Run& run, int64_t piece,
                                                 int64_t pieces) {
    using A = acc_t<T>;
    using P = Pack<T, WIDE>;
    A mean = b.mean[c];
    A sum = 0, dot = 0;
    run.each<P::size>(piece_begin<P::size>(run, piece, pieces), piece_begin<P::size>(run, piece + 1, pieces),
                      [&](int64_t at) {
                          P g = P::load(b.grad_output + at), x = P::load(b.input + at);
#pragma unroll
                          for (int k = 0; k < P::size; k++) {
                              sum += to_acc(g.at[k]);
                              dot += to_acc(g.at[k]) * (to_acc(x.at[k]) - mean);
                          }
                      });
    sum = block_sum<block>(sum);
    return {sum, block_sum<block>(dot)};
}

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) batch_norm_backward_sums(Backward<T> b) {
    int64_t c = blockIdx.x;
    auto sums = add_up<T, WIDE>(b, c, b.channels.run(c), blockIdx.y, gridDim.y);
    if (threadIdx.x == 0) b.parts[blockIdx.y * b.channels.channels + c] = sums;
}

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) batch_norm_backward_kernel(Backward<T> b) {
    using A = acc_t<T>;
    using P = Pack<T, WIDE>;
    int64_t c = blockIdx.x;
    Run run = b.channels.run(c);
    A mean = b.mean[c], rstd = A(1) / sqrt(b.var[c] + b.eps);
    Sums<A> sums = {0, 0};
    if (b.parts) {
        for (int64_t piece = 0; piece < gridDim.y; piece++) {
            sums.gradient += b.parts[piece * b.channels.channels + c].gradient;
            sums.product += b.parts[piece * b.channels.channels + c].product;
        }
    } else {
        sums = add_up<T, WIDE>(b, c, run, 0, 1);
    }
    if (threadIdx.x == 0 && blockIdx.y == 0) {
        b.grad_bias[c] = from_acc<T>(sums.gradient);
        b.grad_weight[c] = from_acc<T>(sums.product * rstd);
    }
    A share = b.batch_statistics && run.count > 0 ? A(1) / static_cast<A>(run.count) : A(0);
    A slope = b.weight ? rstd * to_acc(b.weight[c]) : rstd;
    A shift = sums.gradient * share, tilt = sums.product * rstd * share * rstd;
    run.each<P::size>(piece_begin<P::size>(run, blockIdx.y, gridDim.y),
                      piece_begin<P::size>(run, blockIdx.y + 1, gridDim.y), [&](int64_t at) {
                          P g = P::load(b.grad_output + at), x = P::load(b.input + at);
#pragma unroll
                          for (int k = 0; k < P::size; k++)
                              g.at[k] =
                                  from_acc<T>(slope * (to_acc(g.at[k]) - shift - (to_acc(x.at[k]) - mean) * tilt));
                          g.store(b.grad_input + at);
                      });
}

template <class T>
__global__ void __launch_bounds__(block)
    batch_norm_update_kernel(T* __restrict__ running_mean, T* __restrict__ running_var, int64_t* __restrict__ batches,
                             const T* __restrict__ mean, const T* __restrict__ var, int64_t channels, acc_t<T> momentum,
                             acc_t<T> correction) {
    int64_t c = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (c == 0) *batches += 1;
    if (c >= channels) return;
    acc_t<T> m = to_acc(running_mean[c]), v = to_acc(running_var[c]);
    running_mean[c] = from_acc<T>(m + momentum * (to_acc(mean[c]) - m));
    running_var[c] = from_acc<T>(v + momentum * (to_acc(var[c]) * correction - v));
}

// Without elements there is nothing to divide among threads, but parameters still have gradients: zeros.
Channels channels_of(const CnTensor& tensor) {
    Channels channels = {tensor.shape[0], tensor.shape[1], 1};
    for (int d = 2; d < tensor.rank; d++) channels.length *= tensor.shape[d];
    if (cn_numel(tensor) == 0) channels.batch = 0;
    if (channels.length == 0) channels.length = 1;
    return channels;
}

// Pieces of a channel: enough for a thousand blocks, each with at least 4096 elements.
int64_t pieces_of(const Channels& c) {
    int64_t most = c.batch * c.length / 4096, wanted = c.channels ? 1024 / c.channels : 1;
    int64_t pieces = wanted < most ? wanted : most;
    return pieces < 1 ? 1 : pieces > 64 ? 64 : pieces;
}

// Whether a call takes variant 2, and how many bytes its pieces need, `values` numbers each.
bool in_pieces(const CnCall* call, const Channels& c) { return call->variant ? call->variant == 2 : pieces_of(c) > 1; }

int64_t piece_bytes(const CnCall* call, const CnTensor& input, int values) {
    Channels channels = channels_of(input);
    int64_t accumulator = input.dtype == CN_F64 ? 8 : 4;
    return in_pieces(call, channels) ? pieces_of(channels) * channels.channels * values * accumulator : 0;
}
int64_t workspace_batch_norm(const CnCall* call) {
    return cn_arg(call, 3) ? 0 : piece_bytes(call, *cn_arg(call, 0), 3);
}
int64_t workspace_batch_norm_backward(const CnCall* call) { return piece_bytes(call, *cn_arg(call, 1), 2); }

CnStatus check_call(const CnCall* call, int64_t needed) {
    if (call->variant > 2) return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    return CN_OK;
}

template <bool WIDE, class T>
CnStatus launch_forward(const CnCall* call, Forward<T> f) {
    bool pieces = in_pieces(call, f.channels);
    cn::Dim grid = {f.channels.channels, pieces ? pieces_of(f.channels) : 1};
    f.parts = pieces && !f.given_mean ? static_cast<Moments<acc_t<T>>*>(call->workspace) : nullptr;
    if (f.parts) CN_TRY(CN_LAUNCH(call, (batch_norm_measure<T, WIDE>), grid, block, 0, f));
    return CN_LAUNCH(call, (batch_norm_kernel<T, WIDE>), grid, block, 0, f);
}

CnStatus launch_batch_norm(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    CN_TRY(check_call(call, workspace_batch_norm(call)));
    CN_DISPATCH_FLOATING(input->dtype, T, {
        using A = acc_t<T>;
        Forward<T> f = {cn_data<T>(input),
                        cn_data<T>(cn_arg(call, 1)),
                        cn_data<T>(cn_arg(call, 2)),
                        cn_data<A>(cn_arg(call, 3)),
                        cn_data<A>(cn_arg(call, 4)),
                        cn_data<T>(cn_arg(call, 5)),
                        cn_data<A>(cn_arg(call, 6)),
                        cn_data<A>(cn_arg(call, 7)),
                        A(cn_attr_float(call, 0)),
                        channels_of(*input),
                        nullptr};
        bool wide = cn_vectorizes<T>(f.input, f.channels.length) && cn_vectorizes<T>(f.output, f.channels.length);
        return wide ? launch_forward<true>(call, f) : launch_forward<false>(call, f);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <bool WIDE, class T>
CnStatus launch_backward(const CnCall* call, Backward<T> b) {
    bool pieces = in_pieces(call, b.channels);
    cn::Dim grid = {b.channels.channels, pieces ? pieces_of(b.channels) : 1};
    b.parts = pieces ? static_cast<Sums<acc_t<T>>*>(call->workspace) : nullptr;
    if (b.parts) CN_TRY(CN_LAUNCH(call, (batch_norm_backward_sums<T, WIDE>), grid, block, 0, b));
    return CN_LAUNCH(call, (batch_norm_backward_kernel<T, WIDE>), grid, block, 0, b);
}

CnStatus launch_batch_norm_backward(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 1);
    CN_TRY(check_call(call, workspace_batch_norm_backward(call)));
    CN_DISPATCH_FLOATING(input->dtype, T, {
        using A = acc_t<T>;
        Backward<T> b = {cn_data<T>(cn_arg(call, 0)), cn_data<T>(input),           cn_data<T>(cn_arg(call, 2)),
                         cn_data<A>(cn_arg(call, 3)), cn_data<A>(cn_arg(call, 4)), cn_data<T>(cn_arg(call, 5)),
                         cn_data<T>(cn_arg(call, 6)), cn_data<T>(cn_arg(call, 7)), A(cn_attr_float(call, 1)),
                         cn_attr_bool(call, 0),       channels_of(*input),         nullptr};
        int64_t length = b.channels.length;
        bool wide = cn_vectorizes<T>(b.input, length) && cn_vectorizes<T>(b.grad_output, length) &&
                    cn_vectorizes<T>(b.grad_input, length);
        return wide ? launch_backward<true>(call, b) : launch_backward<false>(call, b);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus launch_batch_norm_update(const CnCall* call) {
    const CnTensor* running_mean = cn_arg(call, 0);
    int64_t channels = cn_numel(*running_mean), grid = cn_ceil_div(channels, block);
    double n = static_cast<double>(cn_attr_int(call, 1));
    CN_DISPATCH_FLOATING(running_mean->dtype, T, {
        using A = acc_t<T>;
        return CN_LAUNCH(call, (batch_norm_update_kernel<T>), grid > 0 ? grid : 1, block, 0, cn_data<T>(running_mean),
                         cn_data<T>(cn_arg(call, 1)), cn_data<int64_t>(cn_arg(call, 2)),
                         cn_data<const T>(cn_arg(call, 3)), cn_data<const T>(cn_arg(call, 4)), channels,
                         A(cn_attr_float(call, 0)), A(n / (n - 1)));
    });
    return cn_unsupported_dtype(call, running_mean->dtype);
}

}  // namespace

CN_KERNEL(batch_norm, "input, weight?, bias?, running_mean?, running_var?; eps: float -> output, mean?, var?",
          launch_batch_norm, workspace_batch_norm, "one block per channel, Welford moments",
          "several blocks per channel, their moments joined in order");
CN_KERNEL(batch_norm_backward,
          "grad_output, input, weight?, mean, var; batch_statistics: bool, eps: float -> grad_input, grad_weight, "
          "grad_bias",
          launch_batch_norm_backward, workspace_batch_norm_backward, "one block per channel",
          "several blocks per channel, their sums joined in order");
CN_KERNEL(batch_norm_update,
          "running_mean!, running_var!, num_batches_tracked!, mean, var; momentum: float, count: int",
          launch_batch_norm_update, nullptr, "one thread per channel");
