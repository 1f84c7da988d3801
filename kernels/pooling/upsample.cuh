// Upsampling over AXES axes, by repetition or linear along each: images or volumes with other extents. Position o of the
// output shows the input at (scale * o + shift) / divisor, a fraction in whole numbers, so that all devices find the same
// neighbours. The adjoints gather: a thread per element of the input visits the outputs that show it in order, so that
// nothing is written twice and sums repeat bit for bit.
//
// Variants
//   1  a thread per element, 64-bit indices.
//   2  a thread per position of four planes, 32-bit indices: where the position looks, and with which shares, costs
//      several divisions, which then serve four elements.
#ifndef CUDANET_KERNELS_POOLING_UPSAMPLE_CUH
#define CUDANET_KERNELS_POOLING_UPSAMPLE_CUH

#include <type_traits>

#include "../device/kernel.cuh"

namespace cn {

constexpr int upsample_block = 256;

template <class I>
struct UpsampleAxis {
    I input, output, scale, shift, divisor;

    template <class J>
    UpsampleAxis<J> as() const {
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
__device__ __forceinline__ A share_of(const UpsampleAxis<I>& axis, I o, I i) {
    if (!LINEAR) return A(1);
    I rest, lower = axis.lower(o, &rest);
    A sum = (lower == i ? static_cast<A>(axis.divisor - rest) : A(0)) +
            (axis.above(lower) == i ? static_cast<A>(rest) : A(0));
    return sum / static_cast<A>(axis.divisor);
}

template <class I, int AXES>
struct Upsampling {
    UpsampleAxis<I> axes[AXES];
    I planes;

    template <class J>
    Upsampling<J, AXES> as() const {
        Upsampling<J, AXES> other;
        for (int d = 0; d < AXES; d++) other.axes[d] = axes[d].template as<J>();
        other.planes = J(planes);
        return other;
    }
    __host__ __device__ I inputs() const {
        I count = axes[0].input;
        for (int d = 1; d < AXES; d++) count *= axes[d].input;
        return count;
    }
    __host__ __device__ I outputs() const {
        I count = axes[0].output;
        for (int d = 1; d < AXES; d++) count *= axes[d].output;
        return count;
    }
    bool is_narrow() const {
        const int64_t limit = int64_t(1) << 30;
        for (const UpsampleAxis<I>& a : axes)
            if (a.scale * a.output >= limit || a.divisor * (a.input + 1) + a.scale >= limit || a.output >= limit)
                return false;
        // The last thread's number may pass the count by a grid.
        return inputs() < limit && outputs() < limit && inputs() * (planes + 4) < limit &&
               outputs() * (planes + 4) < limit;
    }
};

// The two neighbours of a position along each axis, and their shares.
template <class A, class I, int AXES>
struct Neighbours {
    I lower[AXES], upper[AXES], extent[AXES];
    A lower_share[AXES], upper_share[AXES];

    __device__ __forceinline__ Neighbours(const Upsampling<I, AXES>& u, I position) {
#pragma unroll
        for (int d = AXES - 1; d >= 0; d--) {
            const UpsampleAxis<I>& axis = u.axes[d];
            I rest = position / axis.output, offset;
            lower[d] = axis.lower(position - rest * axis.output, &offset);
            upper[d] = axis.above(lower[d]);
            extent[d] = axis.input;
            // 1 - share would lose the digits of a small remainder.
            A per = A(1) / static_cast<A>(axis.divisor);
            lower_share[d] = static_cast<A>(axis.divisor - offset) * per;
            upper_share[d] = static_cast<A>(offset) * per;
            position = rest;
        }
    }
    template <bool LINEAR, class T, int D = 0>
    __device__ __forceinline__ A mean(const T* from, I place = 0) const {
        if constexpr (D == AXES) {
            return to_acc(from[place]);
        } else {
            A low = mean<LINEAR, T, D + 1>(from, place * extent[D] + lower[D]);
            if constexpr (!LINEAR) return low;
            return lower_share[D] * low + upper_share[D] * mean<LINEAR, T, D + 1>(from, place * extent[D] + upper[D]);
        }
    }
};

template <class T, bool LINEAR, int PLANES, class I, int AXES>
__global__ void __launch_bounds__(upsample_block)
    upsample_kernel(const T* __restrict__ input, T* __restrict__ output, Upsampling<I, AXES> u) {
    const I size = u.outputs(), count = (u.planes + PLANES - 1) / PLANES * size;
    for (I n = static_cast<I>(blockIdx.x) * upsample_block + static_cast<I>(threadIdx.x); n < count;
         n += static_cast<I>(gridDim.x) * upsample_block) {
        I group = n / size, position = n - group * size;
        const Neighbours<acc_t<T>, I, AXES> neighbours(u, position);
#pragma unroll
        for (int k = 0; k < PLANES; k++) {
            I plane = group * PLANES + k;
            if (plane >= u.planes) break;
            const T* from = input + static_cast<int64_t>(plane) * u.inputs();
            output[static_cast<int64_t>(plane) * size + position] =
                from_acc<T>(neighbours.template mean<LINEAR, T>(from));
        }
    }
}

// The outputs that show an element of the input: from begin to before end along each axis.
template <class I, int AXES>
struct Shown {
    I own[AXES], begin[AXES], end[AXES];

    __device__ __forceinline__ Shown(const Upsampling<I, AXES>& u, I position, bool linear) {
#pragma unroll
        for (int d = AXES - 1; d >= 0; d--) {
            I rest = position / u.axes[d].input;
            own[d] = position - rest * u.axes[d].input;
            begin[d] = u.axes[d].first(linear ? own[d] - 1 : own[d]);
            end[d] = u.axes[d].first(own[d] + 1);
            position = rest;
        }
    }
    // Adds to each of `count` planes' sums its gradients from `grad`, by the shares that they have in the element.
    template <bool LINEAR, class T, int PLANES, int D = 0>
    __device__ __forceinline__ void add(const Upsampling<I, AXES>& u, const T* grad, int count,
                                        acc_t<T> (&sums)[PLANES], int64_t place = 0, acc_t<T> share = 1) const {
        if constexpr (D == AXES) {
#pragma unroll
            for (int k = 0; k < PLANES; k++)
                if (k < count) sums[k] += share * to_acc(grad[k * static_cast<int64_t>(u.outputs()) + place]);
        } else {
#pragma unroll 1
            for (I o = begin[D]; o < end[D]; o++)
                add<LINEAR, T, PLANES, D + 1>(u, grad, count, sums, place * u.axes[D].output + o,
                                              share * share_of<LINEAR, acc_t<T>>(u.axes[D], o, own[D]));
        }
    }
};

template <class T, bool LINEAR, int PLANES, class I, int AXES>
__global__ void __launch_bounds__(upsample_block)
    upsample_backward_kernel(const T* __restrict__ grad_output, T* __restrict__ grad_input, Upsampling<I, AXES> u) {
    const I size = u.inputs(), count = (u.planes + PLANES - 1) / PLANES * size;
    for (I n = static_cast<I>(blockIdx.x) * upsample_block + static_cast<I>(threadIdx.x); n < count;
         n += static_cast<I>(gridDim.x) * upsample_block) {
        I group = n / size, position = n - group * size, left = u.planes - group * PLANES;
        int64_t first = static_cast<int64_t>(group) * PLANES;
        const int present = left < PLANES ? static_cast<int>(left) : PLANES;
        acc_t<T> sums[PLANES] = {};
        Shown<I, AXES>(u, position, LINEAR)
            .template add<LINEAR, T, PLANES>(u, grad_output + first * u.outputs(), present, sums);
#pragma unroll
        for (int k = 0; k < PLANES; k++)
            if (k < present) grad_input[(first + k) * size + position] = from_acc<T>(sums[k]);
    }
}

inline UpsampleAxis<int64_t> upsample_axis(int64_t input, int64_t output, bool linear, bool aligned) {
    if (!linear) return {input, output, input, 0, output};
    if (aligned) return {input, output, output > 1 ? input - 1 : 0, 0, output > 1 ? output - 1 : 1};
    return {input, output, 2 * input, input - output, 2 * output};
}

template <int AXES>
Upsampling<int64_t, AXES> make_upsampling(const CnTensor& input, const CnTensor& output, bool linear, bool aligned) {
    Upsampling<int64_t, AXES> u;
    for (int d = 0; d < AXES; d++)
        u.axes[d] =
            upsample_axis(input.shape[input.rank - AXES + d], output.shape[output.rank - AXES + d], linear, aligned);
    u.planes = cn_numel(input) / u.inputs();
    return u;
}

// Runs `launch` with the upsampling and the number of planes per thread, as a type, of the variant that is asked for.
template <int AXES, class Launch>
CnStatus launch_planes(const CnCall* call, const Upsampling<int64_t, AXES>& u, Launch launch) {
    switch (call->variant ? call->variant : u.is_narrow() ? 2 : 1) {
        case 1:
            return launch(u, std::integral_constant<int, 1>());
        case 2:
            if (!u.is_narrow()) return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes up to 2^30 elements");
            return launch(u.template as<int32_t>(), std::integral_constant<int, 4>());
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

inline int64_t upsample_grid(int64_t size, int64_t planes, int per_thread) {
    int64_t grid = cn_ceil_div(cn_ceil_div(planes, per_thread) * size, upsample_block);
    return grid < 65536 ? grid : 65536;
}

template <bool LINEAR, int AXES>
CnStatus launch_upsample(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    auto upsampling = make_upsampling<AXES>(*input, *output, LINEAR, LINEAR && cn_attr_bool(call, 1));
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return launch_planes(call, upsampling, [&](const auto& u, auto planes) {
            return CN_LAUNCH(call, (upsample_kernel<T, LINEAR, decltype(planes)::value, decltype(u.planes), AXES>),
                             upsample_grid(u.outputs(), u.planes, planes), upsample_block, 0, cn_data<const T>(input),
                             cn_data<T>(output), u);
        });
    });
    return cn_unsupported_dtype(call, input->dtype);
}

template <bool LINEAR, int AXES>
CnStatus launch_upsample_backward(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 1);
    auto upsampling = make_upsampling<AXES>(*grad_input, *grad_output, LINEAR, LINEAR && cn_attr_bool(call, 1));
    CN_DISPATCH_FLOATING(grad_input->dtype, T, {
        return launch_planes(call, upsampling, [&](const auto& u, auto planes) {
            return CN_LAUNCH(call,
                             (upsample_backward_kernel<T, LINEAR, decltype(planes)::value, decltype(u.planes), AXES>),
                             upsample_grid(u.inputs(), u.planes, planes), upsample_block, 0,
                             cn_data<const T>(grad_output), cn_data<T>(grad_input), u);
        });
    });
    return cn_unsupported_dtype(call, grad_input->dtype);
}

}  // namespace cn

#define CN_UPSAMPLE_VARIANTS "one thread per element", "one thread per position of four planes, 32-bit indices"

#endif
