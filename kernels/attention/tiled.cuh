// Variant 2 of both directions: tiles of queries and keys in shared memory as f32, and register tiles.
//
// 256 threads stand 16 x 16 over a tile of scores. A thread owns R neighbouring rows (queries 16 threads share) and every
// 16th column: its loads of keys then fall into different banks, rows being padded by four words, and its queries are
// broadcast. Rows belong to half a warp, so that maxima and sums of rows are shuffles, and weights that are read by the
// rows that wrote them need no barrier. The products with weights read shared memory four numbers at a time: 8 loads for
// 64 multiply-adds.
//
// Head sizes are rounded up to 32, 64 or 128; what is beyond the size is zero in the tiles.
#ifndef CUDANET_KERNELS_ATTENTION_TILED_CUH
#define CUDANET_KERNELS_ATTENTION_TILED_CUH

#include "attention.cuh"

namespace cn {

constexpr int attention_threads = 256;

template <int N>
struct Floats {
    float at[N];
};
// N neighbouring floats of shared memory, aligned to their size: 2, or a multiple of 4.
template <int N>
__device__ __forceinline__ Floats<N> load_floats(const float* from) {
    Floats<N> v;
    if (N == 2) {
        float2 pair = *reinterpret_cast<const float2*>(from);
        v.at[0] = pair.x;
        v.at[N - 1] = pair.y;
    } else {
#pragma unroll
        for (int i = 0; i < N / 4; i++) {
            float4 four = *reinterpret_cast<const float4*>(from + 4 * i);
            v.at[4 * i] = four.x;
            v.at[4 * i + 1] = four.y;
            v.at[4 * i + 2] = four.z;
            v.at[4 * i + 3] = four.w;
        }
    }
    return v;
}

// A tile of rows of up to HEAD columns.
template <int ROWS_, int HEAD>
struct HeadTile {
    static constexpr int rows = ROWS_, stride = HEAD + 4;
    static constexpr int floats = rows * stride;
    static constexpr int columns_per_thread = HEAD / 16;
    // Of a thread's columns, this many lie side by side; the next ones are 64 further.
    static constexpr int side_by_side = columns_per_thread < 4 ? columns_per_thread : 4;

    float* data;

    __device__ __forceinline__ static int column(int n) {
        return static_cast<int>(threadIdx.x) % 16 * side_by_side + n / side_by_side * 64 + n % side_by_side;
    }

    // Rows from `first` to before `end` of a matrix; zeros below and to the right of it.
    template <class T>
    __device__ __forceinline__ void load(const Matrix<T>& from, int64_t first, int64_t end, int64_t columns,
                                         bool wide) {
        if (wide) {
            constexpr int vectors = HEAD / Vec<T>::size;
            for (int n = threadIdx.x; n < rows * vectors; n += attention_threads) {
                int row = n / vectors, col = n % vectors * Vec<T>::size;
                Vec<T> v = {};
                if (first + row < end && col < columns) v = load_vec(from.data + (first + row) * from.row + col);
#pragma unroll
                for (int i = 0; i < Vec<T>::size; i += 4)
                    *reinterpret_cast<float4*>(data + row * stride + col + i) =
                        make_float4(to_acc(v.at[i]), to_acc(v.at[i + 1]), to_acc(v.at[i + 2]), to_acc(v.at[i + 3]));
            }
            return;
        }
        for (int n = threadIdx.x; n < rows * HEAD; n += attention_threads) {
            int row = n / HEAD, col = n % HEAD;
            data[row * stride + col] = first + row < end && col < columns ? from.at(first + row, col) : 0.0f;
        }
    }
};

// A tile of weights: one row for each query.
template <int QUERIES, int KEYS>
struct WeightTile {
    static constexpr int stride = KEYS + 4;
    static constexpr int floats = QUERIES * stride;
    float* data;
};

// What a kernel's tiles are: queries and keys of one step, and how many of each a thread has.
template <int QUERIES_, int KEYS_, int HEAD>
struct AttentionTiles {
    static constexpr int queries = QUERIES_, keys = KEYS_;
    static constexpr int rows = queries / 16, cols = keys / 16;
    using QueryTile = HeadTile<queries, HEAD>;
    using KeyTile = HeadTile<keys, HEAD>;
    using Weights = WeightTile<queries, keys>;
    using Scores = float[rows][cols];

    __device__ __forceinline__ static int row(int r) { return static_cast<int>(threadIdx.x) / 16 * rows + r; }
    __device__ __forceinline__ static int col(int c) { return static_cast<int>(threadIdx.x) % 16 + 16 * c; }

