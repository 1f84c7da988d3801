// conv2d and its two gradients by cuDNN, for tensors in NCHW order. A bias is written into the result first and the convolution
// added to it, which rounds once, as the kernels do.
#include <memory>

#include "../../native/runtime/cudnn.h"
#include "problem.cuh"

namespace {

template <class T>
__global__ void __launch_bounds__(256)
    repeat_channel_bias_kernel(const T* __restrict__ bias, int64_t step, T* __restrict__ y, int64_t channels,
                               int64_t positions, int64_t count) {
    for (int64_t i = blockIdx.x * int64_t{256} + threadIdx.x; i < count; i += gridDim.x * int64_t{256})
        y[i] = bias[i / positions % channels * step];
}

enum class Pass { forward, backward_data, backward_filter };

// The tensors of a pass in cuDNN's order: what it reads, and what it makes.
struct Convolution {
    Pass pass;
    const CnTensor *x, *weight, *y;
    cn::ConvShape<2> shape;

    const CnTensor* first() const { return pass == Pass::backward_data ? weight : x; }
    const CnTensor* second() const { return pass == Pass::forward ? weight : y; }
    const CnTensor* result() const { return pass == Pass::forward ? y : pass == Pass::backward_data ? x : weight; }
    const cn::CudnnPass& functions(const cn::Cudnn& cudnn) const {
        return pass == Pass::forward         ? cudnn.forward
               : pass == Pass::backward_data ? cudnn.backward_data
                                             : cudnn.backward_filter;
    }
};

Convolution read(const CnCall* call, Pass pass) {
    Convolution c;
    c.pass = pass;
    c.x = cn_arg(call, pass == Pass::forward ? 0 : pass == Pass::backward_data ? 2 : 1);
    c.weight = cn_arg(call, pass == Pass::backward_filter ? 2 : 1);
    c.y = cn_arg(call, pass == Pass::forward ? 3 : 0);
    c.shape = cn::ConvShape<2>::of(call, *c.x, *c.weight, *c.y);
    return c;
}

bool fits(const Convolution& c) {
    for (const CnTensor* tensor : {c.x, c.weight, c.y}) {
        int64_t count = cn_numel(*tensor);
        if (count == 0 || count > INT32_MAX || !cn_is_contiguous(*tensor)) return false;
    }
    return true;
}

// Descriptors and algorithm. `status` is cuDNN's, 0 being success.
class Plan {
public:
    Plan(const Convolution& c, int device) : cudnn_(cn::Cudnn::get()) {
        handle = cudnn_.handles.of(device, cudnn_.create);
        if (!handle) return;
        int type = cn::cudnn_data_type(c.x->dtype);
        int compute = type == cn::cudnn_double ? cn::cudnn_double : cn::cudnn_float;
        auto side = [](int64_t n) { return static_cast<int>(n); };
        const int64_t *x = c.x->shape, *w = c.weight->shape, *y = c.y->shape;
        const cn::ConvShape<2>& s = c.shape;
        status = cudnn_.create_tensor(&x_) | cudnn_.create_tensor(&y_) | cudnn_.create_filter(&weight_) |
                 cudnn_.create_convolution(&convolution);
        if (status == 0)
            status = cudnn_.set_tensor(x_, cn::cudnn_nchw, type, side(x[0]), side(x[1]), side(x[2]), side(x[3])) |
                     cudnn_.set_tensor(y_, cn::cudnn_nchw, type, side(y[0]), side(y[1]), side(y[2]), side(y[3])) |
                     cudnn_.set_filter(weight_, type, cn::cudnn_nchw, side(w[0]), side(w[1]), side(w[2]), side(w[3])) |
                     cudnn_.set_convolution(convolution, side(s.padding[0]), side(s.padding[1]), side(s.stride[0]),
                                            side(s.stride[1]), side(s.dilation[0]), side(s.dilation[1]),
                                            cn::cudnn_cross_correlation, compute) |
                     cudnn_.set_groups(convolution, side(s.groups)) |
                     // f32 stays f32: by default cuDNN may round it to TF32.
                     cudnn_.set_math_type(convolution,
                                          type == cn::cudnn_float ? cn::cudnn_fma_math : cn::cudnn_default_math);
        first = c.pass == Pass::backward_data ? weight_ : x_;
        second = c.pass == Pass::forward ? weight_ : y_;
        result = c.pass == Pass::forward ? y_ : c.pass == Pass::backward_data ? x_ : weight_;
        if (status == 0) choose(c.functions(cudnn_));
    }
    ~Plan() {
        if (x_) cudnn_.destroy_tensor(x_);
        if (y_) cudnn_.destroy_tensor(y_);
        if (weight_) cudnn_.destroy_filter(weight_);
        if (convolution) cudnn_.destroy_convolution(convolution);
    }
    Plan(const Plan&) = delete;

