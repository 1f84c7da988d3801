// cumsum, cumprod, logcumsumexp: what comes of the first elements up to each one, along an axis of a contiguous tensor
// (outer, n, inner). linear_recurrence: h[k] = coefficient[k] h[k - 1] + input[k]. All four join neighbouring
// stretches by an associative rule, and always in the same order, so a result has the same bits in every run.
//
// Variants
//   1  one thread per line: the textbook loop. Where lines lie side by side (inner > 1) the threads of a warp read
//      neighbouring addresses, and with many lines it is the variant of choice.
//   2  one block per line: each thread scans four neighbours, shuffles join the threads' results, and what came before
//      is carried from one tile of 1024 elements to the next. For long lines.
//   3  several blocks per line, for lines that are long while there are few: one kernel joins each piece, a second
//      scans the pieces' results, a third scans inside the pieces. The data is read twice, but by the whole device.
#include "device/running.cuh"

namespace {

constexpr int block = 256, per_thread = 4, tile = block * per_thread;
constexpr int64_t elements_per_piece = 4096, most_pieces = 256, enough_blocks = 1024, short_line = 64;

struct Lines {
    int64_t count, n, inner, pieces;
    bool reverse;
    __device__ __forceinline__ int64_t at(int64_t line, int64_t k) const {
        return line / inner * n * inner + line % inner + (reverse ? n - 1 - k : k) * inner;
    }
    __device__ __forceinline__ int64_t begin(int64_t piece) const { return n * piece / pieces; }
};

template <class T>
using Wide = typename std::conditional<cn_is_floating<T>::value, T, int64_t>::type;

template <class T>
struct CumSum {
    using Value = acc_t<T>;
    const T* input;
    Wide<T>* output;
    __device__ __forceinline__ Value none() const { return Value(0); }
    __device__ __forceinline__ Value take(int64_t at) const { return to_acc(input[at]); }
    __device__ __forceinline__ Value join(Value a, Value b) const { return a + b; }
    __device__ __forceinline__ void put(int64_t at, Value v) const { output[at] = from_acc<Wide<T>>(v); }
};

template <class T>
struct CumProd {
    using Value = acc_t<T>;
    const T* input;
    Wide<T>* output;
    __device__ __forceinline__ Value none() const { return Value(1); }
    __device__ __forceinline__ Value take(int64_t at) const { return to_acc(input[at]); }
    __device__ __forceinline__ float join(float a, float b) const { return a * b; }
    __device__ __forceinline__ double join(double a, double b) const { return a * b; }
    // Products of integers wrap, which only unsigned ones may.
    __device__ __forceinline__ int64_t join(int64_t a, int64_t b) const {
        return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    }
    __device__ __forceinline__ void put(int64_t at, Value v) const { output[at] = from_acc<Wide<T>>(v); }
};

template <class T>
struct LogCumSumExp {
    using Value = Running<acc_t<T>>;
    const T* input;
    T* output;
    __device__ __forceinline__ Value none() const { return Value::none(); }
    __device__ __forceinline__ Value take(int64_t at) const { return {to_acc(input[at]), acc_t<T>(1)}; }
    __device__ __forceinline__ Value join(const Value& a, const Value& b) const { return JoinRunning()(a, b); }
    __device__ __forceinline__ void put(int64_t at, const Value& v) const { output[at] = from_acc<T>(v.log_sum()); }
};

// A stretch of the recurrence turns h into factor h + term.
template <class A>
struct Step {
    A factor, term;
};

template <class T>
struct LinearRecurrence {
    using Value = Step<acc_t<T>>;
    const T* input;
    const T* coefficient;
    T* output;
    __device__ __forceinline__ Value none() const { return {acc_t<T>(1), acc_t<T>(0)}; }
    __device__ __forceinline__ Value take(int64_t at) const { return {to_acc(coefficient[at]), to_acc(input[at])}; }
    __device__ __forceinline__ Value join(const Value& a, const Value& b) const {
        return {a.factor * b.factor, b.factor * a.term + b.term};
    }
    __device__ __forceinline__ void put(int64_t at, const Value& v) const { output[at] = from_acc<T>(v.term); }
};

template <class Op>
__global__ void __launch_bounds__(block) scan_v1(Op op, Lines lines) {
    int64_t line = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (line >= lines.count) return;
    auto v = op.none();
    for (int64_t k = 0; k < lines.n; k++) {
        int64_t at = lines.at(line, k);
        v = op.join(v, op.take(at));
        op.put(at, v);
    }
}

// What the threads before this one hold, joined; all threads call. `total` is what all hold.
template <class Op>
__device__ __forceinline__ typename Op::Value join_before(const Op& op, typename Op::Value v,
                                                          typename Op::Value* total) {
    CN_SHARED(typename Op::Value, warps, [block / 32]);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        auto below = lane_below(v, d);
        if (lane >= d) v = op.join(below, v);
    }
    if (lane == 31) warps[warp] = v;
    auto before = lane_below(v, 1);
    if (lane == 0) before = op.none();
    __syncthreads();
    auto earlier = op.none(), all = warps[0];
    for (int w = 0; w < warp; w++) earlier = op.join(earlier, warps[w]);
    for (int w = 1; w < block / 32; w++) all = op.join(all, warps[w]);
    *total = all;
    __syncthreads();  // before the next call writes
    return op.join(earlier, before);
}

