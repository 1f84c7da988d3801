// unscale: gradients of a scaled loss times 1 / scale, in place, in one launch, with a note whether one was infinite or NaN.
#include "table.cuh"

namespace {

using cn::block;
using cn::per_thread;
using UnscaleTable = cn::Table<1, 160>;
static_assert(sizeof(UnscaleTable) <= 3968, "with the other arguments, 4 KiB at most");

template <class T>
__global__ void __launch_bounds__(block)
    unscale_kernel(UnscaleTable table, const float* __restrict__ inv_scale, float* __restrict__ found_inf) {
    using A = acc_t<T>;
    int64_t first;
    int which = cn::find(table, &first);
    T* __restrict__ grad = static_cast<T*>(table.data[0][which]);
    A factor = static_cast<A>(inv_scale[0]);
    bool finite = true;
#pragma unroll
    for (int k = 0; k < per_thread; k++) {
        int64_t i = first + k * block + threadIdx.x;
        if (i >= table.numel[which]) continue;
        A value = to_acc(grad[i]);
        finite = finite && value - value == A(0);
        grad[i] = from_acc<T>(value * factor);
    }
    // The bits of 1.0f: blocks that find the same write the same.
    if (!finite) atomicExch(reinterpret_cast<unsigned*>(found_inf), 0x3f800000u);
}

CnStatus launch_unscale(const CnCall* call) {
    if (cn_list(call, 0).count == 0) return cn_fail(call, CN_INVALID_ARGUMENT, "needs at least one gradient");
    int32_t dtype = cn_list(call, 0).items[0].dtype;
    CN_DISPATCH_FLOATING(dtype, T, {
        return cn::launch_tables<UnscaleTable, 1, 160>(call, [&](const UnscaleTable& table, bool) {
            return CN_LAUNCH(call, (unscale_kernel<T>), table.blocks, block, 0, table,
                             cn_data<const float>(cn_arg(call, 1)), cn_data<float>(cn_arg(call, 2)));
        });
    });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(unscale, "grad!*, inv_scale, found_inf!", launch_unscale, nullptr,
          "1,024 elements per block, all gradients in one launch");
