// The windows of pooling over the last AXES axes: where each output looks, and which outputs look at an input. Index
// arithmetic is in I: 32 bits where all sizes allow, since 64-bit divisions are several times slower on a GPU.
#ifndef CUDANET_KERNELS_DEVICE_WINDOW_CUH
#define CUDANET_KERNELS_DEVICE_WINDOW_CUH

#include "kernel.cuh"

// One axis. A kernel of 0 stands for adaptive windows, which cover the input with nearly equal lengths.
template <class I>
struct WindowAxis {
    I input, output, kernel, stride, padding, dilation;

    template <class J>
    WindowAxis<J> as() const {
        return {J(input), J(output), J(kernel), J(stride), J(padding), J(dilation)};
    }

    __host__ __device__ __forceinline__ I start(I o) const {
        return kernel == 0 ? o * input / output : o * stride - padding;
    }
    // The window's positions in the input: from first() by the dilation to before end().
    __host__ __device__ __forceinline__ I first(I o) const {
        I s = start(o);
        return s >= 0 ? s : s + (-s + dilation - 1) / dilation * dilation;
    }
    __host__ __device__ __forceinline__ I end(I o) const {
        if (kernel == 0) return ((o + 1) * input + output - 1) / output;
        I e = start(o) + (kernel - 1) * dilation + 1;
        return e < input ? e : input;
    }
    // By how many positions an average is divided; the dilation is 1.
    __host__ __device__ __forceinline__ I divisor(I o, bool count_padding) const {
        if (!count_padding || kernel == 0) return end(o) - first(o);
        I s = start(o), e = input + padding;
        return (s + kernel < e ? s + kernel : e) - s;
    }
    // The outputs whose windows span position i: from first_over() to last_over().
    __host__ __device__ __forceinline__ I first_over(I i) const {
        if (kernel == 0) return i * output / input;
        I before = i + padding - (kernel - 1) * dilation;
        return before <= 0 ? 0 : (before + stride - 1) / stride;
    }
    __host__ __device__ __forceinline__ I last_over(I i) const {
        if (kernel == 0) return ((i + 1) * output + input - 1) / input - 1;
        I last = (i + padding) / stride;
        return last < output ? last : output - 1;
    }
};

// Positions from first by step to before end along each axis, which count through `extent` in C order.
template <class I, int AXES>
struct WindowBox {
    I first[AXES], end[AXES], step[AXES], extent[AXES];

    __device__ __forceinline__ I start() const {
        I place = 0;
#pragma unroll
        for (int d = 0; d < AXES; d++) place = place * extent[d] + first[d];
        return place;
    }
    // Calls f(place) for each position in order; `at` holds its coordinates meanwhile.
    template <int D = 0, class F>
    __device__ __forceinline__ void visit(I (&at)[AXES], const F& f, I place = 0) const {
        if constexpr (D == AXES)
            f(place);
        else
            for (at[D] = first[D]; at[D] < end[D]; at[D] += step[D]) visit<D + 1>(at, f, place * extent[D] + at[D]);
    }
};

template <class I, int AXES>
struct Windows {
    WindowAxis<I> axes[AXES];
    I planes;
    bool count_padding;

    template <class J>
    Windows<J, AXES> as() const {
        Windows<J, AXES> other;
        for (int d = 0; d < AXES; d++) other.axes[d] = axes[d].template as<J>();
        other.planes = J(planes);
        other.count_padding = count_padding;
        return other;
    }
    // The elements of one plane.
    __host__ __device__ __forceinline__ I inputs() const {
        I count = axes[0].input;
        for (int d = 1; d < AXES; d++) count *= axes[d].input;
        return count;
    }
    __host__ __device__ __forceinline__ I outputs() const {
        I count = axes[0].output;
        for (int d = 1; d < AXES; d++) count *= axes[d].output;
        return count;
    }
    bool is_narrow() const {
        const int64_t limit = int64_t(1) << 30;
        if (planes * inputs() >= limit || planes * outputs() >= limit) return false;
        for (const WindowAxis<I>& a : axes)  // also o * input of adaptive windows fits
            if (a.kernel >= limit / a.dilation || a.stride >= limit || (a.output + 1) * a.input >= limit) return false;
        return true;
    }

