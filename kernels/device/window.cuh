// The windows of pooling over the last two axes: where each output looks, and which outputs look at an input. Index
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

template <class I>
struct Windows {
    WindowAxis<I> y, x;
    I planes;
    bool count_padding;

    template <class J>
    Windows<J> as() const {
        return {y.template as<J>(), x.template as<J>(), J(planes), count_padding};
    }
    __host__ __device__ __forceinline__ I inputs() const { return planes * y.input * x.input; }
    __host__ __device__ __forceinline__ I outputs() const { return planes * y.output * x.output; }
    bool is_narrow() const {
        const int64_t limit = int64_t(1) << 30;  // also o * input of adaptive windows fits
        if (inputs() >= limit || outputs() >= limit) return false;
        return kernel_fits(y, limit) && kernel_fits(x, limit);
    }

private:
    static bool kernel_fits(const WindowAxis<I>& a, int64_t limit) {
        return a.kernel < limit / a.dilation && a.stride < limit && (a.output + 1) * a.input < limit;
    }
};

namespace cn {
// A size for height and width: one number for both, two, or none, which stands for `otherwise`.
inline int64_t attr_pair(const CnCall* call, int attribute, int axis, int64_t otherwise) {
    int64_t count;
    const int64_t* values = cn_attr_ints(call, attribute, &count);
    return count == 0 ? otherwise : values[count == 1 ? 0 : axis];
}
}  // namespace cn

// Windows over `input` with `output` windows in each plane; attributes 0, 1 and 2 are kernel, stride and padding, and
// `dilation` is the number of the dilation's, or -1.
inline Windows<int64_t> sliding_windows(const CnCall* call, const CnTensor& input, const CnTensor& output,
                                        int dilation) {
    WindowAxis<int64_t> axes[2];
    for (int i = 0; i < 2; i++) {
        int64_t kernel = cn::attr_pair(call, 0, i, 1);
        axes[i] = {input.shape[input.rank - 2 + i],
                   output.shape[output.rank - 2 + i],
                   kernel,
                   cn::attr_pair(call, 1, i, kernel),
                   cn::attr_pair(call, 2, i, 0),
                   dilation < 0 ? 1 : cn::attr_pair(call, dilation, i, 1)};
    }
    int64_t plane = axes[0].input * axes[1].input;
    return {axes[0], axes[1], plane == 0 ? 0 : cn_numel(input) / plane, false};
}
inline Windows<int64_t> adaptive_windows(const CnTensor& input, const CnTensor& output) {
    WindowAxis<int64_t> axes[2];
    for (int i = 0; i < 2; i++)
        axes[i] = {input.shape[input.rank - 2 + i], output.shape[output.rank - 2 + i], 0, 1, 0, 1};
    int64_t plane = axes[0].input * axes[1].input;
    return {axes[0], axes[1], plane == 0 ? 0 : cn_numel(input) / plane, false};
}

inline int64_t window_grid(int64_t count, int block) {
    int64_t grid = cn_ceil_div(count, block);
    return grid < 65536 ? grid : 65536;
}

// The variants of all poolings: 1 with 64-bit indices, 2 with 32-bit ones. Runs `launch`, a generic lambda, with the
// windows of the variant that the call asks for.
template <class Launch>
CnStatus launch_windows(const CnCall* call, const Windows<int64_t>& windows, Launch launch) {
    int variant = call->variant != 0 ? call->variant : windows.is_narrow() ? 2 : 1;
    if (variant == 1) return launch(windows);
    if (!windows.is_narrow()) return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes up to 2^30 elements");
    return launch(windows.template as<int32_t>());
}

#define CN_WINDOW_VARIANTS "one thread per element", "the same with 32-bit indices"

#endif
