// What both directions of a coupling layer share: N tensors of one shape seen as rows, one for each sample, whatever
// their strides (scale and shift are often two halves of one network's output), and the bounded scale.
#ifndef CUDANET_KERNELS_FLOW_COUPLING_CUH
#define CUDANET_KERNELS_FLOW_COUPLING_CUH

#include "../device/elementwise.cuh"
#include "../device/vec.cuh"

namespace cn {

template <int N>
struct SampleRows {
    Walk<N> sample;
    bool dense;  // within a sample, in all tensors
    int64_t rows, cols, steps[N];

    // Where column `col` of a row lies in each tensor.
    __device__ __forceinline__ void locate(int64_t row, int64_t col, int64_t (&at)[N]) const {
        if (dense) {
#pragma unroll
            for (int n = 0; n < N; n++) at[n] = col;
        } else {
            sample.offsets(col, at);
        }
#pragma unroll
        for (int n = 0; n < N; n++) at[n] += row * steps[n];
    }
};

inline CnTensor one_sample(const CnTensor& tensor) {
    CnTensor sample = tensor;
    sample.rank = tensor.rank - 1;
    for (int d = 0; d < sample.rank; d++) {
        sample.shape[d] = tensor.shape[d + 1];
        sample.strides[d] = tensor.strides[d + 1];
    }
    return sample;
}

// The first tensor is always there; one that is absent is never read, and gets the places of the first.
template <int N>
SampleRows<N> make_sample_rows(const CnTensor* const (&tensors)[N]) {
    SampleRows<N> r;
    CnTensor samples[N];
    const CnTensor* operands[N];
    for (int n = 0; n < N; n++) {
        const CnTensor& tensor = tensors[n] ? *tensors[n] : *tensors[0];
        samples[n] = one_sample(tensor);
        r.steps[n] = tensor.strides[0];
        operands[n] = &samples[n];
    }
    const CnTensor* const(&all)[N] = operands;
    r.sample = make_walk<N>(samples[0], all);
    r.dense = r.sample.all_dense();
    r.rows = tensors[0]->shape[0];
    r.cols = r.sample.numel;
    return r;
}

// Whether every row of these tensors, and of outputs without gaps, can be read 16 bytes at a time.
template <class T, int N>
bool takes_vectors(const SampleRows<N>& r, const CnTensor* const (&tensors)[N]) {
    bool wide = r.dense && r.cols % Vec<T>::size == 0;
    for (int n = 0; n < N; n++) wide = wide && (!tensors[n] || cn_vectorizes<T>(tensors[n]->data, r.steps[n]));
    return wide;
}

template <int W, class T>
__device__ __forceinline__ Pack<T, W> load_at(const T* data, int64_t at) {
    return *reinterpret_cast<const Pack<T, W>*>(data + at);
}
template <int W, class T>
__device__ __forceinline__ void store_at(T* data, int64_t at, const Pack<T, W>& pack) {
    *reinterpret_cast<Pack<T, W>*>(data + at) = pack;
}

// The elements of a sample that pass unchanged.
struct SampleMask {
    const bool* data;  // null: none
    Strided at;

    static SampleMask of(const CnTensor* mask) {
        SampleMask m = {cn_data<bool>(mask), {}};
        if (mask) m.at = make_strided(*mask);
        return m;
    }
    __device__ __forceinline__ bool passes(int64_t col) const { return data && data[at.offset(col)]; }
};

// s = bound * tanh(raw / bound), or raw itself without a bound, and ds / d(raw).
template <class A>
struct BoundedScale {
    A bound, inverse_bound;

    static BoundedScale of(double bound) { return {static_cast<A>(bound), static_cast<A>(bound > 0 ? 1 / bound : 0)}; }
    __device__ __forceinline__ A operator()(A raw) const {
        return bound > A(0) ? bound * tanh(raw * inverse_bound) : raw;
    }
    __device__ __forceinline__ A slope(A s) const {
        A th = s * inverse_bound;
        return A(1) - th * th;
    }
};

}  // namespace cn

#endif
