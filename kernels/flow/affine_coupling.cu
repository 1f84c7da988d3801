// affine_coupling: y = x * exp(s) + t, or (x - t) * exp(-s) for the inverse, and in the same pass the log-determinant of
// each sample, the sum of s or -s (Dinh, Sohl-Dickstein, Bengio 2017). Three reads and one write per element: memory is
// the limit.
//
// Variants
//   1  one thread per sample: the textbook loop, and the variant of choice for points of a few coordinates.
//   2  one warp per sample: neighbouring lanes take neighbouring elements, the sum is joined by shuffles.
//   3  one block per sample, or per piece of one where samples are few and long: 16 bytes per access where rows allow
//      it. The sums of pieces are added in order by a second launch, so results repeat bit for bit.
#include "../device/block.cuh"
#include "coupling.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct Coupling {
    using A = acc_t<T>;
    const T* __restrict__ input;
    const T* __restrict__ log_scale;  // may be null: an additive layer
    const T* __restrict__ shift;
    cn::SampleMask mask;
    T* __restrict__ output;
    A* __restrict__ log_det;  // null with log_scale
    cn::SampleRows<3> at;
    cn::BoundedScale<A> scale;
    bool inverse;

    // Groups of W elements of a row from `begin`, `step` apart; the sum of their scales.
    template <int W>
    __device__ __forceinline__ A run(int64_t row, int64_t begin, int64_t end, int64_t step) const {
        A sum = 0;
        for (int64_t col = begin; col < end; col += step) {
            int64_t from[3];
            at.locate(row, col, from);
            auto x = cn::load_at<W>(input, from[0]), t = cn::load_at<W>(shift, from[2]);
            cn::Pack<T, W> raw{}, y;
            if (log_scale) raw = cn::load_at<W>(log_scale, from[1]);
#pragma unroll
            for (int k = 0; k < W; k++) {
                y.at[k] = x.at[k];
                if (mask.passes(col + k)) continue;
                A s = scale(to_acc(raw.at[k]));
                y.at[k] = from_acc<T>(inverse ? (to_acc(x.at[k]) - to_acc(t.at[k])) * exp(-s)
                                              : to_acc(x.at[k]) * exp(s) + to_acc(t.at[k]));
                sum += s;
            }
            cn::store_at<W>(output, row * at.cols + col, y);
        }
        return sum;
    }
    __device__ __forceinline__ void put(int64_t row, A sum) const {
        if (log_det) log_det[row] = inverse ? -sum : sum;
    }
};

template <class T>
__global__ void __launch_bounds__(block) affine_coupling_v1(Coupling<T> c) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (row < c.at.rows) c.put(row, c.template run<1>(row, 0, c.at.cols, 1));
}

template <class T>
__global__ void __launch_bounds__(128) affine_coupling_v2(Coupling<T> c) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * 4 + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (row >= c.at.rows) return;  // whole warps leave, and no barrier follows
    acc_t<T> sum = warp_sum(c.template run<1>(row, lane, c.at.cols, 32));
    if (lane == 0) c.put(row, sum);
}

// How the rows are cut: pieces of `length` elements, a multiple of every vector's.
struct Pieces {
    int64_t count, length;

    static Pieces of(int64_t rows, int64_t cols) {
        constexpr int64_t enough_blocks = 528, shortest = 8192, unit = 8;
        int64_t wanted = cn_ceil_div(enough_blocks, rows > 0 ? rows : 1), possible = cn_ceil_div(cols, shortest);
        int64_t count = wanted < possible ? wanted : possible;
        if (count < 1) count = 1;
        int64_t length = cn_ceil_div(cn_ceil_div(cols, count), unit) * unit;
        return {length > 0 ? cn_ceil_div(cols, length) : 1, length};
    }
};

template <class T, int W>
__global__ void __launch_bounds__(block) affine_coupling_v3(Coupling<T> c, Pieces pieces, acc_t<T>* partial) {
    int64_t row = blockIdx.x / pieces.count, piece = blockIdx.x % pieces.count;
    int64_t begin = piece * pieces.length, end = min(begin + pieces.length, c.at.cols);
    acc_t<T> sum = block_sum<block>(c.template run<W>(row, begin + threadIdx.x * W, end, block * W));
    if (threadIdx.x != 0) return;
    if (partial)
        partial[blockIdx.x] = sum;
    else
        c.put(row, sum);
}

template <class T>
__global__ void __launch_bounds__(block)
    affine_coupling_join(Coupling<T> c, Pieces pieces, const acc_t<T>* __restrict__ partial) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (row >= c.at.rows) return;
    acc_t<T> sum = 0;
    for (int64_t i = 0; i < pieces.count; i++) sum += partial[row * pieces.count + i];
    c.put(row, sum);
}

// A sample of no elements still has a log-determinant, so blocks are counted by samples.
template <class T>
CnStatus launch_v3(const CnCall* call, const Coupling<T>& c, bool wide) {
    Pieces pieces = Pieces::of(c.at.rows, c.at.cols);
    auto* partial = pieces.count > 1 && c.log_det ? static_cast<acc_t<T>*>(call->workspace) : nullptr;
    int64_t grid = c.at.rows * pieces.count;
    if (wide)
        CN_TRY(CN_LAUNCH(call, (affine_coupling_v3<T, Vec<T>::size>), grid, block, 0, c, pieces, partial));
    else
        CN_TRY(CN_LAUNCH(call, (affine_coupling_v3<T, 1>), grid, block, 0, c, pieces, partial));
    if (!partial) return CN_OK;
    return CN_LAUNCH(call, (affine_coupling_join<T>), cn_ceil_div(c.at.rows, block), block, 0, c, pieces, partial);
}

int64_t workspace_affine_coupling(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    int64_t rows = input->shape[0], cols = cn_numel(cn::one_sample(*input));
    Pieces pieces = Pieces::of(rows, cols);
    return pieces.count > 1 ? rows * pieces.count * (input->dtype == CN_F64 ? 8 : 4) : 0;
}

CnStatus launch_affine_coupling(const CnCall* call) {
    const CnTensor* const read[3] = {cn_arg(call, 0), cn_arg(call, 1), cn_arg(call, 2)};
    auto at = cn::make_sample_rows(read);
    CN_DISPATCH_FLOATING(read[0]->dtype, T, {
        using A = acc_t<T>;
        Coupling<T> c = {cn_data<T>(read[0]),
                         cn_data<T>(read[1]),
                         cn_data<T>(read[2]),
                         cn::SampleMask::of(cn_arg(call, 3)),
                         cn_data<T>(cn_arg(call, 4)),
                         cn_data<A>(cn_arg(call, 5)),
                         at,
                         cn::BoundedScale<A>::of(cn_attr_float(call, 0)),
                         cn_attr_bool(call, 1)};
        bool wide = cn::takes_vectors<T>(at, read);
        int variant = call->variant;
        if (variant == 0) variant = at.cols <= 8 ? 1 : at.cols <= 512 ? 2 : 3;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (affine_coupling_v1<T>), cn_ceil_div(at.rows, block), block, 0, c);
            case 2:
                return CN_LAUNCH(call, (affine_coupling_v2<T>), cn_ceil_div(at.rows, 4), 128, 0, c);
            case 3:
                return launch_v3(call, c, wide);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, read[0]->dtype);
}

}  // namespace

CN_KERNEL(affine_coupling, "input, log_scale?, shift, mask?; bound: float, inverse: bool -> output, log_det?",
          launch_affine_coupling, workspace_affine_coupling, "one thread per sample", "one warp per sample",
          "one block per piece of a sample, 16-byte vectors");
