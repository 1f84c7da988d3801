// Variant 2 of both directions: a block for each tile of queries, or of keys, which walks the tiles of the other side.
#ifndef CUDANET_KERNELS_ATTENTION_TILED_CUH
#define CUDANET_KERNELS_ATTENTION_TILED_CUH

#include "tile.cuh"

namespace cn {

template <int HEAD>
using ForwardTiles = AttentionTiles<64, (HEAD > 64 ? 32 : 64), HEAD>;
template <int HEAD>
using BackwardTiles = AttentionTiles<(HEAD > 64 ? 32 : 64), (HEAD > 64 ? 32 : 64), HEAD>;

template <int HEAD>
constexpr int64_t forward_floats = ForwardTiles<HEAD>::QueryTile::floats + 2 * ForwardTiles<HEAD>::KeyTile::floats +
                                   ForwardTiles<HEAD>::Weights::floats;
template <int HEAD, int WEIGHTS>
constexpr int64_t backward_floats =
    2 * BackwardTiles<HEAD>::QueryTile::floats + 2 * BackwardTiles<HEAD>::KeyTile::floats +
    WEIGHTS* BackwardTiles<HEAD>::Weights::floats;

template <class T, int HEAD>
__global__ void __launch_bounds__(attention_threads)
    attention_v2(Attention<T> a, T* __restrict__ output, float* __restrict__ logsumexp) {
    using S = ForwardTiles<HEAD>;
    constexpr int columns = S::KeyTile::columns_per_thread;
    CN_DYNAMIC_SHARED(float, shared);
    SharedTiles room = {shared};
    auto query = room.take<typename S::QueryTile>();
    auto key = room.take<typename S::KeyTile>(), value = room.take<typename S::KeyTile>();
    auto weights = room.take<typename S::Weights>();
    int64_t tiles = (a.queries + S::queries - 1) / S::queries;
    int64_t first_query = blockIdx.x % tiles * S::queries;
    AttentionItem<T> item = a.item(blockIdx.x / tiles);
    query.load(item.query, first_query, a.queries, a.size, a.wide);
    int depth = static_cast<int>((a.size + 3) / 4 * 4);
    float top[S::rows], total[S::rows], sums[S::rows][columns];
#pragma unroll
    for (int r = 0; r < S::rows; r++) {
        top[r] = -INFINITY;
        total[r] = 0.0f;
#pragma unroll
        for (int n = 0; n < columns; n++) sums[r][n] = 0.0f;
    }
    int64_t end = a.seen(item, first_query + S::queries - 1);  // no query of the tile sees more
    for (int64_t first_key = 0; first_key < end; first_key += S::keys) {
        __syncthreads();  // the tiles before have been read
        key.load(item.key, first_key, end, a.size, a.wide);
        value.load(item.value, first_key, end, a.value_size, a.wide);
        __syncthreads();
        typename S::Scores scores;
        S::products(query, key, depth, scores);
#pragma unroll
        for (int r = 0; r < S::rows; r++) {
            int64_t i = first_query + S::row(r);
            int64_t seen = i < a.queries ? a.seen(item, i) : 0;
            float larger = top[r];
#pragma unroll
            for (int c = 0; c < S::cols; c++) {
                int64_t j = first_key + S::col(c);
                scores[r][c] = j < seen ? a.score(item, i, j, scores[r][c]) : -INFINITY;
                larger = max_nan(larger, scores[r][c]);
            }
            larger = row_max(larger);
            // While nothing is seen the difference would be NaN; the exponents are then 0 on purpose.
            float base = larger == -INFINITY ? 0.0f : larger;
            float shrink = exp(top[r] - base), factor[S::cols];
            S::factors(a, item, i, first_key, factor);
            top[r] = larger;
            total[r] *= shrink;
#pragma unroll
            for (int n = 0; n < columns; n++) sums[r][n] *= shrink;
#pragma unroll
            for (int c = 0; c < S::cols; c++) {
                float weight = exp(scores[r][c] - base);
                total[r] += weight;
                S::put(weights, r, c, weight * factor[c]);
            }
        }
        __syncwarp();  // a row's weights are written and read by one warp
        S::add_weighted(weights, value, sums);
    }
#pragma unroll
    for (int r = 0; r < S::rows; r++) {
        int64_t i = first_query + S::row(r), row = item.index * a.queries + i;
        float sum = row_sum(total[r]);
        if (i >= a.queries) continue;
#pragma unroll
        for (int n = 0; n < columns; n++) {
            int e = S::KeyTile::column(n);
            if (e < a.value_size) output[row * a.value_size + e] = from_acc<T>(sum == 0.0f ? 0.0f : sums[r][n] / sum);
        }
        if (threadIdx.x % 16 == 0) logsumexp[row] = top[r] + log(sum);  // -inf + -inf where nothing is seen
    }
}

// The weights of a thread's scores and the slopes of the scores, made in place from the two kinds of inner product.
template <class S, class T>
__device__ __forceinline__ void slopes_of(const Attention<T>& a, const AttentionItem<T>& item, int64_t first_query,
                                          int64_t first_key, const float* __restrict__ delta,
                                          typename S::Scores& weights, typename S::Scores& slopes) {
#pragma unroll
    for (int r = 0; r < S::rows; r++) {
        int64_t i = first_query + S::row(r), row = item.index * a.queries + i;
        bool exists = i < a.queries;
        int64_t seen = exists ? a.seen(item, i) : 0;
        float lse = exists ? a.logsumexp[row] : 0.0f, own_delta = exists ? delta[row] : 0.0f, factor[S::cols];
        S::factors(a, item, i, first_key, factor);
#pragma unroll
        for (int c = 0; c < S::cols; c++) {
            int64_t j = first_key + S::col(c);
            float weight = j < seen ? a.weight(a.score(item, i, j, weights[r][c]), lse) : 0.0f;
            weights[r][c] = weight * factor[c];
            slopes[r][c] = weight * (factor[c] * slopes[r][c] - own_delta);
        }
    }
}

template <class T, int HEAD>
__global__ void __launch_bounds__(attention_threads)
    attention_backward_query_v2(Attention<T> a, const float* __restrict__ delta, T* __restrict__ grad_query) {
    using S = BackwardTiles<HEAD>;
    constexpr int columns = S::KeyTile::columns_per_thread;
    CN_DYNAMIC_SHARED(float, shared);
    SharedTiles room = {shared};
    auto query = room.take<typename S::QueryTile>(), gradient = room.take<typename S::QueryTile>();
    auto key = room.take<typename S::KeyTile>(), value = room.take<typename S::KeyTile>();
    auto slopes = room.take<typename S::Weights>();
    int64_t tiles = (a.queries + S::queries - 1) / S::queries;
    int64_t first_query = blockIdx.x % tiles * S::queries;
    AttentionItem<T> item = a.item(blockIdx.x / tiles);
    query.load(item.query, first_query, a.queries, a.size, a.wide);
    gradient.load(item.gradient, first_query, a.queries, a.value_size, a.wide);
    int depth = static_cast<int>((a.size + 3) / 4 * 4), value_depth = static_cast<int>((a.value_size + 3) / 4 * 4);
    float sums[S::rows][columns] = {};
    int64_t end = a.seen(item, first_query + S::queries - 1);  // no query of the tile sees more
    for (int64_t first_key = 0; first_key < end; first_key += S::keys) {
        __syncthreads();  // the tiles before have been read
        key.load(item.key, first_key, end, a.size, a.wide);
        value.load(item.value, first_key, end, a.value_size, a.wide);
        __syncthreads();
        typename S::Scores weight, slope;
        S::products(query, key, depth, weight);
        S::products(gradient, value, value_depth, slope);
        slopes_of<S>(a, item, first_query, first_key, delta, weight, slope);
#pragma unroll
        for (int r = 0; r < S::rows; r++)
#pragma unroll
            for (int c = 0; c < S::cols; c++) S::put(slopes, r, c, slope[r][c]);
        __syncwarp();  // a row's slopes are written and read by one warp
        S::add_weighted(slopes, key, sums);
    }
#pragma unroll
    for (int r = 0; r < S::rows; r++) {
        int64_t i = first_query + S::row(r);
        if (i >= a.queries) continue;
#pragma unroll
        for (int n = 0; n < columns; n++) {
            int e = S::KeyTile::column(n);
            if (e < a.size) grad_query[(item.index * a.queries + i) * a.size + e] = from_acc<T>(a.scale * sums[r][n]);
        }
    }
}

// One block for each tile of keys: it walks the queries of all heads that share the keys, in order, so sums repeat bit for
// bit.
template <class T, int HEAD>
__global__ void __launch_bounds__(attention_threads)
    attention_backward_key_v2(Attention<T> a, const float* __restrict__ delta, T* __restrict__ grad_key,
                              T* __restrict__ grad_value) {
    using S = BackwardTiles<HEAD>;
    constexpr int columns = S::QueryTile::columns_per_thread;
    CN_DYNAMIC_SHARED(float, shared);
    SharedTiles room = {shared};
    auto query = room.take<typename S::QueryTile>(), gradient = room.take<typename S::QueryTile>();
    auto key = room.take<typename S::KeyTile>(), value = room.take<typename S::KeyTile>();
    auto weights = room.take<typename S::Weights>(), slopes = room.take<typename S::Weights>();
    int64_t tiles = (a.keys + S::keys - 1) / S::keys;
    int64_t first_key = blockIdx.x % tiles * S::keys, key_item = blockIdx.x / tiles;
    AttentionItem<T> item = a.item(key_item * a.group);
    key.load(item.key, first_key, a.keys, a.size, a.wide);
    value.load(item.value, first_key, a.keys, a.value_size, a.wide);
    int depth = static_cast<int>((a.size + 3) / 4 * 4), value_depth = static_cast<int>((a.value_size + 3) / 4 * 4);
    float key_sums[S::cols][columns] = {}, value_sums[S::cols][columns] = {};
    int64_t start = a.causal ? first_key / S::queries * S::queries : 0;  // earlier queries see none of these keys
    for (int64_t member = 0; member < a.group; member++) {
        item = a.item(key_item * a.group + member);
        if (first_key >= item.keys) continue;  // the whole block
        for (int64_t first_query = start; first_query < a.queries; first_query += S::queries) {
            __syncthreads();  // the tiles before have been read
            query.load(item.query, first_query, a.queries, a.size, a.wide);
            gradient.load(item.gradient, first_query, a.queries, a.value_size, a.wide);
            __syncthreads();
            typename S::Scores weight, slope;
            S::products(query, key, depth, weight);
            S::products(gradient, value, value_depth, slope);
            slopes_of<S>(a, item, first_query, first_key, delta, weight, slope);
#pragma unroll
            for (int r = 0; r < S::rows; r++)
#pragma unroll
                for (int c = 0; c < S::cols; c++) {
                    S::put(weights, r, c, weight[r][c]);
                    S::put(slopes, r, c, slope[r][c]);
                }
            __syncthreads();
            S::add_transposed(weights, gradient, value_sums);
            S::add_transposed(slopes, query, key_sums);
        }
    }
#pragma unroll
    for (int c = 0; c < S::cols; c++) {
        int64_t j = first_key + threadIdx.x / 16 * S::cols + c, row = key_item * a.keys + j;
        if (j >= a.keys) continue;
#pragma unroll
        for (int n = 0; n < columns; n++) {
            int e = S::QueryTile::column(n);
            if (e < a.size) grad_key[row * a.size + e] = from_acc<T>(a.scale * key_sums[c][n]);
            if (e < a.value_size) grad_value[row * a.value_size + e] = from_acc<T>(value_sums[c][n]);
        }
    }
}

}  // namespace cn

#endif
