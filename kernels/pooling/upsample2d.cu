// upsample_nearest2d, upsample_bilinear2d: images with another height and width. Position o of the output shows the
// input at (scale * o + shift) / divisor, a fraction in whole numbers, so that all devices find the same neighbours.
// The adjoints gather: a thread per element of the input visits the outputs that show it in order, so that nothing is
// written twice and sums repeat bit for bit.
//
// Variants
//   1  a thread per element, 64-bit indices.
//   2  a thread per position of four planes, 32-bit indices: where the position looks, and with which shares, costs
//      several divisions, which then serve four elements.
#include <type_traits>

#include "device/kernel.cuh"

namespace {

constexpr int block = 256;

template <class I>
struct Axis {
    I input, output, scale, shift, divisor;

    template <class J>
    Axis<J> as() const {
        return {J(input), J(output), J(scale), J(shift), J(divisor)};
    }
    // The neighbour below an output position, and how far from there in divisor-ths.
    __device__ __forceinline__ I lower(I o, I* rest) const {
        I at = scale * o + shift;
        if (at < 0) at = 0;
        I whole = at / divisor;
        *rest = at - whole * divisor;
        return whole;
    }
    __device__ __forceinline__ I above(I i) const { return i + 1 < input ? i + 1 : i; }
    // The first output position whose lower neighbour is at least i.
    __device__ __forceinline__ I first(I i) const {
        if (i <= 0) return 0;
        if (scale == 0) return output;
        I o = (i * divisor - shift + scale - 1) / scale;
        return o < output ? o : output;
    }
};

// How much of an output position's value is that of input position i.
template <bool LINEAR, class A, class I>
__device__ __forceinline__ A share_of(const Axis<I>& axis, I o, I i) {
    if (!LINEAR) return A(1);
    I rest, lower = axis.lower(o, &rest);
    A sum = (lower == i ? static_cast<A>(axis.divisor - rest) : A(0)) +
            (axis.above(lower) == i ? static_cast<A>(rest) : A(0));
    return sum / static_cast<A>(axis.divisor);
}

template <class I>
struct Images {
    Axis<I> y, x;
    I planes;

    template <class J>
    Images<J> as() const {
        return {y.template as<J>(), x.template as<J>(), J(planes)};
    }
    __host__ __device__ I inputs() const { return y.input * x.input; }
    __host__ __device__ I outputs() const { return y.output * x.output; }
    bool is_narrow() const {
        const int64_t limit = int64_t(1) << 30;
        for (const Axis<I>& a : {y, x})
            if (a.scale * a.output >= limit || a.divisor * (a.input + 1) + a.scale >= limit || a.output >= limit)
                return false;
        // The last thread's number may pass the count by a grid.
        return inputs() < limit && outputs() < limit && inputs() * (planes + 4) < limit &&
               outputs() * (planes + 4) < limit;
    }
};

template <class T, bool LINEAR, int PLANES, class I>
__global__ void __launch_bounds__(block)
    upsample_kernel(const T* __restrict__ input, T* __restrict__ output, Images<I> images) {
    using A = acc_t<T>;
    const I size = images.outputs(), count = (images.planes + PLANES - 1) / PLANES * size;
    for (I n = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); n < count;
         n += static_cast<I>(gridDim.x) * block) {
        I group = n / size, position = n - group * size;
        I oy = position / images.x.output, ox = position - oy * images.x.output;
        I down, across, top = images.y.lower(oy, &down), left = images.x.lower(ox, &across);
        I bottom = images.y.above(top), right = images.x.above(left), width = images.x.input;
        // 1 - share would lose the digits of a small remainder.
        A per_y = A(1) / static_cast<A>(images.y.divisor), per_x = A(1) / static_cast<A>(images.x.divisor);
        A lower_y = static_cast<A>(images.y.divisor - down) * per_y, upper_y = static_cast<A>(down) * per_y;
        A lower_x = static_cast<A>(images.x.divisor - across) * per_x, upper_x = static_cast<A>(across) * per_x;
#pragma unroll
        for (int k = 0; k < PLANES; k++) {
            I plane = group * PLANES + k;
            if (plane >= images.planes) break;
            const T* from = input + static_cast<int64_t>(plane) * images.inputs();
            T* to = output + static_cast<int64_t>(plane) * size + position;
            if (LINEAR) {
                A above = lower_x * to_acc(from[top * width + left]) + upper_x * to_acc(from[top * width + right]);
                A below =
                    lower_x * to_acc(from[bottom * width + left]) + upper_x * to_acc(from[bottom * width + right]);
                *to = from_acc<T>(lower_y * above + upper_y * below);
            } else {
                *to = from[top * width + left];
            }
        }
    }
}

