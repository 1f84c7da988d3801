// Variant 3: few channels per group, as depthwise convolutions have, for which tiles of a matrix product would stay
// empty.
//
// Forward and backward data: a block serves one group. The taps' weights and places are worked out once per block and
// kept in shared memory; a thread takes one column, reads each of its operands once for all rows, and where its whole
// window lies inside of the image, which is nearly everywhere, it neither compares coordinates nor divides.
// Backward filter: a block takes a part of the depth and nine elements of one row of the gradient, as a 3 x 3 kernel
// has, which its threads sum up side by side in registers; the parts are joined in order.
#ifndef CUDANET_KERNELS_CONV_DEPTHWISE_CUH
#define CUDANET_KERNELS_CONV_DEPTHWISE_CUH

#include "../device/warp.cuh"
#include "tiled.cuh"

namespace cn {

constexpr int depthwise_block = 256, depthwise_rows = 4, depthwise_taps = 128, depthwise_sums = 9;

// Whether a group has so few rows, or sums, that tiles would stay empty.
template <class P>
bool has_few_channels(const P& p) {
    return p.m <= depthwise_rows && p.k <= depthwise_taps;
}
template <class P>
bool has_few_sums(const P& p) {
    return p.m < 8 || p.n < 8;
}

// How far the taps reach around a position.
template <int AXES>
struct ConvReach {
    int32_t low[AXES], high[AXES];

    static ConvReach of(const ConvPlaces<AXES>& taps) {
        ConvReach reach;
        for (int d = 0; d < AXES; d++) {
            int64_t first = taps.shift[d], last = first + (taps.extent[d] - 1) * taps.scale[d];
            reach.low[d] = static_cast<int32_t>(first < last ? first : last);
            reach.high[d] = static_cast<int32_t>(first < last ? last : first);
        }
        return reach;
    }
};

template <class T, int AXES, bool DIVIDES, int ROWS>
__global__ void __launch_bounds__(depthwise_block)
    conv_v3(ConvProblem<T, AXES, DIVIDES> p, ConvReach<AXES> reach, int64_t chunks) {
    using A = acc_t<T>;
    using Place = ConvPlace<AXES, int32_t>;
    CN_SHARED(A, weights, [ROWS][depthwise_taps]);
    CN_SHARED(Place, taps, [depthwise_taps]);
    CN_SHARED(int64_t, offsets, [depthwise_taps]);  // from an operand's place to the tap's, inside of the image
    const int rows = static_cast<int>(p.m), depth = static_cast<int>(p.k);
    int64_t group = blockIdx.x / chunks, chunk = blockIdx.x - group * chunks;
    for (int k = threadIdx.x; k < depth; k += depthwise_block) {
        const T* a = p.a + group * p.a_group + p.a_steps.at(k);
        for (int row = 0; row < rows; row++) weights[row][k] = to_acc(a[row * p.a_row]);
        Place tap = p.steps.at(static_cast<int32_t>(k));
        int64_t position = 0;
#pragma unroll
        for (int d = 0; d < AXES; d++) position = position * p.image.extent[d] + tap.at[d];
        taps[k] = tap;
        offsets[k] = tap.offset + position * p.image.pitch;
    }
    __syncthreads();
    const T* image = p.image.data + group * p.b_group;
    for (int64_t column = chunk * depthwise_block + threadIdx.x; column < p.n; column += chunks * depthwise_block) {
        Place place = p.columns.at(static_cast<int32_t>(column));
        bool inside = !DIVIDES;
        int64_t within = 0;
#pragma unroll
        for (int d = 0; d < AXES; d++) {
            inside = inside && place.at[d] + reach.low[d] >= 0 && place.at[d] + reach.high[d] < p.image.extent[d];
            within = within * p.image.extent[d] + place.at[d];
        }
        A sums[ROWS] = {};
        if (inside) {
            const T* from = image + place.offset + within * p.image.pitch;
            for (int k = 0; k < depth; k++) {
                A b = to_acc(from[offsets[k]]);
#pragma unroll
                for (int row = 0; row < ROWS; row++)
                    if (row < rows) sums[row] += weights[row][k] * b;
            }
        } else {
#pragma unroll 1
            for (int k = 0; k < depth; k++) {
                A b = to_acc(p.image.get(image, place, taps[k]));
#pragma unroll
                for (int row = 0; row < ROWS; row++)
                    if (row < rows) sums[row] += weights[row][k] * b;
            }
        }
        int64_t offset = p.c_columns.at(static_cast<int32_t>(column));
#pragma unroll
        for (int row = 0; row < ROWS; row++)
            if (row < rows) p.put(group, row, offset, sums[row]);
    }
}

template <class T, int AXES, bool DIVIDES>
CnStatus launch_conv_v3(const CnCall* call, const ConvProblem<T, AXES, DIVIDES>& p) {
    auto reach = ConvReach<AXES>::of(p.steps);
    int64_t chunks = cn_ceil_div(p.n, 4 * depthwise_block), grid = p.groups * chunks;
    if (grid > INT32_MAX) return cn_fail(call, CN_UNSUPPORTED, "variant 3 numbers its blocks in 32 bits");
    if (p.m == 1) return CN_LAUNCH(call, (conv_v3<T, AXES, DIVIDES, 1>), grid, depthwise_block, 0, p, reach, chunks);
    return CN_LAUNCH(call, (conv_v3<T, AXES, DIVIDES, depthwise_rows>), grid, depthwise_block, 0, p, reach, chunks);
}

// How the weight's gradient is divided: pieces of nine elements of a row, and parts of the depth, enough for a thousand
// blocks, each with at least 2048 steps.
struct DepthwiseParts {
    int64_t pieces, parts;

