// diffusion_noise: x_t = signal[t] * x_0 + noise_scale[t] * e with e drawn by Philox in the same pass, and e itself, which
// the loss needs. A thread makes the four elements of one counter; with 16 bytes or more per four elements they are read
// and written together. Unfused, the draw alone would cost as much memory traffic as all of this.
//
// Variants
//   1  element by element.
//   2  four elements per access, where addresses allow it.
#include "../device/normal.cuh"
#include "samples.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct Noising {
    using A = acc_t<T>;
    const T* __restrict__ input;
    cn::Timesteps timesteps;
    const A* __restrict__ signal;
    const A* __restrict__ noise_scale;
    RandomState state;
    T* __restrict__ output;
    T* __restrict__ noise;
    int64_t numel, length;
    A not_there;
};

template <class T, bool WIDE>
__global__ void __launch_bounds__(block) diffusion_noise_kernel(Noising<T> n) {
    using A = acc_t<T>;
    using Four = cn::Pack<T, 4>;
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x, first = counter * 4;
    if (first >= n.numel) return;
    cn::Normals<A> drawn(n.state.words(counter));
    int64_t sample = first / n.length, position = first - sample * n.length;
    int64_t row = n.timesteps.row(sample);
    Four x{}, y, e;
    if (WIDE) x = reinterpret_cast<const Four*>(n.input)[counter];
#pragma unroll
    for (int k = 0; k < 4; k++) {
        if (!WIDE && first + k >= n.numel) break;
        if (position == n.length) {
            position = 0;
            row = n.timesteps.row(++sample);
        }
        position++;
        if (!WIDE) x.at[k] = n.input[first + k];
        A a = cn::value_at(n.signal, row, n.not_there), s = cn::value_at(n.noise_scale, row, n.not_there);
        y.at[k] = from_acc<T>(a * to_acc(x.at[k]) + s * drawn.at[k]);
        e.at[k] = from_acc<T>(drawn.at[k]);
        if (WIDE) continue;
        n.output[first + k] = y.at[k];
        n.noise[first + k] = e.at[k];
    }
    if (!WIDE) return;
    reinterpret_cast<Four*>(n.output)[counter] = y;
    reinterpret_cast<Four*>(n.noise)[counter] = e;
}

CnStatus launch_diffusion_noise(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *signal = cn_arg(call, 2);
    const CnTensor *output = cn_arg(call, 5), *noise = cn_arg(call, 6);
    int64_t numel = cn_numel(*input);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        using A = acc_t<T>;
        Noising<T> n = {cn_data<T>(input),
                        {cn_data<int64_t>(cn_arg(call, 1)), signal->shape[0]},
                        cn_data<A>(signal),
                        cn_data<A>(cn_arg(call, 3)),
                        {cn_data<const int64_t>(cn_arg(call, 4)), cn_attr_int(call, 0)},
                        cn_data<T>(output),
                        cn_data<T>(noise),
                        numel,
                        cn::sample_length(*input),
                        A(NAN)};
        bool wide = cn_takes_fours<T>(numel, {input, output, noise});
        int64_t grid = cn_ceil_div(numel, block * 4);
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (diffusion_noise_kernel<T, false>), grid, block, 0, n);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs aligned groups of four elements");
                return CN_LAUNCH(call, (diffusion_noise_kernel<T, true>), grid, block, 0, n);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(diffusion_noise, "input, timesteps?, signal, noise_scale, state; offset: int -> output, noise",
          launch_diffusion_noise, nullptr, "four elements per thread, one by one", "four elements per access");
