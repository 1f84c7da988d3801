// sum, mean, max and argmax over any axes of a strided tensor. Partial results are joined in a fixed order, so a
// result has the same bits in every run.
//
// Variants
//   1  one thread per output: the textbook loop, for any strides; kept as the baseline.
//   2  one block, for short rows one warp, per output: its threads read neighbouring elements, so a dense row is read at the speed of memory, and
//      join what they have by shuffles. Rows that are long while outputs are few are cut into pieces, each a block of
//      its own; a second kernel joins the pieces.
//   3  32 neighbouring outputs per block: for a reduction over leading axes. The threads of a warp read neighbouring
//      columns, eight warps share the rows of a piece; pieces as in 2.
#include "device/block.cuh"
#include "device/index.cuh"

namespace {

constexpr int block = 256, tile_rows = 8;
constexpr int64_t elements_per_piece = 4096, most_pieces = 256, enough_blocks = 1024, one_warp = 512;

template <class A>
__device__ __forceinline__ A lowest() {
    return -INFINITY;
}
template <>
__device__ __forceinline__ int64_t lowest<int64_t>() {
    return INT64_MIN;
}

template <class T>
struct Sum {
    using Value = acc_t<T>;
    using Out = typename std::conditional<cn_is_floating<T>::value, T, int64_t>::type;
    __device__ static __forceinline__ Value none() { return Value(0); }
    __device__ static __forceinline__ Value take(T x, int64_t) { return to_acc(x); }
    __device__ static __forceinline__ Value join(Value a, Value b) { return a + b; }
    __device__ static __forceinline__ Out finish(Value v, int64_t) { return from_acc<Out>(v); }
};

template <class T>
struct Mean : Sum<T> {
    __device__ static __forceinline__ T finish(acc_t<T> v, int64_t n) {
        return from_acc<T>(v / static_cast<acc_t<T>>(n));
    }
};

template <class T>
struct Max {
    using Value = acc_t<T>;
    using Out = T;
    __device__ static __forceinline__ Value none() { return lowest<Value>(); }
    __device__ static __forceinline__ Value take(T x, int64_t) { return to_acc(x); }
    __device__ static __forceinline__ Value join(Value a, Value b) { return max_nan(a, b); }
    __device__ static __forceinline__ Out finish(Value v, int64_t) { return from_acc<Out>(v); }
};

template <class A>
struct Place {
    A value;
    int64_t index;
};

template <class T>
struct ArgMax {
    using Value = Place<acc_t<T>>;
    using Out = int64_t;
    __device__ static __forceinline__ Value none() { return {lowest<acc_t<T>>(), INT64_MAX}; }
    __device__ static __forceinline__ Value take(T x, int64_t index) { return {to_acc(x), index}; }
    __device__ static __forceinline__ Value join(const Value& a, const Value& b) {
        bool a_nan = a.value != a.value, b_nan = b.value != b.value;
        bool tie = a_nan ? b_nan : a.value == b.value;
        bool first = tie ? a.index < b.index : a_nan || a.value > b.value;
        return first ? a : b;
    }
    __device__ static __forceinline__ Out finish(const Value& v, int64_t) { return v.index; }
};

template <class A>
__device__ __forceinline__ A from_lane(A v, int distance) {
    return __shfl_xor_sync(full_warp, v, distance);
}
template <class A>
__device__ __forceinline__ Place<A> from_lane(Place<A> v, int distance) {
    return {__shfl_xor_sync(full_warp, v.value, distance), __shfl_xor_sync(full_warp, v.index, distance)};
}

template <class Op>
struct Join {
    template <class V>
    __device__ __forceinline__ V operator()(const V& a, const V& b) const {
        return Op::join(a, b);
    }
};

template <int BLOCK, class Op>
__device__ __forceinline__ typename Op::Value block_reduce(typename Op::Value v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) v = Op::join(v, from_lane(v, d));
    return cn::block_join<BLOCK>(v, Join<Op>());
}

