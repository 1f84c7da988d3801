// cat, slice_backward: elements are moved as bits, in the widest units (1 to 16 bytes) that divide every run of
// neighbouring bytes and every address. flip: a walk over the input backwards along some axes. arange: a sequence.
#include "device/convert.cuh"
#include "device/grid.cuh"
#include "device/index.cuh"

namespace {

constexpr int block = 256;

// The widest unit, in bytes, that divides all of these: `mixed` is their bitwise or.
int unit_of(uint64_t mixed) { return mixed % 16 == 0 ? 16 : static_cast<int>(mixed & (~mixed + 1)); }

#define DISPATCH_UNIT(bytes, T, ...) \
    switch (bytes) {                 \
        case 1: {                    \
            using T = uint8_t;       \
            __VA_ARGS__              \
        }                            \
        case 2: {                    \
            using T = uint16_t;      \
            __VA_ARGS__              \
        }                            \
        case 4: {                    \
            using T = uint32_t;      \
            __VA_ARGS__              \
        }                            \
        case 8: {                    \
            using T = uint64_t;      \
            __VA_ARGS__              \
        }                            \
        default: {                   \
            using T = uint4;         \
            __VA_ARGS__              \
        }                            \
    }

uint64_t address(const CnTensor* tensor) { return reinterpret_cast<uintptr_t>(tensor->data); }

// ---- cat -----------------------------------------------------------------------------------------------------------

// By value in the kernel's parameters (4 KiB), so that one launch needs no copy of a table.
constexpr int max_parts = 128;
struct Parts {
    int32_t count;
    int64_t row, first, width;      // the output's row, and the columns of it that this launch writes
    int64_t starts[max_parts + 1];  // where each part begins among the columns
    const void* data[max_parts];
};

template <class T>
__global__ void __launch_bounds__(block) cat_kernel(T* __restrict__ output, int64_t numel, Parts parts) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < numel;
         i += static_cast<int64_t>(gridDim.x) * block) {
        int64_t row = i / parts.width, col = i - row * parts.width;
        int low = 0, high = parts.count - 1;  // the last part that begins at or before the column
        while (low < high) {
            int middle = (low + high + 1) / 2;
            if (parts.starts[middle] <= col)
                low = middle;
            else
                high = middle - 1;
        }
        int64_t length = parts.starts[low + 1] - parts.starts[low];
        const T* data = static_cast<const T*>(parts.data[low]);
        output[row * parts.row + parts.first + col] = data[row * length + col - parts.starts[low]];
    }
}

int64_t axis_of(int64_t dim, int32_t rank) { return dim < 0 ? dim + rank : dim; }

int64_t inner_size(const CnTensor& tensor, int64_t axis) {
    int64_t inner = 1;
    for (int d = static_cast<int>(axis) + 1; d < tensor.rank; d++) inner *= tensor.shape[d];
    return inner;
}

CnStatus launch_cat(const CnCall* call) {
    CnArg tensors = cn_list(call, 0);
    const CnTensor* output = cn_arg(call, 1);
    int64_t axis = axis_of(cn_attr_int(call, 0), output->rank);
    int64_t inner = inner_size(*output, axis) * cn_dtype_size(output->dtype);
    int64_t row = output->shape[axis] * inner;
    int64_t rows = row == 0 ? 0 : cn_numel(*output) * cn_dtype_size(output->dtype) / row;
    uint64_t mixed = address(output) | static_cast<uint64_t>(row);
    for (int64_t i = 0; i < tensors.count; i++)
        mixed |= address(&tensors.items[i]) | static_cast<uint64_t>(tensors.items[i].shape[axis] * inner);
    int unit = unit_of(mixed);
    Parts parts;
    memset(&parts, 0, sizeof parts);
    parts.row = row / unit;
    for (int64_t next = 0; next < tensors.count; parts.first += parts.width) {
        parts.count = 0;
        parts.width = 0;
        for (; next < tensors.count && parts.count < max_parts; next++) {
            int64_t length = tensors.items[next].shape[axis] * inner / unit;
            if (length == 0) continue;
            parts.data[parts.count++] = tensors.items[next].data;
            parts.width += length;
            parts.starts[parts.count] = parts.width;
        }
        int64_t numel = rows * parts.width, grid = cn_ceil_div(numel, block);
        if (numel == 0) continue;
        CnStatus status = [&]() -> CnStatus {
            DISPATCH_UNIT(unit, T, {
                return CN_LAUNCH(call, (cat_kernel<T>), cn_grid(grid, 65536), block, 0, cn_data<T>(output), numel,
                                 parts);
            });
        }();
        CN_TRY(status);
    }
    return CN_OK;
}

// ---- slice_backward ------------------------------------------------------------------------------------------------

