// Variant 4: implicit GEMM over images whose channels lie last in memory (N, H, W, C), on the tiles of variant 2. What
// neighbours in memory are then is channels of one position, so the depth is counted (tap, channel) instead of
// (channel, tap): each thread reads 16 bytes of channels at once, works out the place of a position once for them, and
// goes on to the next tap by counting. The weight, which is small, is first packed into that order. Tiles have the
// channels of the result where neighbours are stored, four per thread.
#ifndef CUDANET_KERNELS_CONV_CHANNELS_LAST_CUH
#define CUDANET_KERNELS_CONV_CHANNELS_LAST_CUH

#include "tiled.cuh"

namespace cn {

// Each thread reads one vector of either operand per step.
template <class T>
constexpr int channel_depth = 4 * Vec<T>::size;

template <int AXES>
int64_t conv_taps(const ConvPlaces<AXES>& places) {
    int64_t taps = 1;
    for (int d = 0; d < AXES; d++) taps *= places.extent[d];
    return taps;
}

// Whether vectors of channels can be read from the image, where `taps` counts through channels and positions.
template <class T, int AXES, bool DIVIDES>
bool reads_channels(const ConvProblem<T, AXES, DIVIDES>& p, const ConvPlaces<AXES>& taps, int64_t depth) {
    return taps.outer_pitch == 1 && p.image.pitch > 1 && depth / conv_taps(taps) % Vec<T>::size == 0 &&
           cn_vectorizes<T>(p.image.data, p.image.pitch);
}
template <bool FILTER, class T, int AXES, bool DIVIDES>
bool has_channels_last(const ConvProblem<T, AXES, DIVIDES>& p) {
    if (FILTER) return p.a_row == 1 && reads_channels(p, p.columns, p.n);
    return reads_channels(p, p.steps, p.k);
}

// packed[group, row, (tap, channel)] = a[group, row, (channel, tap)].
template <class T, int AXES, bool DIVIDES>
__global__ void __launch_bounds__(256)
    conv_pack(ConvProblem<T, AXES, DIVIDES> p, int32_t taps, int64_t count, T* __restrict__ packed) {
    const int32_t depth = static_cast<int32_t>(p.k), channels = depth / taps;
    for (int64_t at = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x; at < count; at += 256LL * gridDim.x) {
        int64_t line = at / depth, group = line / p.m, row = line - group * p.m;
        int32_t k = static_cast<int32_t>(at - line * depth), tap = k / channels, channel = k - tap * channels;
        packed[at] = p.a[group * p.a_group + row * p.a_row + p.a_steps.at(channel * taps + tap)];
    }
}

// tile[k][i] = image at column first + i of B and step k, for consecutive k: a vector of channels, then the next tap's.
template <class T, int AXES, bool DIVIDES>
struct ChannelsByDepth {
    static constexpr int V = Vec<T>::size, depth = channel_depth<T>;
    using Place = ConvPlace<AXES, int32_t>;

    const ConvProblem<T, AXES, DIVIDES>* p;
    const T* from;
    int32_t channels, channel, k;
    bool is_column;
    int32_t tap[AXES];
    Place place;
    Vec<T> held;