// One block per piece. Without WRITE it only joins its elements, into ends[piece]; with it, ends[piece - 1] is what came
// before, where there are several pieces.
template <class Op, bool WRITE>
__global__ void __launch_bounds__(block) scan_pieces(Op op, Lines lines, typename Op::Value* ends) {
    int64_t line = blockIdx.x / lines.pieces, piece = blockIdx.x % lines.pieces;
    int64_t last = lines.begin(piece + 1);
    auto carried = WRITE && piece > 0 ? ends[blockIdx.x - 1] : op.none();
    for (int64_t first = lines.begin(piece); first < last; first += tile) {
        int64_t own = first + threadIdx.x * per_thread;
        typename Op::Value held[per_thread];
        auto v = op.none();
#pragma unroll
        for (int j = 0; j < per_thread; j++) {
            if (own + j < last) v = op.join(v, op.take(lines.at(line, own + j)));
            held[j] = v;
        }
        typename Op::Value total;
        auto before = op.join(carried, join_before(op, v, &total));
        if (WRITE) {
#pragma unroll
            for (int j = 0; j < per_thread; j++)
                if (own + j < last) op.put(lines.at(line, own + j), op.join(before, held[j]));
        }
        carried = op.join(carried, total);
    }
    if (!WRITE && threadIdx.x == 0) ends[blockIdx.x] = carried;
}

template <class Op>
__global__ void __launch_bounds__(block) scan_ends(Op op, Lines lines, typename Op::Value* ends) {
    int64_t line = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (line >= lines.count) return;
    auto v = ends[line * lines.pieces];
    for (int64_t piece = 1; piece < lines.pieces; piece++) {
        v = op.join(v, ends[line * lines.pieces + piece]);
        ends[line * lines.pieces + piece] = v;
    }
}

Lines make_lines(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    int64_t dim = cn_attr_int(call, 0);
    if (dim < 0) dim += input->rank;
    Lines lines = {1, 1, 1, 1, cn_attr_bool(call, 1)};
    for (int d = 0; d < input->rank; d++) {
        (d == dim ? lines.n : lines.count) *= input->shape[d];
        if (d > dim) lines.inner *= input->shape[d];
    }
    int64_t wanted = cn_ceil_div(enough_blocks, lines.count < 1 ? 1 : lines.count);
    int64_t possible = cn_ceil_div(lines.n, elements_per_piece);
    if (wanted < possible) possible = wanted;
    lines.pieces = possible < 1 ? 1 : possible > most_pieces ? most_pieces : possible;
    return lines;
}

int choose(const CnCall* call, const Lines& lines) {
    if (call->variant != 0) return call->variant;
    if (lines.pieces > 1) return 3;
    return lines.n <= short_line || lines.inner >= 32 ? 1 : 2;
}

template <class Op>
CnStatus scan(const CnCall* call, Op op) {
    Lines lines = make_lines(call);
    if (lines.n == 0) return CN_OK;
    int64_t grid = cn_ceil_div(lines.count, block);
    auto* ends = static_cast<typename Op::Value*>(call->workspace);
    switch (choose(call, lines)) {
        case 1:
            return CN_LAUNCH(call, (scan_v1<Op>), grid, block, 0, op, lines);
        case 2:
            lines.pieces = 1;
            return CN_LAUNCH(call, (scan_pieces<Op, true>), lines.count, block, 0, op, lines, ends);
        case 3:
            if (lines.pieces > 1) {
                CN_TRY(
                    CN_LAUNCH(call, (scan_pieces<Op, false>), lines.count * lines.pieces, block, 0, op, lines, ends));
                CN_TRY(CN_LAUNCH(call, (scan_ends<Op>), grid, block, 0, op, lines, ends));
            }
            return CN_LAUNCH(call, (scan_pieces<Op, true>), lines.count * lines.pieces, block, 0, op, lines, ends);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

// The largest value is two doubles.
int64_t workspace(const CnCall* call) {
    Lines lines = make_lines(call);
    return lines.pieces > 1 ? lines.count * lines.pieces * 16 : 0;
}

template <template <class> class Op>
CnStatus launch_any(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    CN_DISPATCH_ALL(input->dtype, T, { return scan(call, Op<T>{cn_data<const T>(input), cn_data<Wide<T>>(output)}); });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus launch_logcumsumexp(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return scan(call, LogCumSumExp<T>{cn_data<const T>(input), cn_data<T>(output)});
    });
    return cn_unsupported_dtype(call, input->dtype);
}

CnStatus launch_linear_recurrence(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *coefficient = cn_arg(call, 1), *output = cn_arg(call, 2);
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return scan(call,
                    LinearRecurrence<T>{cn_data<const T>(input), cn_data<const T>(coefficient), cn_data<T>(output)});
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

#define CN_SCAN_VARIANTS "one thread per line", "one block per line", "several blocks per long line, in two levels"
CN_KERNEL(cumprod, "input; dim: int, reverse: bool -> output", launch_any<CumProd>, workspace, CN_SCAN_VARIANTS);
CN_KERNEL(cumsum, "input; dim: int, reverse: bool -> output", launch_any<CumSum>, workspace, CN_SCAN_VARIANTS);
CN_KERNEL(linear_recurrence, "input, coefficient; dim: int, reverse: bool -> output", launch_linear_recurrence,
          workspace, CN_SCAN_VARIANTS);
CN_KERNEL(logcumsumexp, "input; dim: int, reverse: bool -> output", launch_logcumsumexp, workspace, CN_SCAN_VARIANTS);
