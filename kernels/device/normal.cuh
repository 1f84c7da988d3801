// Normal values from uniform ones by the method of Box and Muller (1958).
#ifndef CUDANET_KERNELS_DEVICE_NORMAL_CUH
#define CUDANET_KERNELS_DEVICE_NORMAL_CUH

#include "philox.cuh"

namespace cn {

__device__ __forceinline__ float log_of(float x) { return logf(x); }
__device__ __forceinline__ double log_of(double x) { return log(x); }
__device__ __forceinline__ float root(float x) { return sqrtf(x); }
__device__ __forceinline__ double root(double x) { return sqrt(x); }
__device__ __forceinline__ float cos_pi(float x) { return cospif(x); }
__device__ __forceinline__ double cos_pi(double x) { return cospi(x); }
__device__ __forceinline__ float sin_pi(float x) { return sinpif(x); }
__device__ __forceinline__ double sin_pi(double x) { return sinpi(x); }

// Two values with mean 0 and this standard deviation. The first uniform comes from (0, 1], as its logarithm is taken.
template <class A>
__device__ __forceinline__ void normal_pair(A first, A second, A std, A& cosine, A& sine) {
    A radius = std * root(A(-2) * log_of(first));
    cosine = radius * cos_pi(A(2) * second);
    sine = radius * sin_pi(A(2) * second);
}

// The four standard normal values of one counter, of uniforms of 24 bits whatever A is, so that every dtype gets the
// same noise.
template <class A>
struct Normals {
    static constexpr int lanes = 4;
    A at[4];
    __device__ __forceinline__ explicit Normals(uint4 words) {
        Uniforms<float> u(words);
#pragma unroll
        for (int i = 0; i < 4; i += 2)
            normal_pair<A>(u.at[i] + Uniforms<float>::step, u.at[i + 1], A(1), at[i], at[i + 1]);
    }
};

}  // namespace cn

#endif