    void *handle = nullptr, *convolution = nullptr;
    const void *first = nullptr, *second = nullptr, *result = nullptr;
    int algorithm = -1;  // -1: cuDNN has none
    size_t workspace = 0;
    int status = 1;

private:
    void choose(const cn::CudnnPass& pass) {
        constexpr int most = 8;
        constexpr size_t largest_workspace = size_t{256} << 20;
        cn::CudnnAlgorithm found[most];
        int count = 0;
        if (pass.choose(handle, first, second, convolution, result, most, &count, found) != 0) return;
        for (int i = 0; i < count && algorithm < 0; i++) {
            if (found[i].status != 0 || found[i].memory > largest_workspace ||
                found[i].math_type == cn::cudnn_tensor_op_conversion)
                continue;
            if (pass.workspace(handle, first, second, convolution, result, found[i].algorithm, &workspace) == 0)
                algorithm = found[i].algorithm;
        }
    }

    cn::Cudnn& cudnn_;
    void *x_ = nullptr, *y_ = nullptr, *weight_ = nullptr;
};

template <class T>
CnStatus add_bias(const CnCall* call, const CnTensor* bias, const CnTensor& y) {
    int64_t count = cn_numel(y), blocks = cn_ceil_div(count, 256);
    return CN_LAUNCH(call, (repeat_channel_bias_kernel<T>), blocks < INT32_MAX ? blocks : INT32_MAX, 256, 0,
                     cn_data<T>(bias), bias->strides[0], cn_data<T>(&y), y.shape[1], y.shape[2] * y.shape[3], count);
}

CnStatus run(const CnCall* call, Pass pass) {
    cn::Cudnn& cudnn = cn::Cudnn::get();
    if (!cudnn.library.is_loaded()) return cn::vendor_missing(call, cudnn.library);
    Convolution c = read(call, pass);
    if (!fits(c)) return cn_fail(call, CN_UNSUPPORTED, "cuDNN is asked for contiguous tensors with elements only");
    auto plan = std::make_shared<Plan>(c, call->device);
    if (plan->algorithm < 0)
        return cn_fail(call, CN_UNSUPPORTED, "cuDNN has no algorithm for this convolution (status %d)", plan->status);
    const CnTensor* bias = pass == Pass::forward ? cn_arg(call, 2) : nullptr;
    if (bias) {
        CnStatus status = cn_unsupported_dtype(call, bias->dtype);
        CN_DISPATCH_FLOATING(bias->dtype, T, { status = add_bias<T>(call, bias, *c.y); });
        CN_TRY(status);
    }
    const void *first = c.first()->data, *second = c.second()->data;
    void *result = c.result()->data, *workspace = call->workspace;
    size_t bytes = static_cast<size_t>(call->workspace_bytes);
    bool wide = c.x->dtype == CN_F64;
    return cn::vendor_call(
        call,
        [=, run = c.functions(cudnn).run, set_stream = cudnn.set_stream,
         has_bias = bias != nullptr](void* stream) -> CnStatus {
            double alpha = 1, beta = has_bias ? 1 : 0;
            float alpha_f = 1, beta_f = has_bias ? 1.f : 0.f;
            set_stream(plan->handle, stream);
            int status = run(plan->handle, wide ? static_cast<const void*>(&alpha) : &alpha_f, plan->first, first,
                             plan->second, second, plan->convolution, plan->algorithm, workspace, bytes,
                             wide ? static_cast<const void*>(&beta) : &beta_f, plan->result, result);
            return status == 0 ? CN_OK : cn_fail(cn::current_kernel(), CN_LAUNCH_FAILED, "cuDNN: status %d", status);
        });
}

int64_t workspace(const CnCall* call, Pass pass) {
    if (!cn::Cudnn::get().library.is_loaded()) return 0;
    Convolution c = read(call, pass);
    return fits(c) ? static_cast<int64_t>(Plan(c, call->device).workspace) : 0;
}

template <Pass PASS>
CnStatus launch(const CnCall* call) {
    return run(call, PASS);
}
template <Pass PASS>
int64_t query(const CnCall* call) {
    return workspace(call, PASS);
}

}  // namespace

CN_VENDOR(conv2d, "cudnn", launch<Pass::forward>, query<Pass::forward>);
CN_VENDOR(conv2d_backward_data, "cudnn", launch<Pass::backward_data>, query<Pass::backward_data>);
CN_VENDOR(conv2d_backward_filter, "cudnn", launch<Pass::backward_filter>, query<Pass::backward_filter>);
