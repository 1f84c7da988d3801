// linear and linear_act by cuBLASLt, whose products end with an epilogue: bias, then relu, while the sums are in registers; a residual is
// its C. What has no epilogue there (tanh, sigmoid, and gelu, which is the tanh form there) is one more pass over the result, and only
// in f32: in f16 the sum would be rounded before the function is applied to it.
#include "../../native/runtime/cublaslt.h"

#include "activation.cuh"
#include "vendor.cuh"

namespace {

#if CUDANET_SIMT
constexpr size_t most_workspace = 4096;  // of the stand-in, which wants some
#else
constexpr size_t most_workspace = size_t{32} << 20;
#endif

__global__ void __launch_bounds__(256)
    activate_kernel(const float* __restrict__ x, float* __restrict__ y, int64_t count, int64_t activation) {
    for (int64_t i = blockIdx.x * int64_t{256} + threadIdx.x; i < count; i += gridDim.x * int64_t{256})
        y[i] = cn::activate(activation, x[i]);
}

// A product with its descriptors. `status` is cuBLASLt's, 0 being success.
class Product {
public:
    Product(cn::CublasLt& lt, int compute, int scale) : lt_(lt) { keep(lt.create_product(&product_, compute, scale)); }
    ~Product() {
        for (void* layout : layouts_)
            if (layout) lt_.destroy_layout(layout);
        if (preference_) lt_.destroy_preference(preference_);
        if (product_) lt_.destroy_product(product_);
    }
    Product(const Product&) = delete;

    template <class V>
    void set(int attribute, V value) {
        if (status == 0) keep(lt_.set_product(product_, attribute, &value, sizeof value));
    }
    void add_layout(int type, int64_t rows, int64_t cols, int64_t leading, int32_t batches, int64_t step) {
        if (status == 0) keep(lt_.create_layout(&layouts_[count_], type, rows, cols, leading));
        if (status == 0) keep(lt_.set_layout(layouts_[count_], cn::lt_batch_count, &batches, sizeof batches));
        if (status == 0) keep(lt_.set_layout(layouts_[count_], cn::lt_batch_stride, &step, sizeof step));
        count_++;
    }
    // Pointers in the order of the layouts.
    void run(void* handle, const void* const (&data)[4], float beta, void* workspace, size_t bytes, void* stream) {
        if (status == 0) keep(lt_.create_preference(&preference_));
        if (status == 0) keep(lt_.set_preference(preference_, cn::lt_max_workspace, &bytes, sizeof bytes));
        for (int i = 0; i < 4 && status == 0; i++) {
            uint32_t alignment = 256;
            while (reinterpret_cast<uintptr_t>(data[i]) % alignment != 0) alignment /= 2;
            keep(lt_.set_preference(preference_, cn::lt_min_alignment_a + i, &alignment, sizeof alignment));
        }
        cn::LtAlgorithm found;
        int count = 0;
        if (status == 0)
            keep(lt_.choose(handle, product_, layouts_[0], layouts_[1], layouts_[2], layouts_[3], preference_, 1,
                            &found, &count));
        if (status == 0 && count == 0) keep(cn::lt_not_supported);
        float alpha = 1;
        if (status == 0)
            keep(lt_.multiply(handle, product_, &alpha, data[0], layouts_[0], data[1], layouts_[1], &beta, data[2],
                              layouts_[2], const_cast<void*>(data[3]), layouts_[3], found.algorithm, workspace, bytes,
                              stream));
    }

    int status = 0;

private:
    void keep(int code) { status = code; }