    __device__ __forceinline__ ChannelsByDepth(const ConvProblem<T, AXES, DIVIDES>* of, int64_t group, int64_t first,
                                               int32_t channels_)
        : p(of), from(of->image.data + group * of->b_group), channels(channels_), tap() {
        int64_t column = first + static_cast<int>(threadIdx.x) / (depth / V);
        k = channel = static_cast<int>(threadIdx.x) % (depth / V) * V;
        is_column = column < p->n;
        place = p->columns.at(static_cast<int32_t>(column));
    }
    __device__ __forceinline__ void fetch(int64_t) {
        while (channel >= channels) {
            channel -= channels;
            bool carry = true;
#pragma unroll
            for (int d = AXES - 1; d >= 0; d--) {
                tap[d] += carry ? 1 : 0;
                carry = carry && tap[d] == static_cast<int32_t>(p->steps.extent[d]);
                if (carry) tap[d] = 0;
            }
        }
        Place step;
        step.offset = channel;
#pragma unroll
        for (int d = 0; d < AXES; d++)
            step.at[d] = tap[d] * static_cast<int32_t>(p->steps.scale[d]) + static_cast<int32_t>(p->steps.shift[d]);
        int64_t found = is_column && k < p->k ? p->image.find(place, step) : -1;
        if (found >= 0) {
            held = load_vec(from + found);
        } else {
#pragma unroll
            for (int e = 0; e < V; e++) held.at[e] = from_acc<T>(0);
        }
        k += depth;
        channel += depth;
    }
    __device__ __forceinline__ void put(acc_t<T> (&tile)[depth][conv_side + 4]) const {
        const int i = static_cast<int>(threadIdx.x) / (depth / V),
                  own_k = static_cast<int>(threadIdx.x) % (depth / V) * V;
#pragma unroll
        for (int e = 0; e < V; e++) tile[own_k + e][i] = to_acc(held.at[e]);
    }
};

// tile[k][i] = image at column first + i of B, counted (tap, channel), and step k, for consecutive columns.
template <class T, int AXES>
struct ChannelsBySide {
    static constexpr int V = Vec<T>::size, depth = channel_depth<T>, vectors = conv_side / V;

    const ConvProblem<T, AXES, false>* p;
    const T* from;
    int64_t begin, end;
    bool is_column;
    ConvPlace<AXES, int32_t> place;
    Vec<T> held;

    template <class Number>
    __device__ __forceinline__ ChannelsBySide(const ConvProblem<T, AXES, false>* of, const ConvTile& tile,
                                              Number number)
        : p(of), from(of->image.data + tile.group * of->b_group), begin(tile.begin), end(tile.end) {
        int64_t column = tile.column + static_cast<int>(threadIdx.x) % vectors * V;
        is_column = column < p->n;
        place = p->columns.at(number(static_cast<int32_t>(column)));
    }
    __device__ __forceinline__ void fetch(int64_t k0) {
        int64_t k = begin + k0 + static_cast<int>(threadIdx.x) / vectors;
        int64_t found = -1;
        if (is_column && k < end) found = p->image.find(place, p->steps.at(static_cast<int32_t>(k)));
        if (found >= 0) {
            held = load_vec(from + found);
        } else {
#pragma unroll
            for (int e = 0; e < V; e++) held.at[e] = from_acc<T>(0);
        }
    }
    __device__ __forceinline__ void put(acc_t<T> (&tile)[depth][conv_side + 4]) const {
        const int i = static_cast<int>(threadIdx.x) % vectors * V, k = static_cast<int>(threadIdx.x) / vectors;
#pragma unroll
        for (int e = 0; e < V; e++) tile[k][i + e] = to_acc(held.at[e]);
    }
};

// Four neighbours at once.
template <class T>
__device__ __forceinline__ void store_four(T* to, const acc_t<T> (&values)[4]) {
    struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) Four {
        T at[4];
    } four;
#pragma unroll
    for (int e = 0; e < 4; e++) four.at[e] = from_acc<T>(values[e]);
    *reinterpret_cast<Four*>(to) = four;
}

// Forward and backward data. The rows of C are channels; `wide` says that four of them are stored at once.
template <class T, int AXES, bool DIVIDES>
__global__ void __launch_bounds__(conv_threads) conv_v4(ConvProblem<T, AXES, DIVIDES> p, ConvTiles tiles,
                                                        const T* __restrict__ packed, int32_t channels, bool wide) {
    using A = acc_t<T>;
    constexpr int depth = channel_depth<T>, across = conv_side / conv_own;
    CN_SHARED(A, image_tile, [2][depth][conv_side + 4]);
    CN_SHARED(A, weight_tile, [2][depth][conv_side + 4]);
    const int tx = threadIdx.x % across, ty = threadIdx.x / across;
    for (int64_t at = blockIdx.x; at < tiles.count; at += gridDim.x) {
        const ConvTile tile = tiles.at(at, p.k);
        ChannelsByDepth<T, AXES, DIVIDES> image(&p, tile.group, tile.column, channels);
        StripLoader<T, conv_side, depth, conv_threads> weight;
        weight.begin(packed + (tile.group * p.m + tile.row) * p.k, p.k, 1, p.m - tile.row, p.k);
        A sums[conv_own][conv_own] = {};
        multiply_tile<conv_side>(image, weight, p.k, image_tile, weight_tile, sums);
        const int64_t row = tile.row + spread<conv_side, conv_own>(tx, 0);
        if (row >= p.m) continue;
#pragma unroll
        for (int i = 0; i < conv_own; i++) {
            int64_t column = tile.column + spread<conv_side, conv_own>(ty, i);
            if (column >= p.n) continue;
            int64_t offset = p.c_columns.at(static_cast<int32_t>(column));
            if (wide) {
                A values[4];
#pragma unroll
                for (int j = 0; j < 4; j++)
                    values[j] = sums[i][j] + (p.bias ? to_acc(p.bias[tile.group * p.m + row + j]) : A(0));
                store_four(p.c + tile.group * p.c_group + offset + row, values);
            } else {
#pragma unroll
                for (int j = 0; j < conv_own; j++)
                    if (row + j < p.m) p.put(tile.group, row + j, offset, sums[i][j]);
            }
        }
    }
}

