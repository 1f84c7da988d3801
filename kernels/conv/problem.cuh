// A convolution and its two gradients as the kernels of this folder see them: matrix products C = A * B of which B is
// never stored. Its elements are read from an image where they lie ("implicit GEMM"), and A and C where their tensors
// have them. In each group of channels
//
//     pass              A                      B                          C                rows, columns, depth
//     forward           weight[o, (c, k)]      input at (n, p), (c, k)    output[o, (n, p)]    O   N P    C K
//     backward data     weight[c, (o, k)]      grad_output at (n, i), (o, k)  grad_input[c, (n, i)]  C  N I  O K
//     backward filter   grad_output[o, (n, p)] input at (c, k), (n, p)    grad_weight[o, (c, k)]   O   C K    N P
//
// with o, c channels, n images, i and p positions of the input and the output, and k those of the kernel.
#ifndef CUDANET_KERNELS_CONV_PROBLEM_CUH
#define CUDANET_KERNELS_CONV_PROBLEM_CUH

#include "../device/vec.cuh"

namespace cn {

// How the images of a tensor (N, C, ...) lie: in C order, or with the channels last, where neighbours in memory are
// channels of one position.
struct ConvMemory {
    int64_t image, channel, position;  // steps

    static ConvMemory of(const CnTensor& t) {
        int64_t channels = t.shape[1], positions = 1;
        for (int d = 2; d < t.rank; d++) positions *= t.shape[d];
        if (cn_is_contiguous(t)) return {channels * positions, positions, 1};
        return {channels * positions, 1, channels};
    }
};

// The extents, for any number of spatial axes. Channels are those of one group.
template <int AXES>
struct ConvShape {
    int64_t batch, groups, in_channels, out_channels;
    int64_t input[AXES], kernel[AXES], output[AXES], stride[AXES], padding[AXES], dilation[AXES];
    int64_t inputs, taps, outputs;  // positions

    static ConvShape of(const CnCall* call, const CnTensor& x, const CnTensor& weight, const CnTensor& y) {
        ConvShape s;
        s.batch = x.shape[0];
        s.groups = cn_attr_int(call, 3);
        s.in_channels = weight.shape[1];
        s.out_channels = weight.shape[0] / s.groups;
        s.inputs = s.taps = s.outputs = 1;
        for (int d = 0; d < AXES; d++) {
            s.inputs *= s.input[d] = x.shape[d + 2];
            s.taps *= s.kernel[d] = weight.shape[d + 2];
            s.outputs *= s.output[d] = y.shape[d + 2];
            s.stride[d] = value(call, 0, d);
            s.padding[d] = value(call, 1, d);
            s.dilation[d] = value(call, 2, d);
        }
        return s;
    }

private:
    static int64_t value(const CnCall* call, int attribute, int axis) {
        int64_t count;
        const int64_t* values = cn_attr_ints(call, attribute, &count);
        return values[count == 1 ? 0 : axis];
    }
};

// Offsets of elements that are numbered (outer, inner).
struct ConvLine {
    int64_t inner, outer_pitch, inner_pitch;

    template <class I>
    __device__ __forceinline__ int64_t at(I number) const {
        I outer = number / static_cast<I>(inner);
        I within = number - outer * static_cast<I>(inner);
        return static_cast<int64_t>(outer) * outer_pitch + static_cast<int64_t>(within) * inner_pitch;
    }
};

// What one side of B adds to the place of an element: an offset between images or channels, and coordinates in the image.
template <int AXES, class I>
struct ConvPlace {
    int64_t offset;
    I at[AXES];
};

// Places that are numbered (outer, position), where the position counts through `extent`.
template <int AXES>
struct ConvPlaces {
    int64_t outer_pitch, extent[AXES], scale[AXES], shift[AXES];

    template <class I>
    __device__ __forceinline__ ConvPlace<AXES, I> at(I number) const {
        ConvPlace<AXES, I> place;
#pragma unroll
        for (int d = AXES - 1; d >= 0; d--) {
            I rest = number / static_cast<I>(extent[d]);
            I own = number - rest * static_cast<I>(extent[d]);
            place.at[d] = own * static_cast<I>(scale[d]) + static_cast<I>(shift[d]);
            number = rest;
        }
        place.offset = static_cast<int64_t>(number) * outer_pitch;
        return place;
    }
};

// The image that B reads: zero outside, and, where DIVIDES, between the positions that the stride reaches.
template <class T, int AXES, bool DIVIDES>
struct ConvImage {
    const T* data;
    int64_t pitch;  // from position to position
    int64_t extent[AXES], stride[AXES];

    // Where an element lies; -1 where there is none.
    template <class I>
    __device__ __forceinline__ int64_t find(const ConvPlace<AXES, I>& column, const ConvPlace<AXES, I>& step) const {
        bool inside = true;
        int64_t position = 0;
#pragma unroll
        for (int d = 0; d < AXES; d++) {
            I x = column.at[d] + step.at[d];
            if (DIVIDES) {
                I whole = x / static_cast<I>(stride[d]);
                inside = inside && whole * static_cast<I>(stride[d]) == x;
                x = whole;
            }
            inside = inside && x >= 0 && x < static_cast<I>(extent[d]);
            position = position * extent[d] + x;
        }
        return inside ? column.offset + step.offset + position * pitch : -1;
    }
    template <class I>
    __device__ __forceinline__ T get(const T* from, const ConvPlace<AXES, I>& column,
                                     const ConvPlace<AXES, I>& step) const {
        int64_t place = find(column, step);
        return place >= 0 ? from[place] : from_acc<T>(0);
    }
};

template <class T, int AXES, bool DIVIDES>
struct ConvProblem {
    int64_t m, n, k, groups;
    const T* a;
    const T* bias;  // by row; may be null
    T* c;
    int64_t a_group, b_group, c_group;  // steps between groups
    int64_t a_row, c_row;               // steps between rows
    ConvLine a_steps, c_columns;
    ConvPlaces<AXES> columns, steps;
    ConvImage<T, AXES, DIVIDES> image;

