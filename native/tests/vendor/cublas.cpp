// A stand-in for cuBLAS that multiplies host memory, column by column, and refuses what cuBLAS refuses.
#include "host_number.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Status { success = 0, not_initialized = 1, invalid_value = 7, not_supported = 15 };
constexpr int live = 0x43424c53;

struct Context {
    int mark = live;
};

bool number_of(int type, Number* number) {
    *number = type == 0 ? Number::f32 : type == 1 ? Number::f64 : type == 2 ? Number::f16 : Number::bf16;
    return (type >= 0 && type <= 2) || type == 14;
}

double scalar(const void* at, bool wide) {
    return wide ? *static_cast<const double*>(at) : *static_cast<const float*>(at);
}

}  // namespace

EXPORT int cublasCreate_v2(void** handle) {
    *handle = new Context;
    return success;
}
EXPORT int cublasGetVersion_v2(void*, int* version) {
    *version = 110000;
    return success;
}
EXPORT int cublasSetStream_v2(void* handle, void*) { return handle ? success : not_initialized; }

EXPORT int cublasGemmStridedBatchedEx(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha,
                                      const void* a, int a_type, int lda, long long a_stride, const void* b, int b_type,
                                      int ldb, long long b_stride, const void* beta, void* c, int c_type, int ldc,
                                      long long c_stride, int batches, int compute_type, int) {
    if (!handle || static_cast<Context*>(handle)->mark != live) return not_initialized;
    Number number;
    constexpr int compute_32f = 68, compute_64f = 70;
    if (!number_of(a_type, &number) || b_type != a_type || c_type != a_type) return not_supported;
    bool wide = number == Number::f64;
    if (compute_type != (wide ? compute_64f : compute_32f)) return not_supported;
    int least_a = op_a ? k : m, least_b = op_b ? n : k;
    if (m < 0 || n < 0 || k < 0 || batches < 0 || op_a > 1 || op_b > 1 || op_a < 0 || op_b < 0 ||
        lda < (least_a > 1 ? least_a : 1) || ldb < (least_b > 1 ? least_b : 1) || ldc < (m > 1 ? m : 1))
        return invalid_value;
    double times = scalar(alpha, wide), keep = scalar(beta, wide);
    for (int64_t batch = 0; batch < batches; batch++)
        for (int64_t col = 0; col < n; col++)
            for (int64_t row = 0; row < m; row++) {
                double sum = 0;
                for (int64_t i = 0; i < k; i++)
                    sum += load(a, batch * a_stride + (op_a ? i + row * lda : row + i * lda), number) *
                           load(b, batch * b_stride + (op_b ? col + i * ldb : i + col * ldb), number);
                int64_t at = batch * c_stride + row + col * ldc;
                store(c, at, number, times * sum + (keep == 0 ? 0 : keep * load(c, at, number)));
            }
    return success;
}

EXPORT int cublasGemmEx(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a,
                        int a_type, int lda, const void* b, int b_type, int ldb, const void* beta, void* c, int c_type,
                        int ldc, int compute_type, int algorithm) {
    return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, a_type, lda, 0, b, b_type, ldb, 0, beta, c,
                                      c_type, ldc, 0, 1, compute_type, algorithm);
}