    template <class P>
    static DepthwiseParts of(const P& p) {
        int64_t pieces = cn_ceil_div(p.n, depthwise_sums), blocks = p.groups * p.m * pieces;
        int64_t most = p.k / 2048, wanted = blocks ? 1024 / blocks : 1;
        int64_t parts = wanted < most ? wanted : most;
        return {pieces, parts < 1 ? 1 : parts};
    }
};

template <class T, int AXES>
__global__ void __launch_bounds__(depthwise_block)
    conv_filter_v3(ConvProblem<T, AXES, false> p, DepthwiseParts d, acc_t<T>* part_sums) {
    using A = acc_t<T>;
    using Place = ConvPlace<AXES, int32_t>;
    constexpr int warps = depthwise_block / 32;
    CN_SHARED(Place, taps, [depthwise_sums]);
    CN_SHARED(A, shared, [warps][depthwise_sums]);
    int64_t line = blockIdx.x / d.pieces, first = (blockIdx.x - line * d.pieces) * depthwise_sums;
    int64_t at = line / p.m, row = line - at * p.m, part = at / p.groups, group = at - part * p.groups;
    const int count = static_cast<int>(min(p.n - first, static_cast<int64_t>(depthwise_sums)));
    const int own = static_cast<int>(threadIdx.x);
    if (own < count) taps[own] = p.columns.at(static_cast<int32_t>(first + own));
    __syncthreads();
    const T* a = p.a + group * p.a_group + row * p.a_row;
    const T* image = p.image.data + group * p.b_group;
    A sums[depthwise_sums] = {};
    int64_t end = p.k * (part + 1) / d.parts;
    for (int64_t k = p.k * part / d.parts + own; k < end; k += depthwise_block) {
        Place step = p.steps.at(static_cast<int32_t>(k));
        A value = to_acc(a[p.a_steps.at(static_cast<int32_t>(k))]);
#pragma unroll
        for (int i = 0; i < depthwise_sums; i++)
            if (i < count) sums[i] += value * to_acc(p.image.get(image, taps[i], step));
    }
#pragma unroll
    for (int i = 0; i < depthwise_sums; i++) {
        A sum = warp_sum(sums[i]);
        if (own % 32 == 0) shared[own / 32][i] = sum;
    }
    __syncthreads();
    if (own >= count) return;
    A sum = shared[0][own];
#pragma unroll
    for (int w = 1; w < warps; w++) sum += shared[w][own];
    if (part_sums)
        part_sums[((part * p.groups + group) * p.m + row) * p.n + first + own] = sum;
    else
        p.put(group, row, p.c_columns.at(static_cast<int32_t>(first + own)), sum);
}

template <class T, int AXES>
CnStatus launch_conv_filter_v3(const CnCall* call, const ConvProblem<T, AXES, false>& p) {
    auto d = DepthwiseParts::of(p);
    int64_t count = p.groups * p.m * p.n;
    acc_t<T>* sums = nullptr;
    CN_TRY(conv_part_sums<T>(call, d.parts, count, &sums));
    CN_TRY(CN_LAUNCH(call, (conv_filter_v3<T, AXES>), d.parts * p.groups * p.m * d.pieces, depthwise_block, 0, p, d,
                     sums));
    return join_conv_parts<T>(call, sums, p.c, count, d.parts);
}

}  // namespace cn

#endif
