// Loads and stores of 16 bytes at a time, for pointers and lengths that allow it.
#ifndef CUDANET_KERNELS_DEVICE_VEC_CUH
#define CUDANET_KERNELS_DEVICE_VEC_CUH

#include "kernel.cuh"

template <class T>
struct Vec {
    static constexpr int size = 16 / sizeof(T);
    T at[size];
};

// 16-byte access needs an aligned start and, for rows, a row length that keeps each row aligned.
template <class T>
inline bool cn_vectorizes(const void* pointer, int64_t row_length) {
    return reinterpret_cast<uintptr_t>(pointer) % 16 == 0 && row_length % Vec<T>::size == 0;
}

template <class T>
__device__ __forceinline__ Vec<T> load_vec(const T* pointer) {
    uint4 raw = *reinterpret_cast<const uint4*>(pointer);
    Vec<T> v;
    memcpy(&v, &raw, 16);
    return v;
}
template <class T>
__device__ __forceinline__ void store_vec(T* pointer, const Vec<T>& v) {
    uint4 raw;
    memcpy(&raw, &v, 16);
    *reinterpret_cast<uint4*>(pointer) = raw;
}

// A vector where WIDE, else a single element: for kernels that are written once for both.
template <class T, bool WIDE>
struct Pack {
    static constexpr int size = WIDE ? Vec<T>::size : 1;
    T at[size];

    __device__ static __forceinline__ Pack load(const T* pointer) {
        Pack pack;
        if constexpr (WIDE) {
            Vec<T> v = load_vec(pointer);
            memcpy(&pack, &v, sizeof v);
        } else {
            pack.at[0] = *pointer;
        }
        return pack;
    }
    __device__ __forceinline__ void store(T* pointer) const {
        if constexpr (WIDE) {
            Vec<T> v;
            memcpy(&v, at, sizeof v);
            store_vec(pointer, v);
        } else {
            *pointer = at[0];
        }
    }
};

#endif
