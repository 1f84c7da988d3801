// Many tensors in one launch: a table of addresses and sizes travels by value in the kernel's parameters (4 KiB), and each block
// finds in it the tensor and the elements that are its own.
#ifndef CUDANET_KERNELS_OPTIMIZER_TABLE_CUH
#define CUDANET_KERNELS_OPTIMIZER_TABLE_CUH

#include "../device/convert.cuh"

namespace cn {

constexpr int block = 256, per_thread = 4;

template <int LISTS, int CAPACITY, int PER_THREAD = per_thread>
struct Table {
    static constexpr int64_t per_block = int64_t(block) * PER_THREAD;
    int32_t count;
    int64_t blocks;                 // of this launch
    int64_t first_block[CAPACITY];  // where each parameter's blocks begin
    int64_t numel[CAPACITY];
    void* data[LISTS][CAPACITY];
};
// Which parameter this block works on, and where in it.
template <class Entries>
__device__ __forceinline__ int find(const Entries& table, int64_t* first) {
    int low = 0, high = table.count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (table.first_block[middle] <= static_cast<int64_t>(blockIdx.x))
            low = middle;
        else
            high = middle - 1;
    }
    *first = (static_cast<int64_t>(blockIdx.x) - table.first_block[low]) * Entries::per_block;
    return low;
}

// Whether gradients of a scaled loss overflowed, as `unscale` has found: the step is then left out, and not counted, by kernels, so that
// a captured graph can be replayed. The answer is one for all blocks: no thread waits at a barrier for one that has gone.
__device__ __forceinline__ bool skips(const float* found_inf) { return found_inf && found_inf[0] != 0; }

// Fills tables and launches each full one; launch(table, is_last) starts the kernel.
template <class Entries, int LISTS, int CAPACITY, class Launch>
CnStatus launch_tables(const CnCall* call, Launch launch) {
    CnArg params = cn_list(call, 0);
    Entries table;
    memset(&table, 0, sizeof table);
    for (int64_t i = 0; i <= params.count; i++) {
        bool ends = i == params.count;
        if ((ends || table.count == CAPACITY) && (table.blocks > 0 || ends)) {
            // A step of parameters without elements still counts: one block finds nothing to do.
            if (table.count == 0) table.count = 1;
            if (table.blocks == 0) table.blocks = 1;
            CN_TRY(launch(table, ends));
            if (ends) break;
            memset(&table, 0, sizeof table);
        }
        int64_t numel = cn_numel(params.items[i]);
        if (numel == 0) continue;
        table.first_block[table.count] = table.blocks;
        table.numel[table.count] = numel;
        for (int list = 0; list < LISTS; list++) {
            CnArg tensors = cn_list(call, list);
            table.data[list][table.count] = tensors.count > 0 ? tensors.items[i].data : nullptr;
        }
        table.blocks += cn_ceil_div(numel, Entries::per_block);
        table.count++;
    }
    return CN_OK;
}

}  // namespace cn

#endif
