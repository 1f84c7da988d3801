// A stand-in for cuDNN that convolves host memory. Its algorithms want a workspace that they fill, and refuse shapes that do not
// fit each other.
#include <stddef.h>

#include "host_number.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Status { success = 0, bad_param = 3 };
constexpr int algorithm = 1;
constexpr size_t workspace_needed = 512;

struct Four {
    int type = -1, n = 0, c = 0, h = 0, w = 0;
    int64_t at(int64_t i, int64_t j, int64_t y, int64_t x) const { return ((i * c + j) * h + y) * w + x; }
    bool number(Number* number) const {
        *number = type == 0 ? Number::f32 : type == 1 ? Number::f64 : type == 2 ? Number::f16 : Number::bf16;
        return (type >= 0 && type <= 2) || type == 9;
    }
};
struct Geometry {
    int pad[2] = {}, stride[2] = {1, 1}, dilation[2] = {1, 1}, mode = 0, compute = -1, groups = 1, math = 0;
};

const Four& four(const void* descriptor) { return *static_cast<const Four*>(descriptor); }
const Geometry& geometry(const void* descriptor) { return *static_cast<const Geometry*>(descriptor); }

bool fit(const Four& x, const Four& w, const Four& y, const Geometry& g) {
    auto extent = [&](int in, int kernel, int d) {
        return (in + 2 * g.pad[d] - g.dilation[d] * (kernel - 1) - 1) / g.stride[d] + 1;
    };
    return x.type == w.type && x.type == y.type && g.mode == 1 && g.compute == (x.type == 1 ? 1 : 0) && g.groups > 0 &&
           x.n == y.n && x.c == w.c * g.groups && y.c == w.n && w.n % g.groups == 0 && y.h == extent(x.h, w.h, 0) &&
           y.w == extent(x.w, w.w, 1);
}

// Calls visit(x, w, y) with the places of the three factors of every product.
template <class F>
void walk(const Four& x, const Four& w, const Four& y, const Geometry& g, F visit) {
    int per_group = w.n / g.groups;
    for (int n = 0; n < y.n; n++)
        for (int o = 0; o < y.c; o++)
            for (int i = 0; i < y.h; i++)
                for (int j = 0; j < y.w; j++)
                    for (int c = 0; c < w.c; c++)
                        for (int a = 0; a < w.h; a++)
                            for (int b = 0; b < w.w; b++) {
                                int row = i * g.stride[0] - g.pad[0] + a * g.dilation[0];
                                int col = j * g.stride[1] - g.pad[1] + b * g.dilation[1];
                                if (row < 0 || row >= x.h || col < 0 || col >= x.w) continue;
                                visit(x.at(n, o / per_group * w.c + c, row, col), w.at(o, c, a, b), y.at(n, o, i, j));
                            }
}

double scalar(const void* at, bool wide) {
    return wide ? *static_cast<const double*>(at) : *static_cast<const float*>(at);
}

// The three passes differ in which of x, w, y they add up.
enum class Made { x, w, y };
int convolve(Made made, const void* alpha, const Four& x, const void* x_data, const Four& w, const void* w_data,
             const Four& y, const void* y_data, const Geometry& g, int chosen, void* workspace, size_t bytes,
             const void* beta, void* result) {
    Number number;
    if (!fit(x, w, y, g) || !x.number(&number) || chosen != algorithm || !workspace || bytes < workspace_needed)
        return bad_param;
    memset(workspace, 0x5a, workspace_needed);
    bool wide = number == Number::f64;
    const Four& of = made == Made::x ? x : made == Made::w ? w : y;
    int64_t count = int64_t{of.n} * of.c * of.h * of.w;
    double* sums = new double[static_cast<size_t>(count)]();
    walk(x, w, y, g, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
        if (made == Made::y) sums[at_y] += load(x_data, at_x, number) * load(w_data, at_w, number);
        if (made == Made::x) sums[at_x] += load(y_data, at_y, number) * load(w_data, at_w, number);
        if (made == Made::w) sums[at_w] += load(x_data, at_x, number) * load(y_data, at_y, number);
    });
    double times = scalar(alpha, wide), keep = scalar(beta, wide);
    for (int64_t i = 0; i < count; i++)
        store(result, i, number, times * sums[i] + (keep == 0 ? 0 : keep * load(result, i, number)));
    delete[] sums;
    return success;
}

