// Attention as the kernels of both directions see it: where the matrices of one head lie, which query sees which key, and
// which weights dropout keeps. An item is one matrix of the query; `group` items in a row share a matrix of key and value.
#ifndef CUDANET_KERNELS_ATTENTION_ATTENTION_CUH
#define CUDANET_KERNELS_ATTENTION_ATTENTION_CUH

#include "../device/index.cuh"
#include "../device/philox.cuh"
#include "../device/vec.cuh"
#include "../device/warp.cuh"

namespace cn {

// Rows and columns of a strided matrix.
template <class T>
struct Matrix {
    const T* data;
    int64_t row, col;

    __device__ __forceinline__ acc_t<T> at(int64_t i, int64_t j) const { return to_acc(data[i * row + j * col]); }
    __device__ __forceinline__ Matrix shifted(int64_t offset) const { return {data + offset, row, col}; }
};

// Operands whose place depends on the item by strides of their own.
enum { attention_query, attention_key, attention_value, attention_mask, attention_gradient, attention_output };
constexpr int attention_operands = 6;

// The matrices of one item, and how many of its keys may be seen.
template <class T>
struct AttentionItem {
    Matrix<T> query, key, value, gradient, output;
    const void* mask;
    int64_t index, keys;
};

template <class T>
struct Attention {
    using A = acc_t<T>;

    Matrix<T> query, key, value, gradient, output;
    const void* mask;  // may be null; added to the scores, or true where a query sees a key
    int64_t mask_row, mask_col;
    bool mask_is_bool, causal;
    const int64_t* key_lengths;  // may be null
    int64_t items_per_length;
    RandomState random;
    uint32_t threshold;  // of 2^24: random numbers below it drop a weight
    A kept_scale, scale;
    int64_t items, group, queries, keys, size, value_size;
    const A* logsumexp;       // the backward's; contiguous
    const A* grad_logsumexp;  // may be null
    bool wide;                // rows of all matrices can be read 16 bytes at a time
    Walk<attention_operands> walk;

    __device__ __forceinline__ AttentionItem<T> item(int64_t index) const {
        int64_t at[attention_operands];
        walk.offsets(index, at);
        const char* mask_at = static_cast<const char*>(mask);
        if (mask) mask_at += at[attention_mask] * static_cast<int64_t>(mask_is_bool ? sizeof(bool) : sizeof(T));
        int64_t length = key_lengths ? key_lengths[index / items_per_length] : keys;
        return {query.shifted(at[attention_query]),
                key.shifted(at[attention_key]),
                value.shifted(at[attention_value]),
                gradient.shifted(at[attention_gradient]),
                output.shifted(at[attention_output]),
                mask_at,
                index,
                min(length, keys)};
    }

    // The keys before the result are those that a query may see, but for the mask.
    __device__ __forceinline__ int64_t seen(const AttentionItem<T>& item, int64_t query) const {
        return causal ? min(item.keys, query + 1) : item.keys;
    }

    // The score of a query and a key that it may see, from their inner product.
    __device__ __forceinline__ A score(const AttentionItem<T>& item, int64_t query, int64_t key, A product) const {
        A score = product * scale;
        if (!mask) return score;
        int64_t at = query * mask_row + key * mask_col;
        if (mask_is_bool) return static_cast<const bool*>(item.mask)[at] ? score : A(-INFINITY);
        return score + to_acc(static_cast<const T*>(item.mask)[at]);
    }

    // exp(score - logsumexp); nothing is seen where that is -inf.
    __device__ __forceinline__ static A weight(A score, A logsumexp) {
        return logsumexp == A(-INFINITY) ? A(0) : exp(score - logsumexp);
    }

    __device__ __forceinline__ bool drops() const { return threshold > 0; }

