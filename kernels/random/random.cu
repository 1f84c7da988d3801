// uniform, normal, bernoulli, randperm. Element i depends on (seed, counter) alone, so results do not depend on the
// launch. A thread makes all elements of one counter: four, or two for f64 values.
#include "device/convert.cuh"
#include "device/normal.cuh"

namespace {

constexpr int block = 256;

// Each rule turns the uniforms of one counter into values of the output type. Products and sums are rounded one by one:
// a fused multiply-add would make devices differ in the last bit.
template <class T>
struct UniformRule {
    using Draws = Uniforms<acc_t<T>>;
    double low, range;
    __device__ __forceinline__ void operator()(const Draws& u, T (&out)[Draws::lanes]) const {
#pragma unroll
        for (int i = 0; i < Draws::lanes; i++)
            out[i] = from_acc<T>(static_cast<acc_t<T>>(__dadd_rn(low, __dmul_rn(range, u.at[i]))));
    }
};

template <class T>
struct NormalRule {
    using A = acc_t<T>;
    using Draws = Uniforms<A>;
    A mean, std;
    __device__ __forceinline__ void operator()(const Draws& u, T (&out)[Draws::lanes]) const {
#pragma unroll
        for (int i = 0; i < Draws::lanes; i += 2) {
            A cosine, sine;
            cn::normal_pair<A>(u.at[i] + Draws::step, u.at[i + 1], std, cosine, sine);
            out[i] = from_acc<T>(mean + cosine);
            out[i + 1] = from_acc<T>(mean + sine);
        }
    }
};

template <class T>
struct BernoulliRule {
    using Draws = Uniforms<float>;
    double p;
    __device__ __forceinline__ void operator()(const Draws& u, T (&out)[Draws::lanes]) const {
#pragma unroll
        for (int i = 0; i < Draws::lanes; i++) out[i] = cn_convert<T>(static_cast<int64_t>(u.at[i] < p));
    }
};

template <class T, class Rule>
__global__ void __launch_bounds__(block)
    random_kernel(RandomState state, T* __restrict__ output, int64_t numel, Rule rule) {
    constexpr int lanes = Rule::Draws::lanes;
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    int64_t first = counter * lanes;
    if (first >= numel) return;
    T values[lanes];
    rule(typename Rule::Draws(state.words(counter)), values);
#pragma unroll
    for (int i = 0; i < lanes; i++)
        if (first + i < numel) output[first + i] = values[i];
}

template <class T, class Rule>
CnStatus launch_draw(const CnCall* call, int offset_attribute, Rule rule) {
    const CnTensor *state = cn_arg(call, 0), *output = cn_arg(call, 1);
    int64_t numel = cn_numel(*output);
    RandomState from = {cn_data<const int64_t>(state), cn_attr_int(call, offset_attribute)};
    return CN_LAUNCH(call, (random_kernel<T, Rule>), cn_ceil_div(numel, block * Rule::Draws::lanes), block, 0, from,
                     cn_data<T>(output), numel, rule);
}

CnStatus launch_uniform(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    double low = cn_attr_float(call, 1), high = cn_attr_float(call, 2);
    CN_DISPATCH_FLOATING(dtype, T, { return launch_draw<T>(call, 4, UniformRule<T>{low, high - low}); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_normal(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    double mean = cn_attr_float(call, 1), std = cn_attr_float(call, 2);
    CN_DISPATCH_FLOATING(dtype, T, {
        return launch_draw<T>(call, 4, NormalRule<T>{static_cast<acc_t<T>>(mean), static_cast<acc_t<T>>(std)});
    });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_bernoulli(const CnCall* call) {
    int32_t dtype = cn_arg(call, 1)->dtype;
    CN_DISPATCH_ALL(dtype, T, { return launch_draw<T>(call, 3, BernoulliRule<T>{cn_attr_float(call, 1)}); });
    return cn_unsupported_dtype(call, dtype);
}

// The swap-or-not shuffle (Hoang, Morris, Rogaway, CRYPTO 2012): each round pairs x with K - x (mod n) and exchanges the
// two on a random bit that belongs to the pair. Where one element goes is found without the others: no table, no sort.
constexpr int max_rounds = 24 + 4 * 64;

__global__ void __launch_bounds__(block)
    randperm_kernel(RandomState state, int64_t* __restrict__ output, int64_t n, int rounds) {
    CN_SHARED(uint64_t, shifts, [max_rounds]);
    // The draw's one counter gives a key and a stream of its own, in which round r reads blocks 2r (pairs) and 2r + 1.
    uint4 root = state.words(0);
    uint64_t key = join_words(root.x, root.y), stream = join_words(root.z, root.w);
    for (int r = threadIdx.x; r < rounds; r += block) {
        uint4 w = philox(key, 0, stream + 2 * static_cast<uint64_t>(r) + 1);
        shifts[r] = join_words(w.x, w.y) % static_cast<uint64_t>(n);
    }
    __syncthreads();
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i >= n) return;  // no barrier follows
    int64_t x = i;
    for (int r = 0; r < rounds; r++) {
        int64_t partner = static_cast<int64_t>(shifts[r]) - x;
        if (partner < 0) partner += n;
        uint64_t pair = static_cast<uint64_t>(x > partner ? x : partner);
        if (philox(key, pair, stream + 2 * static_cast<uint64_t>(r)).x & 1) x = partner;
    }
    output[i] = x;
}

CnStatus launch_randperm(const CnCall* call) {
    const CnTensor *state = cn_arg(call, 0), *output = cn_arg(call, 1);
    int64_t n = cn_numel(*output);
    int bits = 0;
    while (n > 1 && bits < 63 && (int64_t(1) << bits) < n) bits++;
    RandomState from = {cn_data<const int64_t>(state), cn_attr_int(call, 1)};
    return CN_LAUNCH(call, randperm_kernel, cn_ceil_div(n, block), block, 0, from, cn_data<int64_t>(output), n,
                     24 + 4 * bits);
}

}  // namespace

CN_KERNEL(uniform, "state; shape: ints, low: float, high: float, dtype: int, offset: int -> output", launch_uniform,
          nullptr, "one counter per thread");
CN_KERNEL(normal, "state; shape: ints, mean: float, std: float, dtype: int, offset: int -> output", launch_normal,
          nullptr, "one counter per thread");
CN_KERNEL(bernoulli, "state; shape: ints, p: float, dtype: int, offset: int -> output", launch_bernoulli, nullptr,
          "one counter per thread");
CN_KERNEL(randperm, "state; n: int, offset: int -> output", launch_randperm, nullptr, "one element per thread");
