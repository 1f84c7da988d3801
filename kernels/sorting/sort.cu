// sort along one axis of a contiguous tensor (outer, n, inner), with the positions that the values had. Elements are
// compared as unsigned keys whose order is that of the numbers, NaN after all others; equal ones keep their order, so
// the result is the same whatever the launch.
//
// Variants
//   1  one block per line, a bitonic network in shared memory over keys and positions together. Positions differ, so
//      the order is total and the network, which is not stable, has one result. Up to 1024 elements: its work grows
//      with n log(n)^2 and it needs the whole line.
//   2  radix sort from the lowest byte of the keys up: per byte, blocks count the digits of their chunks, one warp per
//      digit turns its chunks' counts into offsets, and blocks move their chunks in order. The work grows with n, and all
//      blocks of the device share a line. For long lines.
//   3  the same radix sort by one block per line, up to 4096 elements: keys and positions stay in registers and pass
//      through shared memory, so that global memory is read and written once, by one launch. A pass is three barriers
//      where the network has (log n)^2 / 2 in all: it wins from a few hundred elements on, with wide keys later.
#include <utility>

#include "device/warp.cuh"

namespace {

constexpr int block = 256, warps = block / 32, network = 1024, digits = 256, chunk = 2048, few = 4, many = 16;
static_assert(block == digits, "one thread per digit adds up the warps' counts");

template <int BYTES>
struct KeyOf;
template <>
struct KeyOf<1> {
    using type = uint8_t;
};
template <>
struct KeyOf<2> {
    using type = uint16_t;
};
template <>
struct KeyOf<4> {
    using type = uint32_t;
};
template <>
struct KeyOf<8> {
    using type = uint64_t;
};
template <class T>
using Key = typename KeyOf<sizeof(T)>::type;

// Negative floats have all bits turned, others and signed integers the highest: then bits are in the order of numbers.
template <class T>
__device__ __forceinline__ Key<T> key_of(T x, bool descending) {
    using K = Key<T>;
    constexpr K top = static_cast<K>(K(1) << (8 * sizeof(K) - 1));
    K key;
    memcpy(&key, &x, sizeof key);
    if constexpr (cn_is_floating<T>::value) {
        auto value = to_acc(x);
        if (value == 0) key = 0;  // -0 equals 0
        key = value != value ? static_cast<K>(~K(0)) : static_cast<K>(key & top ? ~key : key | top);
    } else if constexpr (T(-1) < T(0)) {
        key = static_cast<K>(key ^ top);
    }
    return descending ? static_cast<K>(~key) : key;
}
template <>
__device__ __forceinline__ Key<bool> key_of<bool>(bool x, bool descending) {
    return x != descending ? 1 : 0;
}

template <class T>
struct Lines {
    const T* input;
    T* values;
    int64_t* indices;
    int64_t count, n, inner;
    bool descending;
    __device__ __forceinline__ int64_t first(int64_t line) const { return line / inner * n * inner + line % inner; }
    __device__ __forceinline__ void put(int64_t line, int64_t place, int64_t from) const {
        int64_t base = first(line);
        values[base + place * inner] = input[base + from * inner];
        indices[base + place * inner] = from;
    }
};

template <class T>
__global__ void __launch_bounds__(block) sort_v1(Lines<T> lines, int size) {
    CN_SHARED(Key<T>, keys, [network]);
    CN_SHARED(int32_t, from, [network]);
    int64_t base = lines.first(blockIdx.x);
    for (int i = threadIdx.x; i < size; i += block) {
        // What fills up the power of two comes last: it has the largest key and later positions than all others.
        keys[i] = i < lines.n ? key_of(lines.input[base + i * lines.inner], lines.descending)
                              : static_cast<Key<T>>(~Key<T>(0));
        from[i] = i;
    }
    __syncthreads();
    for (int sorted = 2; sorted <= size; sorted *= 2) {
        for (int apart = sorted / 2; apart > 0; apart /= 2) {
            for (int pair = threadIdx.x; pair < size / 2; pair += block) {
                int low = pair / apart * apart * 2 + pair % apart, high = low + apart;
                bool later = keys[low] > keys[high] || (keys[low] == keys[high] && from[low] > from[high]);
                if (later == ((low & sorted) == 0)) {
                    Key<T> key = keys[low];
                    keys[low] = keys[high];
                    keys[high] = key;
                    int32_t place = from[low];
                    from[low] = from[high];
                    from[high] = place;
                }
            }
            __syncthreads();
        }
    }
    for (int i = threadIdx.x; i < lines.n; i += block) lines.put(blockIdx.x, i, from[i]);
}

// The sum of the values of this lane and those below it.
__device__ __forceinline__ uint32_t sum_to_lane(uint32_t v) {
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        uint32_t below = __shfl_up_sync(full_warp, v, d);
        if (static_cast<int>(threadIdx.x % 32) >= d) v += below;
    }
    return v;
}

