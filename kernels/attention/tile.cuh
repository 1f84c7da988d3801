// Tiles of queries and keys in shared memory as f32, and the register tiles that threads make of them.
//
// 256 threads stand 16 x 16 over a tile of scores. A thread owns R neighbouring rows (queries 16 threads share) and every
// 16th column: its loads of keys then fall into different banks, rows being padded by four words, and its queries are
// broadcast. Rows belong to half a warp, so that maxima and sums of rows are shuffles, and weights that are read by the
// rows that wrote them need no barrier. The products with weights read shared memory four numbers at a time: 8 loads for
// 64 multiply-adds.
//
// Head sizes are rounded up to 32, 64 or 128; what is beyond the size is zero in the tiles.
#ifndef CUDANET_KERNELS_ATTENTION_TILE_CUH
#define CUDANET_KERNELS_ATTENTION_TILE_CUH

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

}  // namespace cn

#endif
