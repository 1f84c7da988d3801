// Reductions over any axes of a strided tensor, whatever is reduced. Partial results are joined in a fixed order, so a
// result has the same bits in every run. A kernel file says what is reduced:
//
//   struct Op {
//       using Value = ...;                       // a partial result, trivially copyable
//       using Out = ...;
//       Value none() const;                      // of no elements
//       Value take(T x, int64_t index) const;    // of one; `index` counts the elements of one output
//       Value join(const Value&, const Value&) const;
//       Out finish(const Value&, int64_t n) const;
//   };
//
// and calls cn::reduce<T>(call, Op{...}), the axes being attribute 0.
//
// Variants
//   1  one thread per output: the textbook loop, for any strides; kept as the baseline.
//   2  one block, for short rows one warp, per output: its threads read neighbouring elements, so a dense row is read at the speed of memory, and
//      join what they have by shuffles. Rows that are long while outputs are few are cut into pieces, each a block of
//      its own; a second kernel joins the pieces.
//   3  32 neighbouring outputs per block: for a reduction over leading axes. The threads of a warp read neighbouring
//      columns, eight warps share the rows of a piece; pieces as in 2.
#ifndef CUDANET_KERNELS_DEVICE_REDUCE_CUH
#define CUDANET_KERNELS_DEVICE_REDUCE_CUH

#include "block.cuh"
#include "index.cuh"

#define CN_REDUCTION_VARIANTS                                             \
    "one thread per output", "one block per output, long rows in pieces", \
        "32 neighbouring outputs per block, long columns in pieces"

namespace cn {

constexpr int reduce_block = 256, reduce_rows = 8;
constexpr int64_t elements_per_piece = 4096, most_pieces = 256, enough_blocks = 1024, one_warp = 512;

template <class Op>
struct JoinBy {
    Op op;
    template <class V>
    __device__ __forceinline__ V operator()(const V& a, const V& b) const {
        return op.join(a, b);
    }
};

template <int BLOCK, class Op>
__device__ __forceinline__ typename Op::Value block_reduce(const Op& op, typename Op::Value v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v = op.join(v, lane_xor(v, d));
    return block_join<BLOCK>(v, JoinBy<Op>{op});
}

// The tensor's axes, parted: `kept` gives an output's first element, `removed` the way from there to its others.
struct ReduceParts {
    Strided kept, removed;
    int64_t pieces;
    int64_t outputs() const { return kept.numel; }
    __host__ __device__ int64_t begin(int64_t piece) const { return removed.numel * piece / pieces; }
};

template <class T, class Op>
__global__ void __launch_bounds__(reduce_block)
    reduce_v1(const T* __restrict__ input, typename Op::Out* __restrict__ output, ReduceParts p, Op op) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * reduce_block + threadIdx.x;
    if (at >= p.kept.numel) return;
    const T* x = input + p.kept.offset(at);
    auto v = op.none();
    for (int64_t i = 0; i < p.removed.numel; i++) v = op.join(v, op.take(x[p.removed.offset(i)], i));
    output[at] = op.finish(v, p.removed.numel);
}

// Blocks are numbered piece by piece, so that partial results of one piece lie side by side.
template <class T, class Op, int BLOCK>
__global__ void __launch_bounds__(BLOCK) reduce_v2(const T* __restrict__ input, typename Op::Out* __restrict__ output,
                                                   typename Op::Value* partial, ReduceParts p, Op op) {
    int64_t piece = blockIdx.x / p.kept.numel, at = blockIdx.x % p.kept.numel;
    const T* x = input + p.kept.offset(at);
    auto v = op.none();
    int64_t end = p.begin(piece + 1);
#pragma unroll 4
    for (int64_t i = p.begin(piece) + threadIdx.x; i < end; i += BLOCK)
        v = op.join(v, op.take(x[p.removed.offset(i)], i));
    v = block_reduce<BLOCK>(op, v);
    if (threadIdx.x != 0) return;
    if (partial)
        partial[blockIdx.x] = v;
    else
        output[at] = op.finish(v, p.removed.numel);
}

template <class T, class Op>
__global__ void __launch_bounds__(reduce_block)
    reduce_v3(const T* __restrict__ input, typename Op::Out* __restrict__ output, typename Op::Value* partial,
              ReduceParts p, int64_t tiles, Op op) {
    int64_t piece = blockIdx.x / tiles;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int64_t at = blockIdx.x % tiles * 32 + lane;
    auto v = op.none();
    if (at < p.kept.numel) {
        const T* x = input + p.kept.offset(at);
        int64_t end = p.begin(piece + 1);
#pragma unroll 4
        for (int64_t i = p.begin(piece) + warp; i < end; i += reduce_rows)
            v = op.join(v, op.take(x[p.removed.offset(i)], i));
    }
    CN_SHARED(typename Op::Value, shared, [reduce_block]);
    shared[threadIdx.x] = v;
    __syncthreads();
    if (warp != 0 || at >= p.kept.numel) return;
    for (int w = 1; w < reduce_rows; w++) v = op.join(v, shared[w * 32 + lane]);
    if (partial)
        partial[piece * p.kept.numel + at] = v;
    else
        output[at] = op.finish(v, p.removed.numel);
}