// The sum of the values of the threads before this one. A barrier has to come before the next call.
__device__ __forceinline__ uint32_t sum_before_thread(uint32_t v) {
    CN_SHARED(uint32_t, totals, [warps]);
    uint32_t sum = sum_to_lane(v);
    if (threadIdx.x % 32 == 31) totals[threadIdx.x / 32] = sum;
    __syncthreads();
    uint32_t before = sum - v;
    for (int w = 0; w < static_cast<int>(threadIdx.x / 32); w++) before += totals[w];
    return before;
}

// A thread's elements are 32 apart, so that those of a warp follow each other. Among equal digits an element's rank is how
// many the warp has had before, plus those in lanes below; one thread per digit then adds what lower digits and earlier
// warps have.
template <class T, int ITEMS>
__global__ void __launch_bounds__(block) sort_v3(Lines<T> lines) {
    using K = Key<T>;
    CN_SHARED(K, keys, [block * ITEMS]);
    CN_SHARED(uint16_t, from, [block * ITEMS]);
    CN_SHARED(uint16_t, counts, [warps][digits]);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, first = warp * 32 * ITEMS + lane;
    int64_t base = lines.first(blockIdx.x);
    K key[ITEMS];
    uint16_t own[ITEMS], rank[ITEMS];
#pragma unroll
    for (int r = 0; r < ITEMS; r++) {
        int i = first + 32 * r;
        // What fills up the line comes last: it has the largest key and later positions than all others.
        key[r] = i < lines.n ? key_of(lines.input[base + i * lines.inner], lines.descending) : static_cast<K>(~K(0));
        own[r] = static_cast<uint16_t>(i);
    }
    for (int shift = 0; shift < static_cast<int>(8 * sizeof(K)); shift += 8) {
        for (int d = lane; d < digits; d += 32) counts[warp][d] = 0;
        __syncwarp();
#pragma unroll
        for (int r = 0; r < ITEMS; r++) {
            int digit = static_cast<int>(key[r] >> shift & (digits - 1));
            unsigned same = __match_any_sync(full_warp, digit);
            int before = __popc(same & ((1u << lane) - 1));
            rank[r] = static_cast<uint16_t>(counts[warp][digit] + before);
            __syncwarp();
            if (before == 0) counts[warp][digit] = static_cast<uint16_t>(rank[r] + __popc(same));
            __syncwarp();
        }
        __syncthreads();
        uint32_t total = 0;
        for (int w = 0; w < warps; w++) total += counts[w][threadIdx.x];
        uint32_t place = sum_before_thread(total);
        for (int w = 0; w < warps; w++) {
            uint32_t count = counts[w][threadIdx.x];
            counts[w][threadIdx.x] = static_cast<uint16_t>(place);
            place += count;
        }
        __syncthreads();
#pragma unroll
        for (int r = 0; r < ITEMS; r++) {
            int to = counts[warp][key[r] >> shift & (digits - 1)] + rank[r];
            keys[to] = key[r];
            from[to] = own[r];
        }
        __syncthreads();
#pragma unroll
        for (int r = 0; r < ITEMS; r++) {
            key[r] = keys[first + 32 * r];
            own[r] = from[first + 32 * r];
        }
    }
#pragma unroll
    for (int r = 0; r < ITEMS; r++)
        if (first + 32 * r < lines.n) lines.put(blockIdx.x, first + 32 * r, own[r]);
}

// The buffers of the radix sort: keys and positions twice; for each line, digit and chunk how many there are, and in all
// chunks together.
template <class K>
struct Buffers {
    K *keys, *other_keys;
    uint32_t *from, *other_from, *counts, *totals;
    int64_t chunks;
};

