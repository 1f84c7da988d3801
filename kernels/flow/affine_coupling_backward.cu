// affine_coupling_backward: the gradients of input, scale and shift in one pass; a thread makes neighbouring elements, as
// many as 16 bytes hold where rows allow it. With e = exp(s), for the inverse exp(-s), and g the output's gradient:
//   forward  gx = g e,  gs =   g x e + l,           gt = g
//   inverse  gx = g e,  gs = -(g (x - t) e + l),    gt = -g e
// where l is the gradient of the sample's log-determinant; gs goes through the bound of the scale.
#include "coupling.cuh"

namespace {

constexpr int block = 256;

template <class T>
struct Backward {
    using A = acc_t<T>;
    const T* __restrict__ grad_output;
    const T* __restrict__ input;
    const T* __restrict__ log_scale;
    const T* __restrict__ shift;
    const A* __restrict__ grad_log_det;
    cn::SampleMask mask;
    T* __restrict__ grad_input;
    T* __restrict__ grad_log_scale;
    T* __restrict__ grad_shift;
    cn::SampleRows<4> at;
    int64_t log_det_step;
    cn::BoundedScale<A> scale;
    bool bounded, inverse;
};

template <class T, int W>
__global__ void __launch_bounds__(block) affine_coupling_backward_kernel(Backward<T> b) {
    using A = acc_t<T>;
    int64_t group = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x, groups = b.at.cols / W;
    if (group >= b.at.rows * groups) return;
    int64_t row = group / groups, col = (group - row * groups) * W, from[4];
    b.at.locate(row, col, from);
    auto g = cn::load_at<W>(b.grad_output, from[0]), x = cn::load_at<W>(b.input, from[1]);
    auto raw = cn::load_at<W>(b.log_scale, from[2]), t = cn::load_at<W>(b.shift, from[3]);
    A of_sum = b.grad_log_det[row * b.log_det_step];
    cn::Pack<T, W> gx, gs, gt;
#pragma unroll
    for (int k = 0; k < W; k++) {
        gx.at[k] = g.at[k];
        gs.at[k] = gt.at[k] = from_acc<T>(A(0));
        if (b.mask.passes(col + k)) continue;
        A s = b.scale(to_acc(raw.at[k]));
        A moved = to_acc(g.at[k]) * exp(b.inverse ? -s : s);
        A sum = moved * (b.inverse ? to_acc(x.at[k]) - to_acc(t.at[k]) : to_acc(x.at[k]));
        sum += of_sum;
        if (b.bounded) sum *= b.scale.slope(s);
        gx.at[k] = from_acc<T>(moved);
        gs.at[k] = from_acc<T>(b.inverse ? -sum : sum);
        gt.at[k] = b.inverse ? from_acc<T>(-moved) : g.at[k];
    }
    int64_t to = row * b.at.cols + col;
    cn::store_at<W>(b.grad_input, to, gx);
    cn::store_at<W>(b.grad_log_scale, to, gs);
    cn::store_at<W>(b.grad_shift, to, gt);
}

CnStatus launch_affine_coupling_backward(const CnCall* call) {
    const CnTensor* const read[4] = {cn_arg(call, 0), cn_arg(call, 1), cn_arg(call, 2), cn_arg(call, 3)};
    const CnTensor* grad_log_det = cn_arg(call, 4);
    auto at = cn::make_sample_rows(read);
    double bound = cn_attr_float(call, 0);
    CN_DISPATCH_FLOATING(read[0]->dtype, T, {
        using A = acc_t<T>;
        Backward<T> b = {cn_data<T>(read[0]),
                         cn_data<T>(read[1]),
                         cn_data<T>(read[2]),
                         cn_data<T>(read[3]),
                         cn_data<A>(grad_log_det),
                         cn::SampleMask::of(cn_arg(call, 5)),
                         cn_data<T>(cn_arg(call, 6)),
                         cn_data<T>(cn_arg(call, 7)),
                         cn_data<T>(cn_arg(call, 8)),
                         at,
                         grad_log_det->strides[0],
                         cn::BoundedScale<A>::of(bound),
                         bound > 0,
                         cn_attr_bool(call, 1)};
        int64_t numel = at.rows * at.cols;
        bool wide = cn::takes_vectors<T>(at, read);
        int variant = call->variant ? call->variant : wide ? 2 : 1;
        switch (variant) {
            case 1:
                return CN_LAUNCH(call, (affine_coupling_backward_kernel<T, 1>), cn_ceil_div(numel, block), block, 0, b);
            case 2:
                if (!wide) return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs rows of whole 16-byte vectors");
                return CN_LAUNCH(call, (affine_coupling_backward_kernel<T, Vec<T>::size>),
                                 cn_ceil_div(numel / Vec<T>::size, block), block, 0, b);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, read[0]->dtype);
}

}  // namespace

CN_KERNEL(affine_coupling_backward,
          "grad_output, input, log_scale, shift, grad_log_det, mask?; bound: float, inverse: bool -> grad_input, "
          "grad_log_scale, grad_shift",
          launch_affine_coupling_backward, nullptr, "one element per thread, any strides",
          "16-byte vectors, dense samples");