template <class Op>
__global__ void __launch_bounds__(reduce_block)
    join_pieces(const typename Op::Value* __restrict__ partial, typename Op::Out* __restrict__ output, ReduceParts p,
                Op op) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * reduce_block + threadIdx.x;
    if (at >= p.kept.numel) return;
    auto v = partial[at];
    for (int64_t piece = 1; piece < p.pieces; piece++) v = op.join(v, partial[piece * p.kept.numel + at]);
    output[at] = op.finish(v, p.removed.numel);
}

inline Strided reduce_part(const CnTensor& input, const bool (&removed)[CN_MAX_RANK], bool wanted) {
    CnTensor some = input;
    some.rank = 0;
    for (int d = 0; d < input.rank; d++) {
        if (removed[d] != wanted) continue;
        some.shape[some.rank] = input.shape[d];
        some.strides[some.rank++] = input.strides[d];
    }
    return make_strided(some);
}

inline ReduceParts reduce_parts(const CnCall* call) {
    const CnTensor& input = *cn_arg(call, 0);
    int64_t count;
    const int64_t* dims = cn_attr_ints(call, 0, &count);
    bool removed[CN_MAX_RANK];
    for (int d = 0; d < CN_MAX_RANK; d++) removed[d] = count == 0;
    for (int64_t i = 0; i < count; i++)
        if (input.rank > 0) removed[dims[i] < 0 ? dims[i] + input.rank : dims[i]] = true;
    ReduceParts p = {reduce_part(input, removed, false), reduce_part(input, removed, true), 1};
    int64_t outputs = p.outputs() < 1 ? 1 : p.outputs();
    int64_t wanted = cn_ceil_div(enough_blocks, outputs), possible = cn_ceil_div(p.removed.numel, elements_per_piece);
    if (wanted < possible) possible = wanted;
    p.pieces = possible < 1 ? 1 : possible > most_pieces ? most_pieces : possible;
    return p;
}

inline int reduce_variant(const CnCall* call, const ReduceParts& p) {
    if (call->variant != 0) return call->variant;
    bool rows = p.removed.rank == 0 || p.removed.strides[0][p.removed.rank - 1] == 1;
    bool columns = p.kept.rank > 0 && p.kept.strides[0][p.kept.rank - 1] == 1;
    if (p.removed.numel < 32 && !rows) return 1;
    return !rows && columns ? 3 : 2;
}

template <class T, class Op>
CnStatus reduce(const CnCall* call, Op op) {
    const T* input = cn_data<T>(cn_arg(call, 0));
    auto* output = cn_data<typename Op::Out>(cn_arg(call, 1));
    static_assert(sizeof(typename Op::Value) <= 24, "the workspace has room for this much");
    ReduceParts p = reduce_parts(call);
    int64_t outputs = p.outputs(), tiles = cn_ceil_div(outputs, 32);
    auto* partial = p.pieces > 1 ? static_cast<typename Op::Value*>(call->workspace) : nullptr;
    switch (reduce_variant(call, p)) {
        case 1:
            return CN_LAUNCH(call, (reduce_v1<T, Op>), cn_ceil_div(outputs, reduce_block), reduce_block, 0, input,
                             output, p, op);
        case 2:
            if (p.removed.numel <= one_warp)
                CN_TRY(
                    CN_LAUNCH(call, (reduce_v2<T, Op, 32>), outputs * p.pieces, 32, 0, input, output, partial, p, op));
            else
                CN_TRY(CN_LAUNCH(call, (reduce_v2<T, Op, reduce_block>), outputs * p.pieces, reduce_block, 0, input,
                                 output, partial, p, op));
            break;
        case 3:
            CN_TRY(CN_LAUNCH(call, (reduce_v3<T, Op>), tiles * p.pieces, reduce_block, 0, input, output, partial, p,
                             tiles, op));
            break;
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
    if (!partial) return CN_OK;
    return CN_LAUNCH(call, (join_pieces<Op>), cn_ceil_div(outputs, reduce_block), reduce_block, 0, partial, output, p,
                     op);
}

// The largest partial result is that of a variance: three doubles.
inline int64_t reduce_workspace(const CnCall* call) {
    ReduceParts p = reduce_parts(call);
    return p.pieces > 1 ? p.pieces * p.outputs() * 24 : 0;
}

}  // namespace cn

#endif
