// max_share: what part of the gradient of a maximum each element gets: 1 / the number of ties where it equals the
// maximum of its group, else 0. One block per maximum: it counts the ties, reads the group again, which the cache holds
// by then, and writes the shares.
#include "device/block.cuh"
#include "device/index.cuh"

namespace {

constexpr int block = 128;

template <class A>
__device__ __forceinline__ bool same(A a, A b) {
    return a == b || (a != a && b != b);
}

template <class T>
__global__ void __launch_bounds__(block) max_share_kernel(const T* __restrict__ input, const T* __restrict__ maximum,
                                                          T* __restrict__ output, Strided kept, Strided removed) {
    int64_t first = kept.offset(blockIdx.x);
    acc_t<T> largest = to_acc(maximum[blockIdx.x]);
    int64_t ties = 0;
    for (int64_t i = threadIdx.x; i < removed.numel; i += block)
        ties += same(to_acc(input[first + removed.offset(i)]), largest) ? 1 : 0;
    ties = block_sum<block>(ties);
    acc_t<T> share = acc_t<T>(1) / static_cast<acc_t<T>>(ties > 0 ? ties : 1);
    for (int64_t i = threadIdx.x; i < removed.numel; i += block) {
        int64_t at = first + removed.offset(i);
        output[at] = from_acc<T>(same(to_acc(input[at]), largest) ? share : acc_t<T>(0));
    }
}

CnStatus launch_max_share(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *maximum = cn_arg(call, 1), *output = cn_arg(call, 2);
    CnTensor parts[2] = {*input, *input};
    parts[0].rank = parts[1].rank = 0;
    for (int d = 0; d < input->rank; d++) {
        CnTensor& part = parts[maximum->shape[d] == input->shape[d] ? 0 : 1];
        part.shape[part.rank] = input->shape[d];
        part.strides[part.rank++] = input->strides[d];
    }
    Strided kept = make_strided(parts[0]), removed = make_strided(parts[1]);
    if (removed.numel == 0) return CN_OK;
    CN_DISPATCH_FLOATING(input->dtype, T, {
        return CN_LAUNCH(call, (max_share_kernel<T>), kept.numel, block, 0, cn_data<const T>(input),
                         cn_data<const T>(maximum), cn_data<T>(output), kept, removed);
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(max_share, "input, maximum -> output", launch_max_share, nullptr, "one block per maximum");
