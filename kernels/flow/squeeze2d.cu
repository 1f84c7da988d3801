// squeeze2d and unsqueeze2d: blocks of f x f positions become f * f channels, channel c f^2 + i f + j holding row i and
// column j of each block (the order of Glow and of pixel_unshuffle), and back. Elements are moved as bits.
//
// Variants
//   1  one element per thread, numbered in the squeezed tensor.
//   2  factor 2: a thread takes 16 bytes of two neighbouring runs, of which one holds the even and one the odd columns
//      of the other tensor, and so reads and writes whole vectors on both sides.
#include "../device/elementwise.cuh"
#include "../device/vec.cuh"

namespace {

constexpr int block = 256;

struct Squeeze {
    int64_t numel, factor, height, width;  // of the squeezed tensor

    // Where the element of the squeezed tensor lies in the other one.
    __device__ __forceinline__ int64_t wide(int64_t at) const {
        int64_t column = at % width, line = at / width;
        int64_t row = line % height, channel = line / height;
        int64_t j = channel % factor, i = channel / factor % factor, plane = channel / (factor * factor);
        return ((plane * height + row) * factor + i) * factor * width + column * factor + j;
    }
};

template <class T, bool SQUEEZE>
__global__ void __launch_bounds__(block) squeeze2d_v1(const T* __restrict__ input, T* __restrict__ output, Squeeze s) {
    int64_t at = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (at >= s.numel) return;
    if (SQUEEZE)
        output[at] = input[s.wide(at)];
    else
        output[s.wide(at)] = input[at];
}

// Groups are numbered as those of the even columns' channels: two such channels, i = 0 and 1, of each plane.
template <class T, bool SQUEEZE>
__global__ void __launch_bounds__(block) squeeze2d_v2(const T* __restrict__ input, T* __restrict__ output, Squeeze s) {
    constexpr int V = Vec<T>::size;
    int64_t group = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    int64_t per_line = s.width / V, lines = s.numel / 2 / s.width;
    int64_t line = group / per_line;
    if (line >= lines) return;
    int64_t row = line % s.height, pair = line / s.height;  // pair = 2 plane + i
    int64_t column = (group - line * per_line) * V, channel = s.height * s.width;
    int64_t even = (2 * pair * s.height + row) * s.width + column, odd = even + channel;
    int64_t other = ((pair / 2 * s.height + row) * 2 + pair % 2) * 2 * s.width + 2 * column;
    Vec<T> low, high, both[2];
    if (SQUEEZE) {
        both[0] = load_vec(input + other);
        both[1] = load_vec(input + other + V);
#pragma unroll
        for (int k = 0; k < V; k++) {
            low.at[k] = both[2 * k / V].at[2 * k % V];
            high.at[k] = both[2 * k / V].at[2 * k % V + 1];
        }
        store_vec(output + even, low);
        store_vec(output + odd, high);
    } else {
        low = load_vec(input + even);
        high = load_vec(input + odd);
#pragma unroll
        for (int k = 0; k < V; k++) {
            both[2 * k / V].at[2 * k % V] = low.at[k];
            both[2 * k / V].at[2 * k % V + 1] = high.at[k];
        }
        store_vec(output + other, both[0]);
        store_vec(output + other + V, both[1]);
    }
}

template <class T, bool SQUEEZE>
CnStatus move(const CnCall* call) {
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 1), *squeezed = SQUEEZE ? output : input;
    const int64_t* extents = squeezed->shape + squeezed->rank - 2;
    Squeeze s = {cn_numel(*squeezed), cn_attr_int(call, 0), extents[0], extents[1]};
    if (s.numel == 0) return CN_OK;
    const T* x = cn_data<const T>(input);
    T* y = cn_data<T>(output);
    bool wide = s.factor == 2 && cn_vectorizes<T>(x, s.width) && cn_vectorizes<T>(y, s.width);
    int variant = call->variant ? call->variant : wide ? 2 : 1;
    switch (variant) {
        case 1:
            return CN_LAUNCH(call, (squeeze2d_v1<T, SQUEEZE>), cn_ceil_div(s.numel, block), block, 0, x, y, s);
        case 2:
            if (!wide)
                return cn_fail(call, CN_UNSUPPORTED, "variant 2 needs factor 2 and lines of whole 16-byte vectors");
            return CN_LAUNCH(call, (squeeze2d_v2<T, SQUEEZE>), cn_ceil_div(s.numel / 2 / Vec<T>::size, block), block, 0,
                             x, y, s);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

template <bool SQUEEZE>
CnStatus launch(const CnCall* call) {
    switch (cn_dtype_size(cn_arg(call, 0)->dtype)) {
        case 1:
            return move<uint8_t, SQUEEZE>(call);
        case 2:
            return move<uint16_t, SQUEEZE>(call);
        case 4:
            return move<uint32_t, SQUEEZE>(call);
        default:
            return move<uint64_t, SQUEEZE>(call);
    }
}

}  // namespace

#define CN_SQUEEZE_VARIANTS "one element per thread", "factor 2, 16-byte vectors on both sides"
CN_KERNEL(squeeze2d, "input; factor: int -> output", launch<true>, nullptr, CN_SQUEEZE_VARIANTS);
CN_KERNEL(unsqueeze2d, "input; factor: int -> output", launch<false>, nullptr, CN_SQUEEZE_VARIANTS);
