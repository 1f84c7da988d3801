// Products on tensor cores and pipelines of asynchronous copies: as they should be, and with a bug each.
#include "device/mma.cuh"
#include "planted.h"

namespace planted {
namespace {

// One warp: D = A * B for 16 x depth and depth x 16, with both operands through shared memory in the layout asked for.
template <class T, bool A_BY_K, bool B_BY_K, bool SWAPPED>
__global__ void mma_kernel(const T* a, const T* b, float* d) {
    constexpr int depth = cn::Mma<T>::depth, pad = 16 / sizeof(T);
    constexpr int a_pitch = (A_BY_K ? depth : 16) + pad, b_pitch = (B_BY_K ? depth : 16) + pad;
    CN_SHARED(T, a_tile, [(A_BY_K ? 16 : depth) * a_pitch]);
    CN_SHARED(T, b_tile, [(B_BY_K ? 16 : depth) * b_pitch]);
    int lane = static_cast<int>(threadIdx.x);
    for (int at = lane; at < 16 * depth; at += 32) {
        int i = at / depth, k = at % depth;
        a_tile[A_BY_K ? i * a_pitch + k : k * a_pitch + i] = a[i * depth + k];
        b_tile[B_BY_K ? i * b_pitch + k : k * b_pitch + i] = b[k * 16 + i];
    }
    __syncwarp();
    uint32_t own_a[1][4], own_b[1][4];
    cn::load_strip<cn::Operand::a, A_BY_K, a_pitch>(own_a[0], a_tile, 0, 0);
    cn::load_strip<cn::Operand::b, B_BY_K, b_pitch>(own_b[0], b_tile, 0, 0);
    if (SWAPPED) {  // as if rows g + 8 came after columns + depth / 2
        uint32_t second = own_a[0][1];
        own_a[0][1] = own_a[0][2];
        own_a[0][2] = second;
    }
    float sums[1][2][4] = {};
    cn::multiply_strips<T>(sums, own_a, own_b);
    for (int j = 0; j < 2; j++)
        for (int r = 0; r < 4; r++) d[(lane / 4 + r / 2 * 8) * 16 + j * 8 + lane % 4 * 2 + r % 2] = sums[0][j][r];
}

enum class Bug { none, missing_wait, missing_barrier, late_wait };

// Each of 64 threads adds up its neighbour's numbers over `rounds` tiles, which come in a ring of three stages.
template <Bug BUG>
__global__ void pipeline_kernel(const float* in, float* out, int rounds) {
    constexpr int stages = 3;
    using Line = float[4];
    CN_SHARED(Line, ring, [stages][64]);
    int own = static_cast<int>(threadIdx.x), other = (own + 40) % 64;
    auto fetch = [&](int round) {
        // Rounds beyond the last are zeros, and their groups are empty of reads.
        cn::cp_async16(ring[round % stages][own], in + (round * 64 + own) * 4, round < rounds ? 16 : 0);
        cn::cp_async_commit();
    };
    for (int round = 0; round < stages - 1; round++) fetch(round);
    float sum = 0;
    for (int round = 0; round < rounds; round++) {
        if (BUG != Bug::missing_wait) cn::cp_async_wait<BUG == Bug::late_wait ? stages - 1 : stages - 2>();
        if (BUG != Bug::missing_barrier) __syncthreads();
        fetch(round + stages - 1);
        for (float x : ring[round % stages][other]) sum += x;
    }
    out[own] = sum;
}

__global__ void misaligned_copy_kernel(const float* in, float* out) {
    CN_SHARED(float, tile, [8]);
    cn::cp_async16(tile + 1, in, 16);
    cn::cp_async_commit();
    cn::cp_async_wait<0>();
    out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void partial_copy_kernel(const float* in, float* out) {
    CN_SHARED(float, tile, [4]);
    cn::cp_async16(tile, in, 8);
    cn::cp_async_commit();
    cn::cp_async_wait<0>();
    for (int i = 0; i < 4; i++) out[i] = tile[i];
}

template <class T, bool SWAPPED>
CnStatus launch_mma(const CnCall* call, const void* a, const void* b, float* d, bool a_by_k, bool b_by_k) {
    const T *from_a = static_cast<const T*>(a), *from_b = static_cast<const T*>(b);
    if (a_by_k && b_by_k) return CN_LAUNCH(call, (mma_kernel<T, true, true, SWAPPED>), 1, 32, 0, from_a, from_b, d);
    if (a_by_k) return CN_LAUNCH(call, (mma_kernel<T, true, false, SWAPPED>), 1, 32, 0, from_a, from_b, d);
    if (b_by_k) return CN_LAUNCH(call, (mma_kernel<T, false, true, SWAPPED>), 1, 32, 0, from_a, from_b, d);
    return CN_LAUNCH(call, (mma_kernel<T, false, false, SWAPPED>), 1, 32, 0, from_a, from_b, d);
}

}  // namespace

CnStatus mma(const CnCall* call, int dtype, const void* a, const void* b, float* d, bool a_by_k, bool b_by_k) {
    if (dtype == CN_F16) return launch_mma<cn_half, false>(call, a, b, d, a_by_k, b_by_k);
    if (dtype == CN_BF16) return launch_mma<cn_bf16, false>(call, a, b, d, a_by_k, b_by_k);
    return launch_mma<float, false>(call, a, b, d, a_by_k, b_by_k);
}
CnStatus swapped_fragment(const CnCall* call, const void* a, const void* b, float* d) {
    return launch_mma<float, true>(call, a, b, d, true, true);
}
CnStatus pipeline(const CnCall* call, const float* in, float* out, int rounds) {
    return CN_LAUNCH(call, (pipeline_kernel<Bug::none>), 1, 64, 0, in, out, rounds);
}
CnStatus pipeline_without_wait(const CnCall* call, const float* in, float* out, int rounds) {
    return CN_LAUNCH(call, (pipeline_kernel<Bug::missing_wait>), 1, 64, 0, in, out, rounds);
}
CnStatus pipeline_without_barrier(const CnCall* call, const float* in, float* out, int rounds) {
    return CN_LAUNCH(call, (pipeline_kernel<Bug::missing_barrier>), 1, 64, 0, in, out, rounds);
}
CnStatus pipeline_with_late_wait(const CnCall* call, const float* in, float* out, int rounds) {
    return CN_LAUNCH(call, (pipeline_kernel<Bug::late_wait>), 1, 64, 0, in, out, rounds);
}
CnStatus misaligned_copy(const CnCall* call, const float* in, float* out) {
    return CN_LAUNCH(call, misaligned_copy_kernel, 1, 8, 0, in, out);
}
CnStatus partial_copy(const CnCall* call, const float* in, float* out) {
    return CN_LAUNCH(call, partial_copy_kernel, 1, 1, 0, in, out);
}

}  // namespace planted
