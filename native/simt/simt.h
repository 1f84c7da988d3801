// The CPU side of kernel.cuh: what a kernel file sees when g++ compiles it. Its twin is kernels/device/gpu.cuh.
// Each CUDA thread is a fiber; barriers and warp collectives hand over to the next fiber (see block.h).
#ifndef CUDANET_SIMT_SIMT_H
#define CUDANET_SIMT_SIMT_H

#include <immintrin.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>

#include <memory>
#include <source_location>
#include <tuple>
#include <type_traits>

#define __device__
#define __host__
#define __global__
#define __constant__ const
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#ifndef __restrict__
#define __restrict__ __restrict
#endif

// ---- Vector types --------------------------------------------------------------------------------------------------

#define CN_VEC2(name, T)                                             \
    struct __attribute__((may_alias, aligned(2 * sizeof(T)))) name { \
        T x, y;                                                      \
    };                                                               \
    inline name make_##name(T x, T y) { return {x, y}; }
#define CN_VEC4(name, T)                                                                  \
    struct __attribute__((may_alias, aligned(sizeof(T) < 4 ? 4 * sizeof(T) : 16))) name { \
        T x, y, z, w;                                                                     \
    };                                                                                    \
    inline name make_##name(T x, T y, T z, T w) { return {x, y, z, w}; }
CN_VEC2(float2, float)
CN_VEC2(double2, double)
CN_VEC2(int2, int)
CN_VEC2(uint2, unsigned)
CN_VEC2(longlong2, long long)
CN_VEC2(ulonglong2, unsigned long long)
CN_VEC2(short2, short)
CN_VEC2(ushort2, unsigned short)
CN_VEC4(float4, float)
CN_VEC4(int4, int)
CN_VEC4(uint4, unsigned)
CN_VEC4(uchar4, unsigned char)
CN_VEC4(short4, short)
CN_VEC4(ushort4, unsigned short)
#undef CN_VEC2
#undef CN_VEC4

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

inline thread_local constinit uint3 threadIdx{};
inline thread_local constinit uint3 blockIdx{};
inline thread_local constinit dim3 blockDim{};
inline thread_local constinit dim3 gridDim{};
constexpr int warpSize = 32;

// ---- What the runtime offers to kernels ----------------------------------------------------------------------------

namespace simt {

using Site = std::source_location;

enum class Collective : int { sync, shfl, shfl_up, shfl_down, shfl_xor, ballot, any, all, match, custom };
const char* collective_name(Collective kind);

enum class Vote : int { none, count, all, any };
int barrier(Vote vote, int predicate, const Site& site);

// Waits for all lanes of `mask`; the last one to arrive computes every lane's result. `operand` is the source lane,
// delta or lane mask of a shuffle.
uint64_t collective(Collective kind, unsigned mask, uint64_t value, int operand, int width, const Site& site);

// For operations of a whole warp (mma, ldmatrix): each lane hands in `self`, and the last lane to arrive calls
// run(lanes, context), where lanes[i] is lane i's `self`. All 32 lanes must take part.
void warp_together(const char* what, void* self, void (*run)(void* const* lanes, void* context), void* context,
                   const Site& site);

// Abandons the block; the launch fails with this message at the next synchronisation. Does not return.
[[noreturn]] void fail(const Site& site, const char* format, ...) __attribute__((format(printf, 2, 3)));

void* static_shared(const void* tag, size_t bytes, const Site& site);
void* dynamic_shared(const Site& site);
unsigned lane();

// A seeded draw for operations whose moment is free (asynchronous copies); 0 when threads run in order.
uint64_t schedule_draw();

// For the race checker; nothing happens in the other builds.
#if defined(CUDANET_SIMT_RACE)
void note_access(const void* address, size_t bytes, bool write, bool atomic);
#else
inline void note_access(const void*, size_t, bool, bool) {}
#endif

struct BoundKernel {
    virtual void run() const = 0;
    virtual ~BoundKernel() = default;
};

}  // namespace simt

#if defined(CUDANET_SIMT_RACE)
#define CN_UNCHECKED __attribute__((no_sanitize("thread")))
#else
#define CN_UNCHECKED
#endif

// Static shared memory is looked up by a tag of its own, so every array is a separate exact-size allocation.
#define CN_SHARED(type, name, dims)                       \
    static char name##_tag_;                              \
    using name##_shared_ = type dims;                     \
    name##_shared_& name = *static_cast<name##_shared_*>( \
        simt::static_shared(&name##_tag_, sizeof(name##_shared_), simt::Site::current()))
#define CN_DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(simt::dynamic_shared(simt::Site::current()))

namespace cn {

CnStatus launch_simt(const CnCall* call, const LaunchShape& shape, std::unique_ptr<simt::BoundKernel> kernel);

template <class... P>
struct Bound final : simt::BoundKernel {
    void (*kernel)(P...);
    std::tuple<P...> args;
    template <class... A>
    Bound(void (*k)(P...), A... a) : kernel(k), args(a...) {}
    void run() const override { std::apply(kernel, args); }
};

template <class... P>
CnStatus launch(const CnCall* call, const LaunchShape& shape, void (*kernel)(P...),
                typename identity<P>::type... args) {
    return launch_simt(call, shape, std::unique_ptr<simt::BoundKernel>(new Bound<P...>(kernel, args...)));
}

inline float half_to_float(uint16_t bits) { return _cvtsh_ss(bits); }
inline uint16_t float_to_half(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
inline float bf16_to_float(uint16_t bits) {
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float x;
    memcpy(&x, &wide, 4);
    return x;
}
inline uint16_t float_to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (x != x) return 0x7fff;  // as the GPU's conversion does
    return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace cn

#include "builtins.h"
#include "tensor_core.h"

#endif
