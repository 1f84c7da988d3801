// What a warp's tensor core computes, element by element in the layout of the fragments; asynchronous copies.
#include "block.h"
#include "race.h"

namespace simt {

namespace {

Thread& self() { return *Worker::current()->running(); }

void carry_out(const AsyncCopy& copy) {
    race::note(copy.from, copy.bytes, false, copy.caller);
    race::note(copy.to, copy.size, true, copy.caller);
    memcpy(copy.to, copy.from, copy.bytes);
    memset(static_cast<char*>(copy.to) + copy.bytes, 0, copy.size - copy.bytes);
}

// Carries out the copies of all groups before this one.
void finish_copies(Thread& thread, uint32_t group) {
    auto copy = thread.copies.begin();
    for (; copy != thread.copies.end() && copy->group < group; ++copy) carry_out(*copy);
    thread.copies.erase(thread.copies.begin(), copy);
}

bool aligned(const void* pointer, int bytes) {
    return reinterpret_cast<uintptr_t>(pointer) % static_cast<unsigned>(bytes) == 0;
}

float as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

struct Operands {
    float* d;
    const uint32_t *a, *b;
};

// K is the depth of the product; a register holds PER elements that follow each other along k. `read(bits, i)` gives the
// i-th of them.
template <int K, int PER, class Read>
void multiply(void* const* lanes, Read read) {
    float a[16][K], b[K][8], d[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const Operands& own = *static_cast<const Operands*>(lanes[lane]);
        int g = lane / 4, t = lane % 4;
        for (int i = 0; i < PER; i++) {
            for (int r = 0; r < 4; r++) a[g + r % 2 * 8][PER * t + r / 2 * K / 2 + i] = read(own.a[r], i);
            for (int r = 0; r < 2; r++) b[PER * t + r * K / 2 + i][g] = read(own.b[r], i);
        }
        for (int r = 0; r < 4; r++) d[g + r / 2 * 8][2 * t + r % 2] = own.d[r];
    }
    for (int row = 0; row < 16; row++)
        for (int k = 0; k < K; k++)
            for (int column = 0; column < 8; column++) d[row][column] += a[row][k] * b[k][column];
    for (int lane = 0; lane < 32; lane++) {
        const Operands& own = *static_cast<const Operands*>(lanes[lane]);
        int g = lane / 4, t = lane % 4;
        for (int r = 0; r < 4; r++) own.d[r] = d[g + r / 2 * 8][2 * t + r % 2];
    }
}

void multiply_f16(void* const* lanes, void*) {
    multiply<16, 2>(lanes,
                    [](uint32_t bits, int i) { return cn::half_to_float(static_cast<uint16_t>(bits >> 16 * i)); });
}
void multiply_bf16(void* const* lanes, void*) {
    multiply<16, 2>(lanes,
                    [](uint32_t bits, int i) { return cn::bf16_to_float(static_cast<uint16_t>(bits >> 16 * i)); });
}
void multiply_tf32(void* const* lanes, void*) {
    multiply<8, 1>(lanes, [](uint32_t bits, int) { return as_float(bits & ~0x1fffu); });  // as the hardware reads it
}

struct MatrixRow {
    const void* row;
    uint32_t* r;
};

void load_matrices(void* const* lanes, void* context) {
    bool transposed = *static_cast<bool*>(context);
    for (int matrix = 0; matrix < 4; matrix++) {
        uint16_t at[8][8];
        for (int row = 0; row < 8; row++)
            memcpy(at[row], static_cast<const MatrixRow*>(lanes[matrix * 8 + row])->row, 16);
        for (int lane = 0; lane < 32; lane++) {
            int g = lane / 4, t = lane % 4;
            uint32_t low = transposed ? at[2 * t][g] : at[g][2 * t];
            uint32_t high = transposed ? at[2 * t + 1][g] : at[g][2 * t + 1];
            static_cast<const MatrixRow*>(lanes[lane])->r[matrix] = low | high << 16;
        }
    }
}

}  // namespace

void cp_async(void* to, const void* from, int size, int bytes, const Site& site) {
    if (bytes < 0 || bytes > size) fail(site, "cp.async of %d of %d bytes", bytes, size);
    if (!aligned(to, size) || (bytes > 0 && !aligned(from, size)))
        fail(site, "cp.async of %d bytes from %p to %p, which are not both aligned", size, from, to);
    Thread& thread = self();
    AsyncCopy copy = {to,
                      from,
                      static_cast<uint32_t>(size),
                      static_cast<uint32_t>(bytes),
                      thread.copy_groups,
                      __builtin_return_address(0)};
    race::note(to, copy.size, true, copy.caller);  // it may happen from now on
    thread.copies.push_back(copy);
    if (Worker::current()->shuffles() && schedule_draw() % 4 == 0) finish_copies(thread, thread.copy_groups + 1);
}
void cp_async_commit() { self().copy_groups++; }
void cp_async_wait(int pending) {
    Thread& thread = self();
    uint32_t left = static_cast<uint32_t>(pending);
    if (thread.copy_groups > left) finish_copies(thread, thread.copy_groups - left);
}

void ldmatrix_x4(uint32_t (&r)[4], const void* row, bool transposed, const Site& site) {
    if (!aligned(row, 16)) fail(site, "ldmatrix from a row at %p, which is not aligned to 16 bytes", row);
    MatrixRow own = {row, r};
    warp_together("ldmatrix", &own, load_matrices, &transposed, site);
}

void mma(MmaKind kind, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site) {
    Operands own = {d, a, b};
    auto multiply = kind == MmaKind::f16 ? multiply_f16 : kind == MmaKind::bf16 ? multiply_bf16 : multiply_tf32;
    warp_together("mma.sync", &own, multiply, nullptr, site);
}

}  // namespace simt
