// The CPU twins of cp.async, ldmatrix and mma.sync (kernels/device/gpu.cuh). All 32 lanes of a warp come to ldmatrix and mma.
//
// Who holds what, with g = lane / 4, t = lane % 4 and a register of two 16-bit or one 32-bit element:
//   D, 16 x 8 of f32     d[0], d[1]: row g, columns 2t and 2t + 1     d[2], d[3]: the same in row g + 8
//   A, 16 x 16 of 16 bit a[0]: row g, columns 2t and 2t + 1   a[1]: row g + 8   a[2], a[3]: as these, 8 columns on
//   B, 16 x 8 of 16 bit  b[0]: rows 2t and 2t + 1, column g   b[1]: 8 rows on
//   A, 16 x 8 of tf32    a[0]: row g, column t                a[1]: row g + 8   a[2], a[3]: as these, 4 columns on
//   B, 8 x 8 of tf32     b[0]: row t, column g                b[1]: 4 rows on
//   ldmatrix             r[i]: of matrix i, row g, columns 2t and 2t + 1; transposed: rows 2t and 2t + 1, column g
#ifndef CUDANET_SIMT_TENSOR_CORE_H
#define CUDANET_SIMT_TENSOR_CORE_H

namespace simt {

enum class MmaKind { f16, bf16, tf32 };

// A copy happens when a wait demands it, so that a missing wait shows; with shuffled threads sometimes earlier, so that a
// missing barrier before it shows, too.
void cp_async(void* to, const void* from, int size, int bytes, const Site& site);
void cp_async_commit();
void cp_async_wait(int pending);

void ldmatrix_x4(uint32_t (&r)[4], const void* row, bool transposed, const Site& site);
void mma(MmaKind kind, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site);

}  // namespace simt

namespace cn {

// Inlined, so that the return address that the race checker notes is a place in the kernel.
__forceinline__ void cp_async16(void* to, const void* from, int bytes, simt::Site site = simt::Site::current()) {
    simt::cp_async(to, from, 16, bytes, site);
}
__forceinline__ void cp_async4(void* to, const void* from, int bytes, simt::Site site = simt::Site::current()) {
    simt::cp_async(to, from, 4, bytes, site);
}
inline void cp_async_commit() { simt::cp_async_commit(); }
template <int PENDING>
inline void cp_async_wait() {
    simt::cp_async_wait(PENDING);
}

__forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row, simt::Site site = simt::Site::current()) {
    simt::note_access(row, 16, false, false);
    simt::ldmatrix_x4(r, row, false, site);
}
__forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, simt::Site site = simt::Site::current()) {
    simt::note_access(row, 16, false, false);
    simt::ldmatrix_x4(r, row, true, site);
}

#define CN_MMA(name, kind)                                                       \
    inline void name(float(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[2], \
                     simt::Site site = simt::Site::current()) {                  \
        simt::mma(simt::MmaKind::kind, d, a, b, site);                           \
    }
CN_MMA(mma_m16n8k16_f16, f16)
CN_MMA(mma_m16n8k16_bf16, bf16)
CN_MMA(mma_m16n8k8_tf32, tf32)
#undef CN_MMA

inline uint32_t float_to_tf32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (x != x) return 0x7fffe000u;
    // The carry of a number near the largest leads to infinity, and infinity itself has nothing to carry.
    return (bits + 0x1000u) & ~0x1fffu;
}

}  // namespace cn

#endif
