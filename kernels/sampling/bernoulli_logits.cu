// bernoulli_logits: ones with probability sigmoid(x), and the probabilities, which a contrastive-divergence gradient
// needs beside the sample. A thread makes the four elements of one Philox counter: one read and two writes per element,
// where sigmoid, draw and comparison would take six passes.
//
// Variants
//   1  element by element.
//   2  four elements per access, where addresses allow it.
#include "../device/elementwise.cuh"
#include "../device/philox.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct Sampling {
    const T* __restrict__ input;
    RandomState state;
    T* __restrict__ output;
    T* __restrict__ probability;
    int64_t numel;
};

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) bernoulli_logits_kernel(Sampling<T> s) {
    using A = acc_t<T>;
    using Four = cn::Pack<T, 4>;
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x, first = counter * 4;
    if (first >= s.numel) return;
    Uniforms<float> u(s.state.words(counter));
    Four x{}, y, p;
    if (WIDE) x = reinterpret_cast<const Four*>(s.input)[counter];
#pragma unroll
    for (int k = 0; k < 4; k++) {
        if (!WIDE && first + k >= s.numel) break;
        A value = to_acc(WIDE ? x.at[k] : s.input[first + k]);
        A power = exp(value < A(0) ? value : -value);
        A chance = (value < A(0) ? power : A(1)) / (A(1) + power);
        p.at[k] = from_acc<T>(chance);
        y.at[k] = from_acc<T>(u.at[k] < chance ? A(1) : A(0));
        if (WIDE) continue;
        s.output[first + k] = y.at[k];
        s.probability[first + k] = p.at[k];
    }
    if (!WIDE) return;
    reinterpret_cast<Four*>(s.output)[counter] = y;
    reinterpret_cast<Four*>(s.probability)[counter] = p;
}

CnStatus launch_bernoulli_logits(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 2), *probability = cn_arg(call, 3);
    int64_t numel = cn_numel(*input), grid = cn_ceil_div(numel, block * 4);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        Sampling<T> s = {cn_data<T>(input),
                         {cn_data<const int64_t>(cn_arg(call, 1)), cn_attr_int(call, 0)},
                         cn_data<T>(output),
                         cn_data<T>(probability),
                         numel};
        bool wide = cn_takes_fours<T>(numel, {input, output, probability});
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (bernoulli_logits_kernel<T, false>), grid, block, 0, s);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs aligned groups of four elements");
                return CN_LAUNCH(call, (bernoulli_logits_kernel<T, true>), grid, block, 0, s);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(bernoulli_logits, "input, state; offset: int -> output, probability", launch_bernoulli_logits, nullptr,
          "four elements per thread, one by one", "four elements per access");
