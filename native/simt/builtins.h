// CUDA's built-in functions for g++: barriers, warp collectives, atomics, arithmetic.
#ifndef CUDANET_SIMT_BUILTINS_H
#define CUDANET_SIMT_BUILTINS_H

// ---- Barriers and warp collectives ---------------------------------------------------------------------------------
// The default argument makes the call site part of each call, which is how a divergence can be reported by line.

inline void __syncthreads(simt::Site site = simt::Site::current()) { simt::barrier(simt::Vote::none, 0, site); }
inline int __syncthreads_count(int p, simt::Site site = simt::Site::current()) {
    return simt::barrier(simt::Vote::count, p, site);
}
inline int __syncthreads_and(int p, simt::Site site = simt::Site::current()) {
    return simt::barrier(simt::Vote::all, p, site);
}
inline int __syncthreads_or(int p, simt::Site site = simt::Site::current()) {
    return simt::barrier(simt::Vote::any, p, site);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, simt::Site site = simt::Site::current()) {
    simt::collective(simt::Collective::sync, mask, 0, 0, 32, site);
}

namespace simt {
template <class T>
inline T shuffle(Collective kind, unsigned mask, T v, int operand, int width, const Site& site) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>, "shuffles move up to 8 bytes");
    uint64_t raw = 0;
    memcpy(&raw, &v, sizeof(T));
    raw = collective(kind, mask, raw, operand, width, site);
    memcpy(&v, &raw, sizeof(T));
    return v;
}
}  // namespace simt

template <class T>
inline T __shfl_sync(unsigned mask, T v, int source, int width = 32, simt::Site site = simt::Site::current()) {
    return simt::shuffle(simt::Collective::shfl, mask, v, source, width, site);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T v, unsigned d, int width = 32, simt::Site site = simt::Site::current()) {
    return simt::shuffle(simt::Collective::shfl_up, mask, v, static_cast<int>(d), width, site);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T v, unsigned d, int width = 32, simt::Site site = simt::Site::current()) {
    return simt::shuffle(simt::Collective::shfl_down, mask, v, static_cast<int>(d), width, site);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T v, int m, int width = 32, simt::Site site = simt::Site::current()) {
    return simt::shuffle(simt::Collective::shfl_xor, mask, v, m, width, site);
}
inline unsigned __ballot_sync(unsigned mask, int p, simt::Site site = simt::Site::current()) {
    return static_cast<unsigned>(simt::collective(simt::Collective::ballot, mask, p != 0, 0, 32, site));
}
inline int __any_sync(unsigned mask, int p, simt::Site site = simt::Site::current()) {
    return static_cast<int>(simt::collective(simt::Collective::any, mask, p != 0, 0, 32, site));
}
inline int __all_sync(unsigned mask, int p, simt::Site site = simt::Site::current()) {
    return static_cast<int>(simt::collective(simt::Collective::all, mask, p != 0, 0, 32, site));
}
template <class T>
inline unsigned __match_any_sync(unsigned mask, T v, simt::Site site = simt::Site::current()) {
    uint64_t raw = 0;
    memcpy(&raw, &v, sizeof(T));
    return static_cast<unsigned>(simt::collective(simt::Collective::match, mask, raw, 0, 32, site));
}
// CUDA promises no convergence, so the calling lane alone is a right answer, and the one that shows code relying on
// more.
inline unsigned __activemask() { return 1u << simt::lane(); }

CN_UNCHECKED inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
CN_UNCHECKED inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// ---- Atomics -------------------------------------------------------------------------------------------------------

