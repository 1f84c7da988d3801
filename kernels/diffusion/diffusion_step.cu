// diffusion_step: one step of a sampler. With the coefficients c of the sample's time step,
//   x_0 = c0 * x + c1 * prediction, held within +-clip where there is a clip,
//   y   = c2 * x_0 + c3 * x + c4 * z, z drawn by Philox where there is a state.
// DDPM, DDIM and every parametrisation of the prediction differ in their coefficients alone. A thread makes the four
// elements of one counter: two reads and one write per element, where the steps written out would take a dozen passes.
//
// Variants
//   1  element by element.
//   2  four elements per access, where addresses allow it.
#include "../device/normal.cuh"
#include "samples.cuh"

namespace {

constexpr int block = 256, coefficients = 5;

template <class T>
struct Step {
    using A = acc_t<T>;
    const T* __restrict__ input;
    const T* __restrict__ prediction;
    cn::Timesteps timesteps;
    const A* __restrict__ table;
    RandomState state;  // its pointer is null where nothing is drawn
    T* __restrict__ output;
    int64_t numel, length;
    A clip, not_there;

    struct Row {
        A at[coefficients];
    };
    __device__ __forceinline__ Row row(int64_t sample) const {
        int64_t place = timesteps.row(sample);
        Row r;
#pragma unroll
        for (int i = 0; i < coefficients; i++) r.at[i] = place < 0 ? not_there : table[place * coefficients + i];
        return r;
    }
    __device__ __forceinline__ T apply(const Row& c, T input_value, T predicted, A z) const {
        A x = to_acc(input_value), start = c.at[0] * x + c.at[1] * to_acc(predicted);
        if (clip > A(0)) start = min_nan(max_nan(start, -clip), clip);
        return from_acc<T>(c.at[2] * start + c.at[3] * x + c.at[4] * z);
    }
};

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) diffusion_step_kernel(Step<T> s) {
    using A = acc_t<T>;
    using Four = cn::Pack<T, 4>;
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x, first = counter * 4;
    if (first >= s.numel) return;
    A z[4] = {};
    if (s.state.state) {
        cn::Normals<A> drawn(s.state.words(counter));
#pragma unroll
        for (int k = 0; k < 4; k++) z[k] = drawn.at[k];
    }
    int64_t sample = first / s.length, position = first - sample * s.length;
    auto row = s.row(sample);
    Four x{}, p{}, y;
    if (WIDE) {
        x = reinterpret_cast<const Four*>(s.input)[counter];
        p = reinterpret_cast<const Four*>(s.prediction)[counter];
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
        if (!WIDE && first + k >= s.numel) break;
        if (position == s.length) {
            position = 0;
            row = s.row(++sample);
        }
        position++;
        if (WIDE)
            y.at[k] = s.apply(row, x.at[k], p.at[k], z[k]);
        else
            s.output[first + k] = s.apply(row, s.input[first + k], s.prediction[first + k], z[k]);
    }
    if (WIDE) reinterpret_cast<Four*>(s.output)[counter] = y;
}

CnStatus launch_diffusion_step(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *prediction = cn_arg(call, 1), *table = cn_arg(call, 3);
    const CnTensor* output = cn_arg(call, 5);
    int64_t numel = cn_numel(*input);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        using A = acc_t<T>;
        Step<T> s = {cn_data<T>(input),
                     cn_data<T>(prediction),
                     {cn_data<int64_t>(cn_arg(call, 2)), table->shape[0]},
                     cn_data<A>(table),
                     {cn_data<const int64_t>(cn_arg(call, 4)), cn_attr_int(call, 1)},
                     cn_data<T>(output),
                     numel,
                     cn::sample_length(*input),
                     static_cast<A>(cn_attr_float(call, 0)),
                     A(NAN)};
        bool wide = cn_takes_fours<T>(numel, {input, prediction, output});
        int64_t grid = cn_ceil_div(numel, block * 4);
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (diffusion_step_kernel<T, false>), grid, block, 0, s);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs aligned groups of four elements");
                return CN_LAUNCH(call, (diffusion_step_kernel<T, true>), grid, block, 0, s);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(diffusion_step, "input, prediction, timesteps?, coefficients, state?; clip: float, offset: int -> output",
          launch_diffusion_step, nullptr, "four elements per thread, one by one", "four elements per access");
