// A stand-in for cuBLASLt that multiplies host memory, column by column, with its epilogues, and refuses what cuBLASLt refuses.
#include <initializer_list>

#include "host_number.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Status { success = 0, not_initialized = 1, invalid_value = 7, not_supported = 15 };
constexpr int live = 0x4c54424c;
constexpr size_t wanted_workspace = 1024;
constexpr uint64_t chosen = 0xa190;

struct Context {
    int mark = live;
};
struct Product {
    int32_t transposed[2] = {0, 0};
    uint32_t epilogue = 1;
    const void* bias = nullptr;
};
struct Layout {
    Number number;
    int64_t rows, cols, leading, step = 0;
    int32_t batches = 1;
};
struct Preference {
    size_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};
};
struct Found {
    uint64_t algorithm[8];
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

template <class V>
int copy(V* to, const void* value, size_t bytes) {
    if (!value || bytes != sizeof(V)) return invalid_value;
    memcpy(to, value, bytes);
    return success;
}

bool fit(const Product& p, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
    int64_t m = p.transposed[0] ? a.cols : a.rows, k = p.transposed[0] ? a.rows : a.cols;
    int64_t own_k = p.transposed[1] ? b.cols : b.rows, n = p.transposed[1] ? b.rows : b.cols;
    bool same = k == own_k && d.rows == m && d.cols == n && c.rows == m && c.cols == n;
    for (const Layout* layout : {&a, &b, &c, &d})
        same = same && layout->batches == d.batches && layout->number == d.number && layout->leading >= layout->rows;
    return same && d.number != Number::f64;
}

bool aligned(const void* at, uint32_t to) { return reinterpret_cast<uintptr_t>(at) % to == 0; }

}  // namespace

EXPORT int cublasLtCreate(void** handle) {
    *handle = new Context;
    return success;
}
EXPORT size_t cublasLtGetVersion() { return 110000; }

EXPORT int cublasLtMatmulDescCreate(void** product, int compute, int scale) {
    constexpr int compute_32f = 68, r_32f = 0;
    if (compute != compute_32f || scale != r_32f) return not_supported;
    *product = new Product;
    return success;
}
EXPORT int cublasLtMatmulDescDestroy(void* product) {
    delete static_cast<Product*>(product);
    return success;
}
EXPORT int cublasLtMatmulDescSetAttribute(void* product, int attribute, const void* value, size_t bytes) {
    auto p = static_cast<Product*>(product);
    switch (attribute) {
        case 3:
            return copy(&p->transposed[0], value, bytes);
        case 4:
            return copy(&p->transposed[1], value, bytes);
        case 7:
            return copy(&p->epilogue, value, bytes);
        case 8:
            return copy(&p->bias, value, bytes);
        default:
            return invalid_value;
    }
}

EXPORT int cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t cols, int64_t leading) {
    if (!((type >= 0 && type <= 2) || type == 14)) return not_supported;
    Number number = type == 0 ? Number::f32 : type == 1 ? Number::f64 : type == 2 ? Number::f16 : Number::bf16;
    *layout = new Layout{number, static_cast<int64_t>(rows), static_cast<int64_t>(cols), leading};
    return success;
}
EXPORT int cublasLtMatrixLayoutDestroy(void* layout) {
    delete static_cast<Layout*>(layout);
    return success;
}
EXPORT int cublasLtMatrixLayoutSetAttribute(void* layout, int attribute, const void* value, size_t bytes) {
    auto l = static_cast<Layout*>(layout);
    return attribute == 5   ? copy(&l->batches, value, bytes)
           : attribute == 6 ? copy(&l->step, value, bytes)
                            : invalid_value;
}

EXPORT int cublasLtMatmulPreferenceCreate(void** preference) {
    *preference = new Preference;
    return success;
}
EXPORT int cublasLtMatmulPreferenceDestroy(void* preference) {
    delete static_cast<Preference*>(preference);
    return success;
}
EXPORT int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value, size_t bytes) {
    auto p = static_cast<Preference*>(preference);
    if (attribute == 1) return copy(&p->workspace, value, bytes);
    return attribute >= 5 && attribute <= 8 ? copy(&p->alignment[attribute - 5], value, bytes) : invalid_value;
}

// The alignments that were promised are kept in the algorithm, so that a product that breaks the promise is noticed.
EXPORT int cublasLtMatmulAlgoGetHeuristic(void* handle, void* product, void* a, void* b, void* c, void* d,
                                          void* preference, int most, Found* found, int* count) {
    if (!handle || static_cast<Context*>(handle)->mark != live) return not_initialized;
    auto wants = static_cast<Preference*>(preference);
    *count = 0;
    if (most < 1) return invalid_value;
    if (!fit(*static_cast<Product*>(product), *static_cast<Layout*>(a), *static_cast<Layout*>(b),
             *static_cast<Layout*>(c), *static_cast<Layout*>(d)) ||
        wants->workspace < wanted_workspace)
        return not_supported;
    memset(found, 0, sizeof *found);
    found->algorithm[0] = chosen;
    for (int i = 0; i < 4; i++) found->algorithm[1 + i] = wants->alignment[i];
    found->workspace = wanted_workspace;
    *count = 1;
    return success;
}

EXPORT int cublasLtMatmul(void* handle, void* product, const void* alpha, const void* a, void* a_layout, const void* b,
                          void* b_layout, const void* beta, const void* c, void* c_layout, void* d, void* d_layout,
                          const uint64_t* algorithm, void* workspace, size_t workspace_bytes, void*) {
    if (!handle || static_cast<Context*>(handle)->mark != live) return not_initialized;
    const auto& p = *static_cast<Product*>(product);
    const auto &la = *static_cast<Layout*>(a_layout), &lb = *static_cast<Layout*>(b_layout),
               &lc = *static_cast<Layout*>(c_layout), &ld = *static_cast<Layout*>(d_layout);
    const void* data[] = {a, b, c, d};
    if (!fit(p, la, lb, lc, ld) || algorithm[0] != chosen || workspace_bytes < wanted_workspace || !workspace)
        return invalid_value;
    for (int i = 0; i < 4; i++)
        if (!aligned(data[i], static_cast<uint32_t>(algorithm[1 + i]))) return invalid_value;
    constexpr uint32_t plain = 1, relu = 2, with_bias = 4;
    if (p.epilogue != plain && (p.epilogue & ~(relu | with_bias)) != 0) return not_supported;
    bool adds = p.epilogue != plain && (p.epilogue & with_bias), rectifies = p.epilogue != plain && (p.epilogue & relu);
    if (adds != (p.bias != nullptr)) return invalid_value;
    memset(workspace, 0xff, wanted_workspace);  // it is used as such
    double times = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
    int64_t k = p.transposed[0] ? la.rows : la.cols;
    for (int64_t batch = 0; batch < ld.batches; batch++)
        for (int64_t col = 0; col < ld.cols; col++)
            for (int64_t row = 0; row < ld.rows; row++) {
                double sum = 0;
                for (int64_t i = 0; i < k; i++)
                    sum += load(a, batch * la.step + (p.transposed[0] ? i + row * la.leading : row + i * la.leading),
                                la.number) *
                           load(b, batch * lb.step + (p.transposed[1] ? col + i * lb.leading : i + col * lb.leading),
                                lb.number);
                sum *= times;
                if (keep != 0) sum += keep * load(c, batch * lc.step + row + col * lc.leading, lc.number);
                if (adds) sum += load(p.bias, row, ld.number);
                if (rectifies && sum < 0) sum = 0;
                store(d, batch * ld.step + row + col * ld.leading, ld.number, sum);
            }
    return success;
}
