// embedding: rows of a table, by number, a thread per element, so that the threads of a warp read neighbours. An index
// out of range is never followed: its row is NaN. The adjoint is scatter_add, whose sums have a fixed order.
#include "device/convert.cuh"

namespace {

constexpr int block = 256;

template <class T>
__global__ void __launch_bounds__(block)
    embedding_kernel(const int64_t* __restrict__ indices, const T* __restrict__ weight, T* __restrict__ output,
                     int64_t numel, int64_t rows, int64_t columns, T not_there) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < numel;
         i += static_cast<int64_t>(gridDim.x) * block) {
        int64_t place = i / columns, row = indices[place];
        output[i] = row >= 0 && row < rows ? weight[row * columns + i - place * columns] : not_there;
    }
}

CnStatus launch_embedding(const CnCall* call) {
    const CnTensor *indices = cn_arg(call, 0), *weight = cn_arg(call, 1), *output = cn_arg(call, 2);
    int64_t numel = cn_numel(*output), grid = cn_ceil_div(numel, block);
    CN_DISPATCH_FLOATING(weight->dtype, T, {
        return CN_LAUNCH(call, (embedding_kernel<T>), grid < 65536 ? grid : 65536, block, 0,
                         cn_data<const int64_t>(indices), cn_data<const T>(weight), cn_data<T>(output), numel,
                         weight->shape[0], weight->shape[1], from_acc<T>(NAN));
    });
    return cn_unsupported_dtype(call, weight->dtype);
}

}  // namespace

CN_KERNEL(embedding, "input, weight; padding_idx: int -> output", launch_embedding, nullptr, "one element per thread");