    // The window of an output, whose number begins with its plane's.
    __device__ __forceinline__ WindowBox<I, AXES> window(I number, I& plane, I (&at)[AXES]) const {
        WindowBox<I, AXES> box;
#pragma unroll
        for (int d = AXES - 1; d >= 0; d--) {
            I rest = number / axes[d].output;
            at[d] = number - rest * axes[d].output;
            number = rest;
            box.first[d] = axes[d].first(at[d]);
            box.end[d] = axes[d].end(at[d]);
            box.step[d] = axes[d].dilation;
            box.extent[d] = axes[d].input;
        }
        plane = number;
        return box;
    }
    // The outputs whose windows span an element of the input, and the element's place in its plane.
    __device__ __forceinline__ WindowBox<I, AXES> windows_over(I number, I& plane, I& place) const {
        WindowBox<I, AXES> box;
        I pitch = 1;
        place = 0;
#pragma unroll
        for (int d = AXES - 1; d >= 0; d--) {
            I rest = number / axes[d].input, at = number - rest * axes[d].input;
            number = rest;
            place += at * pitch;
            pitch *= axes[d].input;
            box.first[d] = axes[d].first_over(at);
            box.end[d] = axes[d].last_over(at) + 1;
            box.step[d] = 1;
            box.extent[d] = axes[d].output;
        }
        plane = number;
        return box;
    }
    __device__ __forceinline__ I divisor(const I (&output)[AXES]) const {
        I count = 1;
#pragma unroll
        for (int d = 0; d < AXES; d++) count *= axes[d].divisor(output[d], count_padding);
        return count;
    }
};

namespace cn {
// A size for each spatial axis: one number for all, as many as there are, or none, which stands for `otherwise`.
inline int64_t attr_axis(const CnCall* call, int attribute, int axis, int64_t otherwise) {
    int64_t count;
    const int64_t* values = cn_attr_ints(call, attribute, &count);
    return count == 0 ? otherwise : values[count == 1 ? 0 : axis];
}
}  // namespace cn

// Windows over `input`, of which there are `output` in each plane. `axis` makes one of its axes from number and extents.
template <int AXES, class MakeAxis>
Windows<int64_t, AXES> make_windows(const CnTensor& input, const CnTensor& output, MakeAxis axis) {
    Windows<int64_t, AXES> w;
    for (int d = 0; d < AXES; d++)
        w.axes[d] = axis(d, input.shape[input.rank - AXES + d], output.shape[output.rank - AXES + d]);
    int64_t plane = w.inputs();
    w.planes = plane == 0 ? 0 : cn_numel(input) / plane;
    w.count_padding = false;
    return w;
}
// Attributes 0, 1 and 2 are kernel, stride and padding, and `dilation` is the number of the dilation's, or -1.
template <int AXES>
Windows<int64_t, AXES> sliding_windows(const CnCall* call, const CnTensor& input, const CnTensor& output,
                                       int dilation) {
    return make_windows<AXES>(input, output, [&](int d, int64_t in, int64_t out) {
        int64_t kernel = cn::attr_axis(call, 0, d, 1);
        return WindowAxis<int64_t>{in,
                                   out,
                                   kernel,
                                   cn::attr_axis(call, 1, d, kernel),
                                   cn::attr_axis(call, 2, d, 0),
                                   dilation < 0 ? 1 : cn::attr_axis(call, dilation, d, 1)};
    });
}
template <int AXES>
Windows<int64_t, AXES> adaptive_windows(const CnTensor& input, const CnTensor& output) {
    return make_windows<AXES>(input, output,
                              [](int, int64_t in, int64_t out) { return WindowAxis<int64_t>{in, out, 0, 1, 0, 1}; });
}

inline int64_t window_grid(int64_t count, int block) {
    int64_t grid = cn_ceil_div(count, block);
    return grid < 65536 ? grid : 65536;
}

// The variants of all poolings: 1 with 64-bit indices, 2 with 32-bit ones. Runs `launch`, a generic lambda, with the
// windows of the variant that the call asks for.
template <int AXES, class Launch>
CnStatus launch_windows(const CnCall* call, const Windows<int64_t, AXES>& windows, Launch launch) {
    int variant = call->variant != 0 ? call->variant : windows.is_narrow() ? 2 : 1;
    if (variant == 1) return launch(windows);
    if (!windows.is_narrow()) return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes up to 2^30 elements");
    return launch(windows.template as<int32_t>());
}

#define CN_WINDOW_VARIANTS "one thread per element", "the same with 32-bit indices"

#endif