namespace simt {
template <class T, class F>
CN_UNCHECKED inline T atomic_update(T* address, F next) {
    note_access(address, sizeof(T), true, true);
    T old;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    for (;;) {
        T desired = next(old);
        if (__atomic_compare_exchange(address, &old, &desired, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return old;
    }
}
}  // namespace simt

#define CN_ATOMIC(name, T, expression)                                                            \
    CN_UNCHECKED inline T name(T* address, T v) {                                                 \
        return simt::atomic_update(address, [v](T old) CN_UNCHECKED -> T { return expression; }); \
    }
#define CN_ATOMIC_INTEGERS(name, expression) \
    CN_ATOMIC(name, int, expression)         \
    CN_ATOMIC(name, unsigned, expression)    \
    CN_ATOMIC(name, unsigned long long, expression)
CN_ATOMIC(atomicAdd, float, old + v)
CN_ATOMIC(atomicAdd, double, old + v)
CN_ATOMIC(atomicAdd, int, static_cast<int>(static_cast<unsigned>(old) + static_cast<unsigned>(v)))
CN_ATOMIC(atomicAdd, unsigned, old + v)
CN_ATOMIC(atomicAdd, unsigned long long, old + v)
CN_ATOMIC(atomicSub, int, static_cast<int>(static_cast<unsigned>(old) - static_cast<unsigned>(v)))
CN_ATOMIC(atomicSub, unsigned, old - v)
CN_ATOMIC_INTEGERS(atomicMax, old > v ? old : v)
CN_ATOMIC_INTEGERS(atomicMin, old < v ? old : v)
CN_ATOMIC_INTEGERS(atomicAnd, old& v)
CN_ATOMIC_INTEGERS(atomicOr, old | v)
CN_ATOMIC_INTEGERS(atomicXor, old ^ v)
CN_ATOMIC_INTEGERS(atomicExch, (static_cast<void>(old), v))
CN_ATOMIC(atomicExch, float, (static_cast<void>(old), v))
CN_ATOMIC(atomicMax, long long, old > v ? old : v)
CN_ATOMIC(atomicMin, long long, old < v ? old : v)
#undef CN_ATOMIC
#undef CN_ATOMIC_INTEGERS

#define CN_ATOMIC_CAS(T)                                                                                        \
    CN_UNCHECKED inline T atomicCAS(T* address, T compare, T v) {                                               \
        return simt::atomic_update(address, [=](T old) CN_UNCHECKED -> T { return old == compare ? v : old; }); \
    }
CN_ATOMIC_CAS(int)
CN_ATOMIC_CAS(unsigned)
CN_ATOMIC_CAS(unsigned long long)
CN_ATOMIC_CAS(unsigned short)
#undef CN_ATOMIC_CAS

// ---- Arithmetic ----------------------------------------------------------------------------------------------------

template <class T>
inline T __ldg(const T* pointer) {
    return *pointer;
}

template <class A, class B>
inline constexpr std::common_type_t<A, B> min(A a, B b) {
    if constexpr (std::is_floating_point_v<std::common_type_t<A, B>>)
        return a < b || b != b ? a : b;  // CUDA's min and max return the operand that is no NaN
    else
        return static_cast<std::common_type_t<A, B>>(a) < static_cast<std::common_type_t<A, B>>(b) ? a : b;
}
template <class A, class B>
inline constexpr std::common_type_t<A, B> max(A a, B b) {
    if constexpr (std::is_floating_point_v<std::common_type_t<A, B>>)
        return a > b || b != b ? a : b;
    else
        return static_cast<std::common_type_t<A, B>>(a) > static_cast<std::common_type_t<A, B>>(b) ? a : b;
}

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
// The angle is reduced before it is multiplied by pi, which is exact: near the zeros the result keeps all its digits.
inline double sinpi(double x) {
    double quarters = nearbyint(2 * fmod(x, 2.0)), rest = M_PI * (fmod(x, 2.0) - quarters / 2);
    int quadrant = static_cast<int>(quarters) & 3;
    double value = quadrant % 2 == 0 ? sin(rest) : cos(rest);
    return quadrant < 2 ? value : -value;
}
inline double cospi(double x) {
    double quarters = nearbyint(2 * fmod(x, 2.0)), rest = M_PI * (fmod(x, 2.0) - quarters / 2);
    int quadrant = static_cast<int>(quarters) & 3;
    double value = quadrant % 2 == 0 ? cos(rest) : -sin(rest);
    return quadrant < 2 ? value : -value;
}
inline float sinpif(float x) { return static_cast<float>(sinpi(static_cast<double>(x))); }
inline float cospif(float x) { return static_cast<float>(cospi(static_cast<double>(x))); }
inline double normcdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
inline float normcdff(float x) { return static_cast<float>(normcdf(x)); }

// glibc declares functions of some of these names, so they have to be macros.
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __sincosf(x, s, c) sincosf(x, s, c)
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

// Rounded on their own: never contracted into a fused multiply-add.
__attribute__((optimize("fp-contract=off"))) inline float __fmul_rn(float a, float b) {
    volatile float product = a * b;
    return product;
}
__attribute__((optimize("fp-contract=off"))) inline float __fadd_rn(float a, float b) {
    volatile float sum = a + b;
    return sum;
}
inline float __fsub_rn(float a, float b) { return __fadd_rn(a, -b); }
inline double __dmul_rn(double a, double b) {
    volatile double product = a * b;
    return product;
}
inline double __dadd_rn(double a, double b) {
    volatile double sum = a + b;
    return sum;
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
    unsigned r = 0;
    for (int i = 0; i < 32; i++) r |= ((x >> i) & 1u) << (31 - i);
    return r;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((static_cast<uint64_t>(a) * b) >> 32); }
inline int __mulhi(int a, int b) { return static_cast<int>((static_cast<int64_t>(a) * b) >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}

#define CN_BITCAST(name, To, From)                 \
    inline To name(From x) {                       \
        static_assert(sizeof(To) == sizeof(From)); \
        To r;                                      \
        memcpy(&r, &x, sizeof r);                  \
        return r;                                  \
    }
CN_BITCAST(__float_as_uint, unsigned, float)
CN_BITCAST(__float_as_int, int, float)
CN_BITCAST(__uint_as_float, float, unsigned)
CN_BITCAST(__int_as_float, float, int)
CN_BITCAST(__double_as_longlong, long long, double)
CN_BITCAST(__longlong_as_double, double, long long)
#undef CN_BITCAST

inline int __float2int_rn(float x) { return static_cast<int>(nearbyintf(x)); }
inline int __float2int_rd(float x) { return static_cast<int>(floorf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }

#endif