template <class T, int AXES>
__global__ void __launch_bounds__(conv_threads)
    conv_filter_v4(ConvProblem<T, AXES, false> p, ConvTiles tiles, int32_t taps, acc_t<T>* part_sums) {
    using A = acc_t<T>;
    constexpr int depth = channel_depth<T>;
    CN_SHARED(A, a_tile, [2][depth][conv_side + 4]);
    CN_SHARED(A, b_tile, [2][depth][conv_side + 4]);
    const int32_t channels = static_cast<int32_t>(p.n) / taps;
    auto number = [=](int32_t column) {
        int32_t tap = column / channels;
        return (column - tap * channels) * taps + tap;
    };
    // The gradient's positions follow each other at equal steps, from image to image too.
    const int64_t position = p.a_steps.outer_pitch / p.a_steps.inner;
    for (int64_t at = blockIdx.x; at < tiles.count; at += gridDim.x) {
        const ConvTile tile = tiles.at(at, p.k);
        StripLoader<T, conv_side, depth, conv_threads> gradient;
        gradient.begin(p.a + tile.group * p.a_group + tile.begin * position + tile.row, 1, position, p.m - tile.row,
                       tile.end - tile.begin);
        ChannelsBySide<T, AXES> image(&p, tile, number);
        A sums[conv_own][conv_own] = {};
        multiply_tile<conv_side>(gradient, image, tile.end - tile.begin, a_tile, b_tile, sums);
        store_conv_tile(p, tile, part_sums, sums, number);
    }
}

template <class T, int AXES, bool DIVIDES>
CnStatus launch_conv_v4(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p) {
    auto tiles = ConvTiles::of(p, 1);
    int64_t count = p.groups * p.m * p.k, taps = conv_taps(p.steps);
    if (tiles.count == 0) return CN_OK;
    if (call->workspace_bytes < count * static_cast<int64_t>(sizeof(T)))
        return cn_fail(call, CN_INVALID_ARGUMENT, "variant 4 packs the weight into a workspace of its size");
    T* packed = static_cast<T*>(call->workspace);
    CN_TRY(CN_LAUNCH(call, (conv_pack<T, AXES, DIVIDES>), cn_ceil_div(count, 256), 256, 0, p,
                     static_cast<int32_t>(taps), count, packed));
    bool wide = p.c_row == 1 && p.m % 4 == 0 && reinterpret_cast<uintptr_t>(p.c) % 16 == 0;
    return CN_LAUNCH(call, (conv_v4<T, AXES, DIVIDES>), tiles.count < INT32_MAX ? tiles.count : INT32_MAX, conv_threads,
                     0, p, tiles, packed, static_cast<int32_t>(p.k / taps), wide);
}

template <class T, int AXES>
CnStatus launch_conv_filter_v4(const CnCall* call, const ConvProblem<T, AXES, false>& p) {
    const int32_t taps = static_cast<int32_t>(conv_taps(p.columns));
    return launch_conv_parts<T>(call, p, conv_parts(p), [&](auto grid, const auto& tiles, auto* sums) {
        return CN_LAUNCH(call, (conv_filter_v4<T, AXES>), grid, conv_threads, 0, p, tiles, taps, sums);
    });
}

}  // namespace cn

#endif
