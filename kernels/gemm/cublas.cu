// matmul by cuBLAS, and linear where cuBLASLt cannot (cublaslt.cu). A bias is written into C first and the product added to it, which
// rounds once, as the kernels do.
#include "../../native/runtime/cublas.h"
#include "vendor.cuh"

namespace {

template <class T>
__global__ void __launch_bounds__(256)
    repeat_bias_kernel(const T* __restrict__ bias, int64_t step, T* __restrict__ c, int64_t n, int64_t count) {
    for (int64_t i = blockIdx.x * int64_t{256} + threadIdx.x; i < count; i += gridDim.x * int64_t{256})
        c[i] = bias[i % n * step];
}

template <class T>
CnStatus run(const CnCall* call, const cn::GemmProblem<T>& p, int32_t dtype) {
    cn::Cublas& cublas = cn::Cublas::get();
    if (!cublas.library.is_loaded()) return cn::vendor_missing(call, cublas.library);
    cn::ColumnMajor a, b;
    if (!cn::column_major(p, &a, &b))
        return cn_fail(call, CN_UNSUPPORTED, "cuBLAS has no product for these extents and strides");
    if (p.bias) {
        int64_t count = p.batches * p.m * p.n, blocks = cn_ceil_div(count, 256);
        CN_TRY(CN_LAUNCH(call, (repeat_bias_kernel<T>), blocks < INT32_MAX ? blocks : INT32_MAX, 256, 0, p.bias,
                         p.bias_step, p.c, p.n, count));
    }
    int device = call->device, type = cn::cuda_data_type(dtype);
    return cn::vendor_call(call, [=, &cublas](void* stream) -> CnStatus {
        void* handle = cublas.handles.of(device, cublas.create);
        if (!handle) return cn_fail(cn::current_kernel(), CN_DEVICE_ERROR, "cublasCreate failed");
        cublas.set_stream(handle, stream);
        double alpha = 1, beta = p.bias ? 1 : 0;
        float alpha_f = 1, beta_f = p.bias ? 1.f : 0.f;
        bool wide = type == cn::cuda_r_64f;
        const void* one = wide ? static_cast<const void*>(&alpha) : &alpha_f;
        const void* add = wide ? static_cast<const void*>(&beta) : &beta_f;
        int compute = wide ? cn::cublas_compute_64f : cn::cublas_compute_32f;
        int m = static_cast<int>(p.m), n = static_cast<int>(p.n), k = static_cast<int>(p.k);
        int lda = static_cast<int>(a.leading), ldb = static_cast<int>(b.leading);
        int status = p.batch_axes == 0
                         ? cublas.gemm(handle, b.operation, a.operation, n, m, k, one, p.b, type, ldb, p.a, type, lda,
                                       add, p.c, type, n, compute, cn::cublas_gemm_default)
                         : cublas.gemm_batched(handle, b.operation, a.operation, n, m, k, one, p.b, type, ldb,
                                               p.b_steps[0], p.a, type, lda, p.a_steps[0], add, p.c, type, n, p.m * p.n,
                                               static_cast<int>(p.batches), compute, cn::cublas_gemm_default);
        return status == 0 ? CN_OK
                           : cn_fail(cn::current_kernel(), CN_LAUNCH_FAILED,
                                     "cublasGemmEx of %d x %d by %d x %d: status %d", m, k, k, n, status);
    });
}

CnStatus launch_matmul_cublas(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *other = cn_arg(call, 1), *output = cn_arg(call, 2);
    if (input->rank < 1 || other->rank < 1) return cn_fail(call, CN_INVALID_ARGUMENT, "operands need an axis");
    CN_DISPATCH_FLOATING(output->dtype, T, {
        return run(call, cn::make_problem<T>(*input, *other, false, nullptr, *output), output->dtype);
    });
    return cn_unsupported_dtype(call, output->dtype);
}

CnStatus launch_linear_cublas(const CnCall* call) {
    CnStatus status = cn::linear_by_cublaslt(call);
    if (status != CN_UNSUPPORTED) return status;
    const CnTensor *input = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 3);
    if (input->rank < 1 || weight->rank != 2)
        return cn_fail(call, CN_INVALID_ARGUMENT, "expected an input with an axis and a weight with two");
    CN_DISPATCH_FLOATING(output->dtype, T, {
        return run(call, cn::make_problem<T>(*input, *weight, true, cn_arg(call, 2), *output), output->dtype);
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_VENDOR(matmul, "cublas", launch_matmul_cublas, nullptr);
CN_VENDOR(linear, "cublas", launch_linear_cublas, cn::cublaslt_workspace);