    // The inner products of a thread's rows and columns; depth is a multiple of 4.
    __device__ __forceinline__ static void products(const QueryTile& a, const KeyTile& b, int depth, Scores& out) {
#pragma unroll
        for (int r = 0; r < rows; r++)
#pragma unroll
            for (int c = 0; c < cols; c++) out[r][c] = 0.0f;
        const float* a_row = a.data + row(0) * QueryTile::stride;
        const float* b_row = b.data + col(0) * KeyTile::stride;
#pragma unroll 2
        for (int e = 0; e < depth; e += 4) {
            Floats<4> x[rows], y[cols];
#pragma unroll
            for (int r = 0; r < rows; r++) x[r] = load_floats<4>(a_row + r * QueryTile::stride + e);
#pragma unroll
            for (int c = 0; c < cols; c++) y[c] = load_floats<4>(b_row + 16 * c * KeyTile::stride + e);
#pragma unroll
            for (int k = 0; k < 4; k++)
#pragma unroll
                for (int r = 0; r < rows; r++)
#pragma unroll
                    for (int c = 0; c < cols; c++) out[r][c] += x[r].at[k] * y[c].at[k];
        }
    }

    __device__ __forceinline__ static void put(const Weights& weights, int r, int c, float value) {
        weights.data[row(r) * Weights::stride + col(c)] = value;
    }

    // sums += weights * tile, for a thread's rows: those that it has in the scores too.
    __device__ __forceinline__ static void add_weighted(const Weights& weights, const KeyTile& tile,
                                                        float (&sums)[rows][KeyTile::columns_per_thread]) {
        constexpr int side = KeyTile::side_by_side;
        const float* w_row = weights.data + row(0) * Weights::stride;
#pragma unroll 2
        for (int j = 0; j < keys; j += 4) {
            Floats<4> w[rows];
#pragma unroll
            for (int r = 0; r < rows; r++) w[r] = load_floats<4>(w_row + r * Weights::stride + j);
#pragma unroll
            for (int k = 0; k < 4; k++)
#pragma unroll
                for (int n = 0; n < KeyTile::columns_per_thread; n += side) {
                    Floats<side> x = load_floats<side>(tile.data + (j + k) * KeyTile::stride + KeyTile::column(n));
#pragma unroll
                    for (int r = 0; r < rows; r++)
#pragma unroll
                        for (int i = 0; i < side; i++) sums[r][n + i] += w[r].at[k] * x.at[i];
                }
        }
    }

    // sums += transposed weights * tile: a thread's rows are keys, `cols` neighbouring ones.
    __device__ __forceinline__ static void add_transposed(const Weights& weights, const QueryTile& tile,
                                                          float (&sums)[cols][QueryTile::columns_per_thread]) {
        constexpr int side = QueryTile::side_by_side;
        const float* w_col = weights.data + threadIdx.x / 16 * cols;
#pragma unroll 2
        for (int i = 0; i < queries; i++) {
            Floats<cols> w = load_floats<cols>(w_col + i * Weights::stride);
#pragma unroll
            for (int n = 0; n < QueryTile::columns_per_thread; n += side) {
                Floats<side> x = load_floats<side>(tile.data + i * QueryTile::stride + QueryTile::column(n));
#pragma unroll
                for (int c = 0; c < cols; c++)
#pragma unroll
                    for (int k = 0; k < side; k++) sums[c][n + k] += w.at[c] * x.at[k];
            }
        }
    }

    // What dropout multiplies a row's weights by. Four neighbouring lanes hold the columns of one counter for each c, so
    // lane number c of the four draws it and hands it round.
    template <class T>
    __device__ __forceinline__ static void factors(const Attention<T>& a, const AttentionItem<T>& item, int64_t query,
                                                   int64_t first_key, float (&factor)[cols]) {
        if (!a.drops()) {
#pragma unroll
            for (int c = 0; c < cols; c++) factor[c] = 1.0f;
            return;
        }
        int lane = threadIdx.x % 32, of_four = lane % 4;
        unsigned own = a.kept(item, query, first_key / 4 + of_four * 4 + lane % 16 / 4);
#pragma unroll
        for (int c = 0; c < cols; c++) {
            unsigned bits = __shfl_sync(full_warp, own, lane - of_four + c);
            factor[c] = bits >> of_four & 1 ? a.kept_scale : 0.0f;
        }
    }
};

// The maximum and the sum over the 16 threads that share rows.
__device__ __forceinline__ float row_max(float v) {
#pragma unroll
    for (int d = 8; d > 0; d >>= 1) v = max_nan(v, __shfl_xor_sync(full_warp, v, d));
    return v;
}
__device__ __forceinline__ float row_sum(float v) {
#pragma unroll
    for (int d = 8; d > 0; d >>= 1) v += __shfl_xor_sync(full_warp, v, d);
    return v;
}

// The tiles of shared memory, one behind the other.
struct SharedTiles {
    float* next;
    template <class Tile>
    __device__ __forceinline__ Tile take() {
        Tile tile = {next};
        next += Tile::floats;
        return tile;
    }
};

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