// The tensor's axes, parted: `kept` gives an output's first element, `removed` the way from there to its others.
struct Parts {
    Strided kept, removed;
    int64_t pieces;
    int64_t outputs() const { return kept.numel; }
    __host__ __device__ int64_t begin(int64_t piece) const { return removed.numel * piece / pieces; }
};

template <class T, class Op>
__global__ void __launch_bounds__(block)
    reduce_v1(const T* __restrict__ input, typename Op::Out* __restrict__ output, Parts p) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (at >= p.kept.numel) return;
    const T* x = input + p.kept.offset(at);
    auto v = Op::none();
    for (int64_t i = 0; i < p.removed.numel; i++) v = Op::join(v, Op::take(x[p.removed.offset(i)], i));
    output[at] = Op::finish(v, p.removed.numel);
}

// Blocks are numbered piece by piece, so that partial results of one piece lie side by side.
template <class T, class Op, int BLOCK>
__global__ void __launch_bounds__(BLOCK) reduce_v2(const T* __restrict__ input, typename Op::Out* __restrict__ output,
                                                   typename Op::Value* partial, Parts p) {
    int64_t piece = blockIdx.x / p.kept.numel, at = blockIdx.x % p.kept.numel;
    const T* x = input + p.kept.offset(at);
    auto v = Op::none();
    int64_t end = p.begin(piece + 1);
#pragma unroll 4
    for (int64_t i = p.begin(piece) + threadIdx.x; i < end; i += BLOCK)
        v = Op::join(v, Op::take(x[p.removed.offset(i)], i));
    v = block_reduce<BLOCK, Op>(v);
    if (threadIdx.x != 0) return;
    if (partial)
        partial[blockIdx.x] = v;
    else
        output[at] = Op::finish(v, p.removed.numel);
}

template <class T, class Op>
__global__ void __launch_bounds__(block) reduce_v3(const T* __restrict__ input, typename Op::Out* __restrict__ output,
                                                   typename Op::Value* partial, Parts p, int64_t tiles) {
    int64_t piece = blockIdx.x / tiles;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int64_t at = blockIdx.x % tiles * 32 + lane;
    auto v = Op::none();
    if (at < p.kept.numel) {
        const T* x = input + p.kept.offset(at);
        int64_t end = p.begin(piece + 1);
#pragma unroll 4
        for (int64_t i = p.begin(piece) + warp; i < end; i += tile_rows)
            v = Op::join(v, Op::take(x[p.removed.offset(i)], i));
    }
    CN_SHARED(typename Op::Value, shared, [block]);
    shared[threadIdx.x] = v;
    __syncthreads();
    if (warp != 0 || at >= p.kept.numel) return;
    for (int w = 1; w < tile_rows; w++) v = Op::join(v, shared[w * 32 + lane]);
    if (partial)
        partial[piece * p.kept.numel + at] = v;
    else
        output[at] = Op::finish(v, p.removed.numel);
}

template <class Op>
__global__ void __launch_bounds__(block)
    join_pieces(const typename Op::Value* __restrict__ partial, typename Op::Out* __restrict__ output, Parts p) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (at >= p.kept.numel) return;
    auto v = partial[at];
    for (int64_t piece = 1; piece < p.pieces; piece++) v = Op::join(v, partial[piece * p.kept.numel + at]);
    output[at] = Op::finish(v, p.removed.numel);
}

Strided part(const CnTensor& input, const bool (&removed)[CN_MAX_RANK], bool wanted) {
    CnTensor some = input;
    some.rank = 0;
    for (int d = 0; d < input.rank; d++) {
        if (removed[d] != wanted) continue;
        some.shape[some.rank] = input.shape[d];
        some.strides[some.rank++] = input.strides[d];
    }
    return make_strided(some);
}