struct Placement {
    int64_t extent, count, inner;  // the axis in the output and in the gradient, and the units behind it
    int64_t start, step;
};

template <class T>
__global__ void __launch_bounds__(block)
    slice_backward_kernel(const T* __restrict__ grad_output, T* __restrict__ grad_input, int64_t numel,
                          Placement place) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < numel;
         i += static_cast<int64_t>(gridDim.x) * block) {
        int64_t rest = i / place.inner, in = i - rest * place.inner;
        int64_t outer = rest / place.extent, at = rest - outer * place.extent - place.start;
        int64_t from = at / place.step;
        bool written = at >= 0 && from * place.step == at && from < place.count;
        grad_input[i] = written ? grad_output[(outer * place.count + from) * place.inner + in] : T{};
    }
}

CnStatus launch_slice_backward(const CnCall* call) {
    const CnTensor *grad_output = cn_arg(call, 0), *grad_input = cn_arg(call, 1);
    int64_t axis = axis_of(cn_attr_int(call, 1), grad_input->rank);
    int64_t bytes = inner_size(*grad_input, axis) * cn_dtype_size(grad_input->dtype);
    int unit = unit_of(address(grad_output) | address(grad_input) | static_cast<uint64_t>(bytes));
    Placement place = {grad_input->shape[axis], grad_output->shape[axis], bytes / unit, cn_attr_int(call, 2),
                       cn_attr_int(call, 3)};
    int64_t numel = cn_numel(*grad_input) * cn_dtype_size(grad_input->dtype) / unit, grid = cn_ceil_div(numel, block);
    DISPATCH_UNIT(unit, T, {
        return CN_LAUNCH(call, (slice_backward_kernel<T>), cn_grid(grid, 65536), block, 0,
                         cn_data<const T>(grad_output), cn_data<T>(grad_input), numel, place);
    });
}

// ---- flip ----------------------------------------------------------------------------------------------------------

template <class T>
__global__ void __launch_bounds__(block)
    flip_kernel(const T* __restrict__ input, T* __restrict__ output, Strided walk) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < walk.numel;
         i += static_cast<int64_t>(gridDim.x) * block)
        output[i] = input[walk.offset(i)];
}

CnStatus launch_flip(const CnCall* call) {
    CnTensor input = *cn_arg(call, 0);
    const CnTensor* output = cn_arg(call, 1);
    int64_t count, start = 0, numel = cn_numel(input), grid = cn_ceil_div(numel, block);
    const int64_t* dims = cn_attr_ints(call, 0, &count);
    if (numel == 0) return CN_OK;
    // From the last position with a negative stride: nothing else differs from a strided copy.
    for (int64_t i = 0; i < count; i++) {
        int64_t axis = axis_of(dims[i], input.rank);
        start += (input.shape[axis] - 1) * input.strides[axis];
        input.strides[axis] = -input.strides[axis];
    }
    Strided walk = make_strided(input);
    DISPATCH_UNIT(cn_dtype_size(input.dtype), T, {
        return CN_LAUNCH(call, (flip_kernel<T>), cn_grid(grid, 65536), block, 0, cn_data<const T>(&input) + start,
                         cn_data<T>(output), walk);
    });
}

// ---- arange --------------------------------------------------------------------------------------------------------

template <class T>
__global__ void __launch_bounds__(block)
    arange_kernel(T* __restrict__ output, int64_t numel, double start, double step) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    // Not contracted into a fused multiply-add, so that all devices agree.
    if (i < numel) output[i] = cn_convert<T>(__dadd_rn(start, __dmul_rn(static_cast<double>(i), step)));
}

CnStatus launch_arange(const CnCall* call) {
    const CnTensor* output = cn_arg(call, 0);
    int64_t numel = cn_numel(*output);
    CN_DISPATCH_ALL(output->dtype, T, {
        return CN_LAUNCH(call, (arange_kernel<T>), cn_ceil_div(numel, block), block, 0, cn_data<T>(output), numel,
                         cn_attr_float(call, 0), cn_attr_float(call, 2));
    });
    return cn_unsupported_dtype(call, output->dtype);
}

}  // namespace

CN_KERNEL(cat, "tensors*; dim: int -> output", launch_cat, nullptr, "one unit of up to 16 bytes per thread");
CN_KERNEL(slice_backward, "grad_output; shape: ints, dim: int, start: int, step: int -> grad_input",
          launch_slice_backward, nullptr, "one unit of up to 16 bytes per thread");
CN_KERNEL(arange, "; start: float, end: float, step: float, dtype: int -> output", launch_arange, nullptr,
          "one element per thread");
CN_KERNEL(flip, "input; dims: ints -> output", launch_flip, nullptr, "one element per thread");
