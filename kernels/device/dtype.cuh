// Storage types, their accumulator types, conversions that round to nearest even, and dispatch from CnDType to a type.
#ifndef CUDANET_KERNELS_DEVICE_DTYPE_CUH
#define CUDANET_KERNELS_DEVICE_DTYPE_CUH

// The same bits as __half and __nv_bfloat16. They have no arithmetic on purpose: kernels compute in acc_t<T>.
struct cn_half {
    uint16_t bits;
};
struct cn_bf16 {
    uint16_t bits;
};

// The type a kernel computes in. Integers accumulate in 64 bits; the result wraps when it is stored.
template <class T>
struct acc_type {
    using type = int64_t;
};
template <>
struct acc_type<float> {
    using type = float;
};
template <>
struct acc_type<double> {
    using type = double;
};
template <>
struct acc_type<cn_half> {
    using type = float;
};
template <>
struct acc_type<cn_bf16> {
    using type = float;
};
template <class T>
using acc_t = typename acc_type<T>::type;

template <class T>
struct cn_dtype_of;
#define CN_DTYPE_OF(T, value)                \
    template <>                              \
    struct cn_dtype_of<T> {                  \
        static constexpr int32_t id = value; \
    };
CN_DTYPE_OF(float, CN_F32)
CN_DTYPE_OF(double, CN_F64)
CN_DTYPE_OF(cn_half, CN_F16)
CN_DTYPE_OF(cn_bf16, CN_BF16)
CN_DTYPE_OF(int64_t, CN_I64)
CN_DTYPE_OF(int32_t, CN_I32)
CN_DTYPE_OF(uint8_t, CN_U8)
CN_DTYPE_OF(bool, CN_BOOL)
#undef CN_DTYPE_OF

template <class T>
struct cn_is_floating {
    static constexpr bool value = false;
};
template <>
struct cn_is_floating<float> {
    static constexpr bool value = true;
};
template <>
struct cn_is_floating<double> {
    static constexpr bool value = true;
};
template <>
struct cn_is_floating<cn_half> {
    static constexpr bool value = true;
};
template <>
struct cn_is_floating<cn_bf16> {
    static constexpr bool value = true;
};

__host__ __device__ __forceinline__ float to_acc(float x) { return x; }
__host__ __device__ __forceinline__ double to_acc(double x) { return x; }
__host__ __device__ __forceinline__ float to_acc(cn_half x) { return cn::half_to_float(x.bits); }
__host__ __device__ __forceinline__ float to_acc(cn_bf16 x) { return cn::bf16_to_float(x.bits); }
__host__ __device__ __forceinline__ int64_t to_acc(int64_t x) { return x; }
__host__ __device__ __forceinline__ int64_t to_acc(int32_t x) { return x; }
__host__ __device__ __forceinline__ int64_t to_acc(uint8_t x) { return x; }
__host__ __device__ __forceinline__ int64_t to_acc(bool x) { return x ? 1 : 0; }

namespace cn {
template <class T>
struct FromAcc {
    __host__ __device__ static __forceinline__ T from(acc_t<T> v) { return static_cast<T>(v); }
};
template <>
struct FromAcc<cn_half> {
    __host__ __device__ static __forceinline__ cn_half from(float v) { return cn_half{float_to_half(v)}; }
};
template <>
struct FromAcc<cn_bf16> {
    __host__ __device__ static __forceinline__ cn_bf16 from(float v) { return cn_bf16{float_to_bf16(v)}; }
};
template <>
struct FromAcc<bool> {
    __host__ __device__ static __forceinline__ bool from(int64_t v) { return v != 0; }
};
}  // namespace cn

// from_acc<T>(v): v is an acc_t<T>; floats round to nearest even, integers wrap, bool is v != 0.
template <class T>
__host__ __device__ __forceinline__ T from_acc(acc_t<T> v) {
    return cn::FromAcc<T>::from(v);
}

// CN_DISPATCH_FLOATING(dtype, T, { return CN_LAUNCH(...); }); return cn_unsupported_dtype(call, dtype);
#define CN_DISPATCH_CASE(id, T, type, ...) \
    case id: {                             \
        using T [[maybe_unused]] = type;   \
        __VA_ARGS__                        \
    } break;
#define CN_DISPATCH_FLOATING(dtype, T, ...)                \
    switch (dtype) {                                       \
        CN_DISPATCH_CASE(CN_F32, T, float, __VA_ARGS__)    \
        CN_DISPATCH_CASE(CN_F64, T, double, __VA_ARGS__)   \
        CN_DISPATCH_CASE(CN_F16, T, cn_half, __VA_ARGS__)  \
        CN_DISPATCH_CASE(CN_BF16, T, cn_bf16, __VA_ARGS__) \
        default:                                           \
            break;                                         \
    }
#define CN_DISPATCH_INTEGRAL(dtype, T, ...)               \
    switch (dtype) {                                      \
        CN_DISPATCH_CASE(CN_I64, T, int64_t, __VA_ARGS__) \
        CN_DISPATCH_CASE(CN_I32, T, int32_t, __VA_ARGS__) \
        CN_DISPATCH_CASE(CN_U8, T, uint8_t, __VA_ARGS__)  \
        CN_DISPATCH_CASE(CN_BOOL, T, bool, __VA_ARGS__)   \
        default:                                          \
            break;                                        \
    }
#define CN_DISPATCH_ALL(dtype, T, ...)                     \
    switch (dtype) {                                       \
        CN_DISPATCH_CASE(CN_F32, T, float, __VA_ARGS__)    \
        CN_DISPATCH_CASE(CN_F64, T, double, __VA_ARGS__)   \
        CN_DISPATCH_CASE(CN_F16, T, cn_half, __VA_ARGS__)  \
        CN_DISPATCH_CASE(CN_BF16, T, cn_bf16, __VA_ARGS__) \
        CN_DISPATCH_CASE(CN_I64, T, int64_t, __VA_ARGS__)  \
        CN_DISPATCH_CASE(CN_I32, T, int32_t, __VA_ARGS__)  \
        CN_DISPATCH_CASE(CN_U8, T, uint8_t, __VA_ARGS__)   \
        CN_DISPATCH_CASE(CN_BOOL, T, bool, __VA_ARGS__)    \
        default:                                           \
            break;                                         \
    }

#endif