struct Algorithm {
    int algorithm, status;
    float time;
    size_t memory;
    int determinism, math_type, reserved[3];
};
int choose(int wanted, int* count, Algorithm* found) {
    *count = wanted < 2 ? wanted : 2;
    // The first one failed to run, as cuDNN says of those that do not suit.
    if (*count > 0) found[0] = {0, 9, -1, 0, 1, 0, {}};
    if (*count > 1) found[1] = {algorithm, success, -1, workspace_needed, 1, 0, {}};
    return success;
}
int workspace_of(int chosen, size_t* bytes) {
    *bytes = workspace_needed;
    return chosen == algorithm ? success : bad_param;
}

}  // namespace

EXPORT size_t cudnnGetVersion() { return 8902; }
EXPORT int cudnnCreate(void** handle) {
    *handle = new int;
    return success;
}
EXPORT int cudnnSetStream(void* handle, void*) { return handle ? success : bad_param; }

#define DESCRIPTOR(Kind, Type)                                    \
    EXPORT int cudnnCreate##Kind##Descriptor(void** descriptor) { \
        *descriptor = new Type;                                   \
        return success;                                           \
    }                                                             \
    EXPORT int cudnnDestroy##Kind##Descriptor(void* descriptor) { \
        delete static_cast<Type*>(descriptor);                    \
        return success;                                           \
    }
DESCRIPTOR(Tensor, Four)
DESCRIPTOR(Filter, Four)
DESCRIPTOR(Convolution, Geometry)

EXPORT int cudnnSetTensor4dDescriptor(void* descriptor, int format, int type, int n, int c, int h, int w) {
    *static_cast<Four*>(descriptor) = {type, n, c, h, w};
    return format == 0 && n > 0 && c > 0 && h > 0 && w > 0 ? success : bad_param;
}
EXPORT int cudnnSetFilter4dDescriptor(void* descriptor, int type, int format, int k, int c, int h, int w) {
    return cudnnSetTensor4dDescriptor(descriptor, format, type, k, c, h, w);
}
EXPORT int cudnnSetConvolution2dDescriptor(void* descriptor, int pad_h, int pad_w, int stride_h, int stride_w,
                                           int dilation_h, int dilation_w, int mode, int compute) {
    *static_cast<Geometry*>(descriptor) = {
        {pad_h, pad_w}, {stride_h, stride_w}, {dilation_h, dilation_w}, mode, compute};
    return stride_h > 0 && stride_w > 0 && dilation_h > 0 && dilation_w > 0 ? success : bad_param;
}
EXPORT int cudnnSetConvolutionGroupCount(void* descriptor, int groups) {
    static_cast<Geometry*>(descriptor)->groups = groups;
    return success;
}
EXPORT int cudnnSetConvolutionMathType(void* descriptor, int math) {
    static_cast<Geometry*>(descriptor)->math = math;
    return success;
}

#define CHOICE(Name)                                                                                               \
    EXPORT int cudnnGetConvolution##Name##Algorithm_v7(void*, const void*, const void*, const void*, const void*,  \
                                                       int wanted, int* count, Algorithm* found) {                 \
        return choose(wanted, count, found);                                                                       \
    }                                                                                                              \
    EXPORT int cudnnGetConvolution##Name##WorkspaceSize(void*, const void*, const void*, const void*, const void*, \
                                                        int chosen, size_t* bytes) {                               \
        return workspace_of(chosen, bytes);                                                                        \
    }
CHOICE(Forward)
CHOICE(BackwardData)
CHOICE(BackwardFilter)

EXPORT int cudnnConvolutionForward(void*, const void* alpha, const void* x, const void* x_data, const void* w,
                                   const void* w_data, const void* convolution, int chosen, void* workspace,
                                   size_t bytes, const void* beta, const void* y, void* result) {
    return convolve(Made::y, alpha, four(x), x_data, four(w), w_data, four(y), nullptr, geometry(convolution), chosen,
                    workspace, bytes, beta, result);
}
EXPORT int cudnnConvolutionBackwardData(void*, const void* alpha, const void* w, const void* w_data, const void* dy,
                                        const void* dy_data, const void* convolution, int chosen, void* workspace,
                                        size_t bytes, const void* beta, const void* dx, void* result) {
    return convolve(Made::x, alpha, four(dx), nullptr, four(w), w_data, four(dy), dy_data, geometry(convolution),
                    chosen, workspace, bytes, beta, result);
}
EXPORT int cudnnConvolutionBackwardFilter(void*, const void* alpha, const void* x, const void* x_data, const void* dy,
                                          const void* dy_data, const void* convolution, int chosen, void* workspace,
                                          size_t bytes, const void* beta, const void* dw, void* result) {
    return convolve(Made::w, alpha, four(x), x_data, four(dw), nullptr, four(dy), dy_data, geometry(convolution),
                    chosen, workspace, bytes, beta, result);
}
