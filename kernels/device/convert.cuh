// Conversion between any two dtypes: floats round to nearest even, also from 64-bit types to 16-bit ones; float to
// integer truncates toward zero and saturates, NaN becomes 0; integer to integer saturates; to bool is x != 0. Limits are
// compared explicitly: C++ leaves a conversion out of range undefined, and PTX saturates only some of them.
#ifndef CUDANET_KERNELS_DEVICE_CONVERT_CUH
#define CUDANET_KERNELS_DEVICE_CONVERT_CUH

#include "kernel.cuh"

namespace cn {

__host__ __device__ __forceinline__ bool is_odd_step_needed(double x, float f, bool* above) {
    double back = f;
    *above = (back < 0 ? -back : back) > (x < 0 ? -x : x);
    return back != x && x == x;
}
__host__ __device__ __forceinline__ bool is_odd_step_needed(int64_t x, float f, bool* above) {
    if (f >= 9223372036854775808.0f) {
        *above = true;
        return true;
    }
    int64_t back = static_cast<int64_t>(f);
    *above = x > 0 ? back > x : back < x;
    return back != x;
}

// Rounding twice, to float and then to 16 bits, can miss the nearest value. Rounding to odd first (toward zero, with
// the last bit set when anything was lost) keeps what the second rounding needs (Boldo and Melquiond 2008).
template <class X>
__host__ __device__ __forceinline__ float to_odd_float(X x) {
    float f = static_cast<float>(x);
    bool above;
    if (!is_odd_step_needed(x, f, &above)) return f;
    uint32_t bits;
    memcpy(&bits, &f, 4);
    if (above) bits--;
    bits |= 1;
    memcpy(&f, &bits, 4);
    return f;
}

template <class To, bool ToFloating, bool FromFloating>
struct Convert;

template <class To>
struct Convert<To, true, true> {
    __host__ __device__ static __forceinline__ To from(float x) { return from_acc<To>(x); }
    __host__ __device__ static __forceinline__ To from(double x) { return from_acc<To>(narrow(x, acc_t<To>())); }
    __host__ __device__ static __forceinline__ double narrow(double x, double) { return x; }
    __host__ __device__ static __forceinline__ float narrow(double x, float) {
        return sizeof(To) == 2 ? to_odd_float(x) : static_cast<float>(x);
    }
};
template <class To>
struct Convert<To, true, false> {
    __host__ __device__ static __forceinline__ To from(int64_t x) {
        return from_acc<To>(sizeof(To) == 2 ? static_cast<acc_t<To>>(to_odd_float(x)) : static_cast<acc_t<To>>(x));
    }
};
// The limits of an integer type.
template <class I>
struct Range {
    static constexpr I lowest = static_cast<I>(I(-1) < I(0) ? uint64_t(1) << (8 * sizeof(I) - 1) : 0);
    static constexpr I highest = static_cast<I>(~lowest);
};

template <class To>
struct Convert<To, false, false> {
    __host__ __device__ static __forceinline__ To from(int64_t x) {
        constexpr To lowest = Range<To>::lowest, highest = Range<To>::highest;
        return x < static_cast<int64_t>(lowest)    ? lowest
               : x > static_cast<int64_t>(highest) ? highest
                                                   : static_cast<To>(x);
    }
};
template <>
struct Convert<bool, false, false> {
    __host__ __device__ static __forceinline__ bool from(int64_t x) { return x != 0; }
};
template <class To>
struct Convert<To, false, true> {
    template <class X>
    __host__ __device__ static __forceinline__ To from(X x) {
        constexpr To lowest = Range<To>::lowest, highest = Range<To>::highest;
        if (x != x) return To(0);
        // 2 to the power of the bits is exact in every floating type, the highest integer is not.
        const X end = static_cast<X>(highest / 2 + 1) * X(2);
        if (x >= end) return highest;
        if (x <= static_cast<X>(lowest)) return lowest;
        return static_cast<To>(x);
    }
};
template <>
struct Convert<bool, false, true> {
    template <class X>
    __host__ __device__ static __forceinline__ bool from(X x) {
        return x != X(0);
    }
};

}  // namespace cn

template <class To, class From>
__host__ __device__ __forceinline__ To cn_convert(From x) {
    return cn::Convert<To, cn_is_floating<To>::value, cn_is_floating<From>::value>::from(to_acc(x));
}

#endif