template <class T, bool LINEAR, int PLANES, class I>
__global__ void __launch_bounds__(block)
    upsample_backward_kernel(const T* __restrict__ grad_output, T* __restrict__ grad_input, Images<I> images) {
    using A = acc_t<T>;
    const I size = images.inputs(), count = (images.planes + PLANES - 1) / PLANES * size;
    for (I n = static_cast<I>(blockIdx.x) * block + static_cast<I>(threadIdx.x); n < count;
         n += static_cast<I>(gridDim.x) * block) {
        I group = n / size, position = n - group * size;
        I y = position / images.x.input, x = position - y * images.x.input;
        I bottom = images.y.first(y + 1), left = images.x.first(LINEAR ? x - 1 : x), right = images.x.first(x + 1);
        A sums[PLANES] = {};
#pragma unroll 1
        for (I oy = images.y.first(LINEAR ? y - 1 : y); oy < bottom; oy++) {
            A down = share_of<LINEAR, A>(images.y, oy, y);
#pragma unroll 1
            for (I ox = left; ox < right; ox++) {
                A share = down * share_of<LINEAR, A>(images.x, ox, x);
#pragma unroll
                for (int k = 0; k < PLANES; k++) {
                    int64_t plane = static_cast<int64_t>(group) * PLANES + k;
                    if (plane < images.planes)
                        sums[k] += share * to_acc(grad_output[plane * images.outputs() + oy * images.x.output + ox]);
                }
            }
        }
#pragma unroll
        for (int k = 0; k < PLANES; k++) {
            int64_t plane = static_cast<int64_t>(group) * PLANES + k;
            if (plane < images.planes) grad_input[plane * size + position] = from_acc<T>(sums[k]);
        }
    }
}

Axis<int64_t> axis_of(int64_t input, int64_t output, bool linear, bool aligned) {
    if (!linear) return {input, output, input, 0, output};
    if (aligned) return {input, output, output > 1 ? input - 1 : 0, 0, output > 1 ? output - 1 : 1};
    return {input, output, 2 * input, input - output, 2 * output};
}

Images<int64_t> images_of(const CnTensor& input, const CnTensor& output, bool linear, bool aligned) {
    int y = input.rank - 2, x = input.rank - 1;
    return {axis_of(input.shape[y], output.shape[y], linear, aligned),
            axis_of(input.shape[x], output.shape[x], linear, aligned),
            cn_numel(input) / (input.shape[y] * input.shape[x])};
}

// Runs `launch` with the images and the number of planes per thread, as a type, of the variant that is asked for.
template <class Launch>
CnStatus launch_images(const CnCall* call, const Images<int64_t>& images, Launch launch) {
    switch (call->variant ? call->variant : images.is_narrow() ? 2 : 1) {
        case 1:
            return launch(images, std::integral_constant<int, 1>());
        case 2:
            if (!images.is_narrow()) return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes up to 2^30 elements");
            return launch(images.template as<int32_t>(), std::integral_constant<int, 4>());
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

int64_t grid_for(int64_t size, int64_t planes, int per_thread) {
    int64_t grid = cn_ceil_div(cn_ceil_div(planes, per_thread) * size, block);
    return grid < 65536 ? grid : 65536;
}

template <bool LINEAR>
CnStatus launch_upsample(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    auto images = images_of(*input, *output, LINEAR, LINEAR && cn_attr_bool(call, 1));
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return launch_images(call, images, [&](const auto& i, auto planes) {
            return CN_LAUNCH(call, (upsample_kernel<T, LINEAR, decltype(planes)::value, decltype(i.planes)>),
                             grid_for(i.outputs(), i.planes, planes), block, 0, cn_data<const T>(input),
                             cn_data<T>(output), i);
        });
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <bool LINEAR>
CnStatus launch_upsample_backward(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 1);
    auto images = images_of(*grad_input, *grad_output, LINEAR, LINEAR && cn_attr_bool(call, 1));
    CN_DISPATCH_FLOATING(grad_input->dtype, T, {
        return launch_images(call, images, [&](const auto& i, auto planes) {
            return CN_LAUNCH(call, (upsample_backward_kernel<T, LINEAR, decltype(planes)::value, decltype(i.planes)>),
                             grid_for(i.inputs(), i.planes, planes), block, 0, cn_data<const T>(grad_output),
                             cn_data<T>(grad_input), i);
        });
    });
    return cn_unsupported_dtype(call, grad_input->dtype);
}

}  // namespace

#define CN_UPSAMPLE_VARIANTS "one thread per element", "one thread per position of four planes, 32-bit indices"

CN_KERNEL(upsample_nearest2d, "input; output_size: ints -> output", launch_upsample<false>, nullptr,
          CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_nearest2d_backward, "grad_output; output_size: ints, input_size: ints -> grad_input",
          launch_upsample_backward<false>, nullptr, CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_bilinear2d, "input; output_size: ints, align_corners: bool -> output", launch_upsample<true>,
          nullptr, CN_UPSAMPLE_VARIANTS);
CN_KERNEL(upsample_bilinear2d_backward,
          "grad_output; output_size: ints, align_corners: bool, input_size: ints -> grad_input",
          launch_upsample_backward<true>, nullptr, CN_UPSAMPLE_VARIANTS);