    // Bit i tells whether dropout keeps the weight of key 4 * quad + i. Rows take whole counters.
    __device__ __forceinline__ unsigned kept(const AttentionItem<T>& item, int64_t query, int64_t quad) const {
        int64_t counters_per_row = (keys + 3) / 4;
        uint4 words = random.words((item.index * queries + query) * counters_per_row + quad);
        return (words.x >> 8 >= threshold ? 1u : 0u) | (words.y >> 8 >= threshold ? 2u : 0u) |
               (words.z >> 8 >= threshold ? 4u : 0u) | (words.w >> 8 >= threshold ? 8u : 0u);
    }

    // What dropout multiplies the weight of one key by.
    __device__ __forceinline__ A factor(const AttentionItem<T>& item, int64_t query, int64_t key) const {
        if (!drops()) return A(1);
        return kept(item, query, key / 4) >> key % 4 & 1 ? kept_scale : A(0);
    }
};

// ---- Reading a call (host) -----------------------------------------------------------------------------------------

// The axes before the matrices of an operand, as (..., key heads, group), aligned with the query's. An absent operand
// lies at 0.
inline CnTensor attention_leading(const CnTensor* operand, const CnTensor& query, int64_t key_heads, int64_t group) {
    CnTensor leading = {};
    int axes = query.rank - 2;
    leading.rank = axes + 1;
    for (int d = 0; d < axes; d++) {
        int own = operand ? d - (query.rank - operand->rank) : -1;
        leading.shape[d] = own < 0 ? 1 : operand->shape[own];
        leading.strides[d] = own < 0 ? 0 : operand->strides[own];
    }
    int heads = axes - 1;  // the last of them; without one there is neither a head nor a group
    leading.shape[axes] = 1;
    if (axes == 0) return leading;
    if (leading.shape[heads] == key_heads * group) {
        leading.shape[heads] = key_heads;
        leading.shape[axes] = group;
        leading.strides[axes] = leading.strides[heads];
        leading.strides[heads] *= group;
    }
    return leading;
}

template <class T>
Matrix<T> attention_matrix(const CnTensor* tensor) {
    if (!tensor) return {nullptr, 0, 0};
    return {cn_data<const T>(tensor), tensor->strides[tensor->rank - 2], tensor->strides[tensor->rank - 1]};
}

// Whether every row of an operand begins at a multiple of 16 bytes and holds whole vectors.
template <class T>
bool attention_is_wide(const CnTensor* tensor) {
    if (!tensor) return true;
    if (!cn_vectorizes<T>(tensor->data, tensor->shape[tensor->rank - 1])) return false;
    for (int d = 0; d < tensor->rank - 1; d++)
        if (tensor->shape[d] > 1 && tensor->strides[d] % Vec<T>::size != 0) return false;
    return tensor->strides[tensor->rank - 1] == 1;
}

// The inputs from the query on have the numbers first, first + 1, ...; gradient and output may be null.
template <class T>
Attention<T> attention_of(const CnCall* call, int first, const CnTensor* gradient, const CnTensor* output) {
    const CnTensor *query = cn_arg(call, first), *key = cn_arg(call, first + 1), *value = cn_arg(call, first + 2);
    const CnTensor *mask = cn_arg(call, first + 3), *lengths = cn_arg(call, first + 4);
    double p = cn_attr_float(call, 1), scale = cn_attr_float(call, 2);
    Attention<T> a;
    memset(&a, 0, sizeof a);
    a.query = attention_matrix<T>(query);
    a.key = attention_matrix<T>(key);
    a.value = attention_matrix<T>(value);
    a.gradient = attention_matrix<T>(gradient);
    a.output = attention_matrix<T>(output);
    a.queries = query->shape[query->rank - 2];
    a.keys = key->shape[key->rank - 2];
    a.size = query->shape[query->rank - 1];
    a.value_size = value->shape[value->rank - 1];
    int64_t key_heads = 1;
    a.group = a.items = 1;
    for (int d = 0; d < query->rank - 2; d++) a.items *= query->shape[d];
    if (query->rank > 2) {
        key_heads = key->shape[key->rank - 3];
        a.group = key_heads > 0 ? query->shape[query->rank - 3] / key_heads : 1;
    }
    if (mask) {
        a.mask = mask->data;
        a.mask_is_bool = mask->dtype == CN_BOOL;
        if (mask->rank > 0 && mask->shape[mask->rank - 1] > 1) a.mask_col = mask->strides[mask->rank - 1];
        if (mask->rank > 1 && mask->shape[mask->rank - 2] > 1) a.mask_row = mask->strides[mask->rank - 2];
    }
    if (lengths && cn_numel(*lengths) > 0) {
        a.key_lengths = cn_data<const int64_t>(lengths);
        a.items_per_length = a.items / cn_numel(*lengths);
    }
    a.causal = cn_attr_bool(call, 0);
    a.random = {cn_data<const int64_t>(cn_arg(call, first + 5)), cn_attr_int(call, 3)};
    a.threshold = static_cast<uint32_t>(ceil(p * (1 << 24)));
    a.kept_scale = static_cast<acc_t<T>>(p < 1 ? 1 / (1 - p) : 0);
    a.scale = static_cast<acc_t<T>>(scale != scale ? 1 / sqrt(static_cast<double>(a.size)) : scale);
    a.wide = attention_is_wide<T>(query) && attention_is_wide<T>(key) && attention_is_wide<T>(value) &&
             attention_is_wide<T>(gradient);
    CnTensor leading[attention_operands] = {
        attention_leading(query, *query, key_heads, a.group),    attention_leading(key, *query, key_heads, a.group),
        attention_leading(value, *query, key_heads, a.group),    attention_leading(mask, *query, key_heads, a.group),
        attention_leading(gradient, *query, key_heads, a.group), attention_leading(output, *query, key_heads, a.group)};
    a.walk = make_walk<attention_operands>(
        leading[0], {&leading[0], &leading[1], &leading[2], &leading[3], &leading[4], &leading[5]});
    return a;
}

constexpr int64_t largest_tiled_head = 128;

// Chooses a variant of one direction: D::naive<T>(call), or D::tiled<T, HEAD>(call) for the smallest HEAD that serves.
template <class D, class T>
CnStatus launch_attention_tiled(const CnCall* call, int64_t head) {
    if (head <= 32) return D::template tiled<T, 32>(call);
    if (head <= 64) return D::template tiled<T, 64>(call);
    return D::template tiled<T, largest_tiled_head>(call);
}
template <class D>
CnStatus launch_attention(const CnCall* call, int first) {
    const CnTensor *query = cn_arg(call, first), *value = cn_arg(call, first + 2);
    int64_t size = query->shape[query->rank - 1], value_size = value->shape[value->rank - 1];
    int64_t head = size > value_size ? size : value_size;
    int32_t dtype = query->dtype, variant = call->variant;
    bool tiles = dtype != CN_F64 && head <= largest_tiled_head;
    if (variant == 0) variant = tiles ? 2 : 1;
    if (variant == 1) {
        CN_DISPATCH_FLOATING(dtype, T, { return D::template naive<T>(call); });
        return cn_unsupported_dtype(call, dtype);
    }
    if (variant != 2) return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", variant);
    if (!tiles)
        return cn_fail(call, CN_UNSUPPORTED, "variant 2 takes f32, f16 and bf16 and head sizes up to %lld, not %lld",
                       static_cast<long long>(largest_tiled_head), static_cast<long long>(head));
    switch (dtype) {
        CN_DISPATCH_CASE(CN_F32, T, float, { return (launch_attention_tiled<D, T>(call, head)); })
        CN_DISPATCH_CASE(CN_F16, T, cn_half, { return (launch_attention_tiled<D, T>(call, head)); })
        CN_DISPATCH_CASE(CN_BF16, T, cn_bf16, { return (launch_attention_tiled<D, T>(call, head)); })
        default:
            return cn_unsupported_dtype(call, dtype);
    }
}

}  // namespace cn

#endif