    cn::CublasLt& lt_;
    void *product_ = nullptr, *preference_ = nullptr;
    void* layouts_[4] = {};
    int count_ = 0;
};

// linear has neither attribute nor residual nor second output.
struct Arguments {
    const CnTensor *input, *weight, *bias, *residual, *output, *preactivation;
    int64_t activation;
};

template <class T>
CnStatus run(const CnCall* call, const Arguments& arguments) {
    cn::CublasLt& lt = cn::CublasLt::get();
    if (!lt.library.is_loaded()) return cn_fail(call, CN_UNSUPPORTED, "cuBLASLt is not there");
    // What an epilogue does, and what is left for a pass of our own.
    bool rectifies = arguments.activation == cn::relu;
    int64_t left = rectifies ? int64_t{cn::none} : arguments.activation;
    if (left != cn::none && arguments.output->dtype != CN_F32)
        return cn_fail(call, CN_UNSUPPORTED, "cuBLASLt rounds the sum before this activation function");
    const CnTensor* target = arguments.preactivation ? arguments.preactivation : arguments.output;
    cn::GemmProblem<T> p = cn::make_problem<T>(*arguments.input, *arguments.weight, true, arguments.bias, *target);
    const T* residual = cn_data<T>(arguments.residual);
    cn::ColumnMajor a, b;
    if (!cn::column_major(p, &a, &b) || (p.bias && p.n > 1 && p.bias_step != 1) ||
        (residual && !cn_is_contiguous(*arguments.residual)))
        return cn_fail(call, CN_UNSUPPORTED, "cuBLASLt has no product for these extents and strides");
    int device = call->device, type = cn::cuda_data_type(target->dtype);
    int epilogue = (rectifies ? cn::lt_epilogue_relu : 0) | (p.bias ? cn::lt_epilogue_bias : 0);
    void* workspace = call->workspace;
    auto bytes = static_cast<size_t>(call->workspace_bytes);
    CN_TRY(cn::vendor_call(call, [=, &lt](void* stream) -> CnStatus {
        void* handle = lt.handles.of(device, lt.create);
        if (!handle) return cn_fail(cn::current_kernel(), CN_DEVICE_ERROR, "cublasLtCreate failed");
        Product product(lt, cn::cublas_compute_32f, cn::cuda_r_32f);
        product.set(cn::lt_trans_a, b.operation);
        product.set(cn::lt_trans_b, a.operation);
        product.set(cn::lt_epilogue, epilogue ? epilogue : cn::lt_epilogue_default);
        if (p.bias) product.set(cn::lt_bias_pointer, p.bias);
        auto batches = static_cast<int32_t>(p.batches);
        int64_t a_step = p.batch_axes ? p.a_steps[0] : 0, b_step = p.batch_axes ? p.b_steps[0] : 0;
        // A matrix is given as it lies in memory, before its transposition.
        product.add_layout(type, b.operation ? p.k : p.n, b.operation ? p.n : p.k, b.leading, batches, b_step);
        product.add_layout(type, a.operation ? p.m : p.k, a.operation ? p.k : p.m, a.leading, batches, a_step);
        for (int i = 0; i < 2; i++) product.add_layout(type, p.n, p.m, p.n, batches, p.m * p.n);
        const void* const data[4] = {p.b, p.a, residual ? residual : p.c, p.c};
        product.run(handle, data, residual ? 1.f : 0.f, workspace, bytes, stream);
        return product.status == 0 ? CN_OK
                                   : cn_fail(cn::current_kernel(),
                                             product.status == cn::lt_not_supported ? CN_UNSUPPORTED : CN_LAUNCH_FAILED,
                                             "cublasLtMatmul of %lld x %lld by %lld x %lld: status %d", (long long)p.m,
                                             (long long)p.k, (long long)p.k, (long long)p.n, product.status);
    }));
    if (left == cn::none) return CN_OK;
    int64_t count = p.batches * p.m * p.n, blocks = cn_ceil_div(count, 256);
    return CN_LAUNCH(call, activate_kernel, blocks < INT32_MAX ? blocks : INT32_MAX, 256, 0,
                     cn_data<const float>(target), cn_data<float>(arguments.output), count, left);
}

CnStatus by_cublaslt(const CnCall* call, const Arguments& arguments) {
    if (arguments.input->rank < 1 || arguments.weight->rank != 2)
        return cn_fail(call, CN_INVALID_ARGUMENT, "expected an input with an axis and a weight with two");
    int32_t dtype = arguments.output->dtype;
    if (dtype == CN_F64) return cn_fail(call, CN_UNSUPPORTED, "cuBLASLt has no epilogue for f64");
    CN_DISPATCH_FLOATING(dtype, T, { return run<T>(call, arguments); });
    return cn_unsupported_dtype(call, dtype);
}

CnStatus launch_linear_act(const CnCall* call) {
    return by_cublaslt(call, {cn_arg(call, 0), cn_arg(call, 1), cn_arg(call, 2), cn_arg(call, 3), cn_arg(call, 4),
                              cn_arg(call, 5), cn_attr_int(call, 0)});
}

}  // namespace

namespace cn {

CnStatus linear_by_cublaslt(const CnCall* call) {
    return by_cublaslt(
        call, {cn_arg(call, 0), cn_arg(call, 1), cn_arg(call, 2), nullptr, cn_arg(call, 3), nullptr, cn::none});
}
int64_t cublaslt_workspace(const CnCall*) {
    return CublasLt::get().library.is_loaded() ? static_cast<int64_t>(most_workspace) : 0;
}

}  // namespace cn

CN_VENDOR(linear_act, "cublaslt", launch_linear_act, cn::cublaslt_workspace);