    __device__ __forceinline__ void put(int64_t group, int64_t row, int64_t column_offset, acc_t<T> value) const {
        if (bias) value += to_acc(bias[group * m + row]);
        c[group * c_group + row * c_row + column_offset] = from_acc<T>(value);
    }
};

// Positions of the kernel, and of the output, as coordinates of the input.
template <int AXES>
void set_taps(ConvPlaces<AXES>& places, const ConvShape<AXES>& s, int64_t outer_pitch, int sign, bool padded) {
    places.outer_pitch = outer_pitch;
    for (int d = 0; d < AXES; d++) {
        places.extent[d] = s.kernel[d];
        places.scale[d] = sign * s.dilation[d];
        places.shift[d] = padded ? -s.padding[d] : 0;
    }
}
template <int AXES>
void set_outputs(ConvPlaces<AXES>& places, const ConvShape<AXES>& s, int64_t outer_pitch, bool padded) {
    places.outer_pitch = outer_pitch;
    for (int d = 0; d < AXES; d++) {
        places.extent[d] = s.output[d];
        places.scale[d] = s.stride[d];
        places.shift[d] = padded ? -s.padding[d] : 0;
    }
}

template <class T, int AXES>
ConvProblem<T, AXES, false> make_conv(const ConvShape<AXES>& s, const CnTensor* x, const CnTensor* weight,
                                      const CnTensor* bias, const CnTensor* y) {
    const ConvMemory from = ConvMemory::of(*x), to = ConvMemory::of(*y);
    ConvProblem<T, AXES, false> p = {};
    p.m = s.out_channels;
    p.n = s.batch * s.outputs;
    p.k = s.in_channels * s.taps;
    p.groups = s.groups;
    p.a = cn_data<T>(weight);
    p.bias = cn_data<T>(bias);
    p.c = cn_data<T>(y);
    p.a_group = p.m * p.k;
    p.b_group = s.in_channels * from.channel;
    p.c_group = p.m * to.channel;
    p.a_row = p.k;
    p.c_row = to.channel;
    p.a_steps = {p.k > 0 ? p.k : 1, 0, 1};
    p.c_columns = {s.outputs, to.image, to.position};
    set_outputs(p.columns, s, from.image, true);
    set_taps(p.steps, s, from.channel, 1, false);
    p.image.data = cn_data<T>(x);
    p.image.pitch = from.position;
    for (int d = 0; d < AXES; d++) p.image.extent[d] = s.input[d];
    return p;
}

// DIVIDES where some stride is not 1, so that only every so manyth position comes from an output.
template <class T, int AXES, bool DIVIDES>
ConvProblem<T, AXES, DIVIDES> make_conv_backward_data(const ConvShape<AXES>& s, const CnTensor* grad_y,
                                                      const CnTensor* weight, const CnTensor* bias,
                                                      const CnTensor* grad_x) {
    const ConvMemory from = ConvMemory::of(*grad_y), to = ConvMemory::of(*grad_x);
    ConvProblem<T, AXES, DIVIDES> p = {};
    p.m = s.in_channels;
    p.n = s.batch * s.inputs;
    p.k = s.out_channels * s.taps;
    p.groups = s.groups;
    p.a = cn_data<T>(weight);
    p.bias = cn_data<T>(bias);
    p.c = cn_data<T>(grad_x);
    p.a_group = p.m * p.k;
    p.b_group = s.out_channels * from.channel;
    p.c_group = p.m * to.channel;
    p.a_row = s.taps;
    p.c_row = to.channel;
    p.a_steps = {s.taps, p.m * s.taps, 1};
    p.c_columns = {s.inputs, to.image, to.position};
    set_taps(p.steps, s, from.channel, -1, false);
    p.columns.outer_pitch = from.image;
    p.image.data = cn_data<T>(grad_y);
    p.image.pitch = from.position;
    for (int d = 0; d < AXES; d++) {
        p.columns.extent[d] = s.input[d];
        p.columns.scale[d] = 1;
        p.columns.shift[d] = s.padding[d];
        p.image.extent[d] = s.output[d];
        p.image.stride[d] = s.stride[d];
    }
    return p;
}

template <class T, int AXES>
ConvProblem<T, AXES, false> make_conv_backward_filter(const ConvShape<AXES>& s, const CnTensor* grad_y,
                                                      const CnTensor* x, const CnTensor* grad_weight) {
    const ConvMemory gradient = ConvMemory::of(*grad_y), from = ConvMemory::of(*x);
    ConvProblem<T, AXES, false> p = {};
    p.m = s.out_channels;
    p.n = s.in_channels * s.taps;
    p.k = s.batch * s.outputs;
    p.groups = s.groups;
    p.a = cn_data<T>(grad_y);
    p.bias = nullptr;
    p.c = cn_data<T>(grad_weight);
    p.a_group = p.m * gradient.channel;
    p.b_group = s.in_channels * from.channel;
    p.c_group = p.m * p.n;
    p.a_row = gradient.channel;
    p.c_row = p.n;
    p.a_steps = {s.outputs, gradient.image, gradient.position};
    p.c_columns = {p.n, 0, 1};
    set_taps(p.columns, s, from.channel, 1, true);
    set_outputs(p.steps, s, from.image, false);
    p.image.data = cn_data<T>(x);
    p.image.pitch = from.position;
    for (int d = 0; d < AXES; d++) p.image.extent[d] = s.input[d];
    return p;
}

}  // namespace cn

#endif