Parts part_axes(const CnCall* call) {
    const CnTensor& input = *cn_arg(call, 0);
    int64_t count;
    const int64_t* dims = cn_attr_ints(call, 0, &count);
    bool removed[CN_MAX_RANK];
    for (int d = 0; d < CN_MAX_RANK; d++) removed[d] = count == 0;
    for (int64_t i = 0; i < count; i++)
        if (input.rank > 0) removed[dims[i] < 0 ? dims[i] + input.rank : dims[i]] = true;
    Parts p = {part(input, removed, false), part(input, removed, true), 1};
    int64_t outputs = p.outputs() < 1 ? 1 : p.outputs();
    int64_t wanted = cn_ceil_div(enough_blocks, outputs), possible = cn_ceil_div(p.removed.numel, elements_per_piece);
    if (wanted < possible) possible = wanted;
    p.pieces = possible < 1 ? 1 : possible > most_pieces ? most_pieces : possible;
    return p;
}

int choose(const CnCall* call, const Parts& p) {
    if (call->variant != 0) return call->variant;
    bool rows = p.removed.rank == 0 || p.removed.strides[0][p.removed.rank - 1] == 1;
    bool columns = p.kept.rank > 0 && p.kept.strides[0][p.kept.rank - 1] == 1;
    if (p.removed.numel < 32 && !rows) return 1;
    return !rows && columns ? 3 : 2;
}

template <class T, class Op>
CnStatus reduce(const CnCall* call) {
    const T* input = cn_data<T>(cn_arg(call, 0));
    auto* output = cn_data<typename Op::Out>(cn_arg(call, 1));
    Parts p = part_axes(call);
    int64_t outputs = p.outputs(), tiles = cn_ceil_div(outputs, 32);
    auto* partial = p.pieces > 1 ? static_cast<typename Op::Value*>(call->workspace) : nullptr;
    switch (choose(call, p)) {
        case 1:
            return CN_LAUNCH(call, (reduce_v1<T, Op>), cn_ceil_div(outputs, block), block, 0, input, output, p);
        case 2:
            if (p.removed.numel <= one_warp)
                CN_TRY(CN_LAUNCH(call, (reduce_v2<T, Op, 32>), outputs * p.pieces, 32, 0, input, output, partial, p));
            else
                CN_TRY(CN_LAUNCH(call, (reduce_v2<T, Op, block>), outputs * p.pieces, block, 0, input, output, partial,
                                 p));
            break;
        case 3:
            CN_TRY(CN_LAUNCH(call, (reduce_v3<T, Op>), tiles * p.pieces, block, 0, input, output, partial, p, tiles));
            break;
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
    if (!partial) return CN_OK;
    return CN_LAUNCH(call, (join_pieces<Op>), cn_ceil_div(outputs, block), block, 0, partial, output, p);
}

// The largest partial result is a value and a place, 16 bytes.
int64_t workspace(const CnCall* call) {
    Parts p = part_axes(call);
    return p.pieces > 1 ? p.pieces * p.outputs() * 16 : 0;
}

template <template <class> class Op>
CnStatus launch_all(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_ALL(dtype, T, { return reduce<T, Op<T>>(call); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_sum(const CnCall* call) { return launch_all<Sum>(call); }
CnStatus launch_max(const CnCall* call) { return launch_all<Max>(call); }
CnStatus launch_argmax(const CnCall* call) { return launch_all<ArgMax>(call); }
CnStatus launch_mean(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_FLOATING(dtype, T, { return reduce<T, Mean<T>>(call); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

#define CN_REDUCTION_VARIANTS                                             \
    "one thread per output", "one block per output, long rows in pieces", \
        "32 neighbouring outputs per block, long columns in pieces"
CN_KERNEL(argmax, "input; dim: ints, keepdim: bool -> output", launch_argmax, workspace, CN_REDUCTION_VARIANTS);
CN_KERNEL(max, "input; dim: ints, keepdim: bool -> output", launch_max, workspace, CN_REDUCTION_VARIANTS);
CN_KERNEL(mean, "input; dim: ints, keepdim: bool -> output", launch_mean, workspace, CN_REDUCTION_VARIANTS);
CN_KERNEL(sum, "input; dim: ints, keepdim: bool -> output", launch_sum, workspace, CN_REDUCTION_VARIANTS);