template <class T>
__global__ void __launch_bounds__(block) radix_keys(Lines<T> lines, Buffers<Key<T>> buffers) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < lines.count * lines.n;
         i += static_cast<int64_t>(gridDim.x) * block) {
        int64_t line = i / lines.n, k = i - line * lines.n;
        buffers.keys[i] = key_of(lines.input[lines.first(line) + k * lines.inner], lines.descending);
        buffers.from[i] = static_cast<uint32_t>(k);
    }
}

template <class K>
__global__ void __launch_bounds__(block) radix_count(Buffers<K> buffers, int64_t n, int shift) {
    CN_SHARED(uint32_t, counts, [digits]);
    int64_t line = blockIdx.x / buffers.chunks, part = blockIdx.x % buffers.chunks;
    int64_t end = (part + 1) * chunk < n ? (part + 1) * chunk : n;
    counts[threadIdx.x] = 0;
    __syncthreads();
    for (int64_t i = part * chunk + threadIdx.x; i < end; i += block)
        atomicAdd(&counts[buffers.keys[line * n + i] >> shift & (digits - 1)], 1u);
    __syncthreads();
    buffers.counts[(line * digits + threadIdx.x) * buffers.chunks + part] = counts[threadIdx.x];
}

// Counts become the places of the first of each chunk among those of their digit. One warp per line and digit, 32 chunks
// at a time.
template <class K>
__global__ void __launch_bounds__(block) radix_offsets(Buffers<K> buffers) {
    int64_t row = static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
    uint32_t* own = buffers.counts + row * buffers.chunks;
    uint32_t before = 0;
    for (int64_t first = 0; first < buffers.chunks; first += 32) {
        int64_t part = first + threadIdx.x % 32;
        uint32_t count = part < buffers.chunks ? own[part] : 0, sum = sum_to_lane(count);
        if (part < buffers.chunks) own[part] = before + sum - count;
        before += __shfl_sync(full_warp, sum, 31);
    }
    if (threadIdx.x % 32 == 0) buffers.totals[row] = before;
}

// 256 elements at a time: an element's place is the first of its digit in this chunk (behind those of lower digits, and of
// the same digit in earlier chunks), plus those of its digit in warps before its
// own, plus those in lanes below its own.
template <class K>
__global__ void __launch_bounds__(block) radix_move(Buffers<K> buffers, int64_t n, int shift) {
    CN_SHARED(uint32_t, places, [digits]);
    CN_SHARED(uint32_t, counts, [warps][digits]);
    int64_t line = blockIdx.x / buffers.chunks, part = blockIdx.x % buffers.chunks;
    int64_t end = (part + 1) * chunk < n ? (part + 1) * chunk : n;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    places[threadIdx.x] = sum_before_thread(buffers.totals[line * digits + threadIdx.x]) +
                          buffers.counts[(line * digits + threadIdx.x) * buffers.chunks + part];
    for (int64_t first = part * chunk; first < end; first += block) {
        int64_t i = first + threadIdx.x;
        bool there = i < end;
        K key = there ? buffers.keys[line * n + i] : K(0);
        int digit = there ? static_cast<int>(key >> shift & (digits - 1)) : digits;
        for (int d = lane; d < digits; d += 32) counts[warp][d] = 0;
        __syncwarp();
        unsigned same = __match_any_sync(full_warp, digit);
        int before = __popc(same & ((1u << lane) - 1));
        if (there && before == 0) counts[warp][digit] = __popc(same);
        __syncthreads();
        if (there) {
            uint32_t place = places[digit] + before;
            for (int w = 0; w < warp; w++) place += counts[w][digit];
            buffers.other_keys[line * n + place] = key;
            buffers.other_from[line * n + place] = buffers.from[line * n + i];
        }
        __syncthreads();
        for (int w = 0; w < warps; w++) places[threadIdx.x] += counts[w][threadIdx.x];
        __syncthreads();
    }
}

template <class T>
__global__ void __launch_bounds__(block) radix_put(Lines<T> lines, const uint32_t* __restrict__ from) {
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x; i < lines.count * lines.n;
         i += static_cast<int64_t>(gridDim.x) * block)
        lines.put(i / lines.n, i % lines.n, from[i]);
}

template <class T>
CnStatus radix_sort(const CnCall* call, Lines<T> lines) {
    using K = Key<T>;
    int64_t numel = lines.count * lines.n, chunks = cn_ceil_div(lines.n, chunk);
    // The widest come first, so that all are aligned.
    K* keys = static_cast<K*>(call->workspace);
    auto* rest = static_cast<uint32_t*>(call->workspace) + cn_ceil_div(2 * numel * int64_t(sizeof(K)), 4);
    uint32_t* counts = rest + 2 * numel;
    Buffers<K> buffers = {keys,  keys + numel, rest, rest + numel, counts, counts + lines.count * digits * chunks,
                          chunks};
    int64_t grid = cn_ceil_div(numel, block);
    if (grid > 65536) grid = 65536;
    CN_TRY(CN_LAUNCH(call, (radix_keys<T>), grid, block, 0, lines, buffers));
    for (int shift = 0; shift < static_cast<int>(8 * sizeof(K)); shift += 8) {
        CN_TRY(CN_LAUNCH(call, (radix_count<K>), lines.count * chunks, block, 0, buffers, lines.n, shift));
        CN_TRY(CN_LAUNCH(call, (radix_offsets<K>), lines.count * (digits / warps), block, 0, buffers));
        CN_TRY(CN_LAUNCH(call, (radix_move<K>), lines.count * chunks, block, 0, buffers, lines.n, shift));
        std::swap(buffers.keys, buffers.other_keys);
        std::swap(buffers.from, buffers.other_from);
    }
    return CN_LAUNCH(call, (radix_put<T>), grid, block, 0, lines, buffers.from);
}

template <class T>
Lines<T> make_lines(const CnCall* call) {
    const CnTensor* input = cn_arg(call, 0);
    int64_t dim = cn_attr_int(call, 0);
    if (dim < 0) dim += input->rank;
    Lines<T> lines = {cn_data<T>(input),    cn_data<T>(cn_arg(call, 1)), cn_data<int64_t>(cn_arg(call, 2)), 1, 1, 1,
                      cn_attr_bool(call, 1)};
    for (int d = 0; d < input->rank; d++) {
        (d == dim ? lines.n : lines.count) *= input->shape[d];
        if (d > dim) lines.inner *= input->shape[d];
    }
    return lines;
}

int choose(const CnCall* call, int64_t n) {
    int64_t key = cn_dtype_size(cn_arg(call, 0)->dtype);
    return call->variant != 0 ? call->variant : n <= 64 * key ? 1 : n <= block * many ? 3 : 2;
}

template <class T>
CnStatus sort(const CnCall* call) {
    Lines<T> lines = make_lines<T>(call);
    if (lines.n == 0 || lines.count == 0) return CN_OK;
    switch (choose(call, lines.n)) {
        case 1: {
            if (lines.n > network)
                return cn_fail(call, CN_UNSUPPORTED, "variant 1 holds lines of up to %d elements, not %lld", network,
                               static_cast<long long>(lines.n));
            int size = 2;
            while (size < lines.n) size *= 2;
            return CN_LAUNCH(call, (sort_v1<T>), lines.count, block, 0, lines, size);
        }
        case 2:
            if (lines.n > INT32_MAX)
                return cn_fail(call, CN_UNSUPPORTED, "lines have up to 2^31 - 1 elements, not %lld",
                               static_cast<long long>(lines.n));
            return radix_sort(call, lines);
        case 3:
            if (lines.n > block * many)
                return cn_fail(call, CN_UNSUPPORTED, "variant 3 holds lines of up to %d elements, not %lld",
                               block * many, static_cast<long long>(lines.n));
            if (lines.n <= block * few) return CN_LAUNCH(call, (sort_v3<T, few>), lines.count, block, 0, lines);
            return CN_LAUNCH(call, (sort_v3<T, many>), lines.count, block, 0, lines);
        default:
            return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    }
}

CnStatus launch_sort(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_ALL(dtype, T, { return sort<T>(call); });
    return cn_unsupported_dtype(call, dtype);
}

int64_t workspace(const CnCall* call) {
    Lines<uint8_t> lines = make_lines<uint8_t>(call);
    int64_t numel = lines.count * lines.n, key = cn_dtype_size(cn_arg(call, 0)->dtype);
    if (numel == 0 || choose(call, lines.n) != 2) return 0;
    int64_t counts = lines.count * digits * (cn_ceil_div(lines.n, chunk) + 1);
    return cn_ceil_div(2 * numel * key, 4) * 4 + (2 * numel + counts) * 4;
}

}  // namespace

CN_KERNEL(sort, "input; dim: int, descending: bool -> values, indices", launch_sort, workspace,
          "a bitonic network in shared memory, up to 1024 elements", "radix sort, for long lines",
          "radix sort by one block, up to 4096 elements");
