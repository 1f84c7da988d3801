// ising_sweep: Gibbs sweeps over square lattices of spins that close around their edges, coloured like a chessboard: the
// sites of one colour depend on the other only. A site's chance of being up takes five values, one for each number of
// neighbours that are up, so the host makes them into thresholds of 24 bits: no thread computes an exponential, and
// every device draws the same spins. Site number m of a colour, over all lattices, takes lane m % 4 of counter m / 4;
// half-sweeps follow each other in the counters.
//
// Variants
//   1  one launch per half-sweep, four sites of a counter per thread, the spins in global memory: any size.
//   2  one block per lattice, which keeps its spins in shared memory as bytes through all sweeps: one launch, memory is
//      read and written once. For lattices of up to 48 KiB sites.
#include "../device/philox.cuh"

namespace {

constexpr int block = 256;

struct Lattice {
    RandomState state;
    int64_t numel, height, width;
    uint32_t thresholds[5];

    __device__ __forceinline__ int64_t sites() const { return height * width; }
    __device__ __forceinline__ int64_t counters() const { return (numel / 2 + 3) / 4; }
    __device__ __forceinline__ uint4 words(int64_t half, int64_t counter) const {
        return state.words(half * counters() + counter);
    }
    // The sites [begin, end) of a colour among those of one counter; up(i) and put(i, is_up) know spins by their number.
    template <class Up, class Put>
    __device__ __forceinline__ void draw(int64_t half, int64_t counter, int64_t begin, int64_t end, const Up& up,
                                         const Put& put) const {
        uint4 w = words(half, counter);
        uint32_t lanes[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
        for (int k = 0; k < 4; k++) {
            int64_t m = counter * 4 + k;
            if (m < begin || m >= end) continue;
            int64_t line = 2 * m / width, row = line % height, start = line * width;
            int64_t column = 2 * m - start + (row + half) % 2;
            int64_t above = row == 0 ? (height - 1) * width : -width;
            int64_t below = row == height - 1 ? -(height - 1) * width : width;
            int64_t left = column == 0 ? width - 1 : column - 1, right = column == width - 1 ? 0 : column + 1;
            int count = up(start + column + above) + up(start + column + below) + up(start + left) + up(start + right);
            put(start + column, (lanes[k] >> 8) < thresholds[count]);
        }
    }
};

template <class T>
__device__ __forceinline__ T spin(bool up) {
    return from_acc<T>(up ? acc_t<T>(1) : acc_t<T>(-1));
}

template <class T>
__global__ void __launch_bounds__(block)
    ising_start(const T* __restrict__ input, T* __restrict__ output, int64_t numel) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (i < numel) output[i] = spin<T>(to_acc(input[i]) > acc_t<T>(0));
}

template <class T>
__global__ void __launch_bounds__(block) ising_half_sweep(T* spins, const __grid_constant__ Lattice l, int64_t half) {
    int64_t counter = static_cast<int64_t>(blockIdx.x) * block + threadIdx.x;
    if (counter >= l.counters()) return;
    l.draw(
        half, counter, 0, l.numel / 2, [&](int64_t i) { return to_acc(spins[i]) > acc_t<T>(0) ? 1 : 0; },
        [&](int64_t i, bool up) { spins[i] = spin<T>(up); });
}

template <class T>
__global__ void __launch_bounds__(block) ising_lattice(const T* __restrict__ input, T* __restrict__ output,
                                                       const __grid_constant__ Lattice l, int64_t sweeps) {
    CN_DYNAMIC_SHARED(uint8_t, spins);
    int64_t sites = l.sites(), first = blockIdx.x * sites;
    for (int64_t i = threadIdx.x; i < sites; i += block) spins[i] = to_acc(input[first + i]) > acc_t<T>(0) ? 1 : 0;
    __syncthreads();
    // A counter's four sites may belong to two lattices; each block draws those of its own.
    int64_t begin = first / 2, end = (first + sites) / 2;
    for (int64_t half = 0; half < 2 * sweeps; half++) {
        for (int64_t counter = begin / 4 + threadIdx.x; counter * 4 < end; counter += block)
            l.draw(
                half, counter, begin, end, [&](int64_t i) { return static_cast<int>(spins[i - first]); },
                [&](int64_t i, bool up) { spins[i - first] = up ? 1 : 0; });
        __syncthreads();
    }
    for (int64_t i = threadIdx.x; i < sites; i += block) output[first + i] = spin<T>(spins[i] != 0);
}

template <class T>
CnStatus sweep_globally(const CnCall* call, const T* input, T* output, const Lattice& l, int64_t sweeps) {
    CN_TRY(CN_LAUNCH(call, (ising_start<T>), cn_ceil_div(l.numel, block), block, 0, input, output, l.numel));
    int64_t counters = cn_ceil_div(l.numel / 2, 4);
    for (int64_t half = 0; half < 2 * sweeps; half++)
        CN_TRY(CN_LAUNCH(call, (ising_half_sweep<T>), cn_ceil_div(counters, block), block, 0, output, l, half));
    return CN_OK;
}

CnStatus launch_ising_sweep(const CnCall* call) {
    constexpr int64_t most_shared = 48 * 1024;
    const CnTensor *input = cn_arg(call, 0), *output = cn_arg(call, 2);
    Lattice l = {{cn_data<const int64_t>(cn_arg(call, 1)), cn_attr_int(call, 3)},
                 cn_numel(*input),
                 input->shape[input->rank - 2],
                 input->shape[input->rank - 1],
                 {}};
    if (l.numel == 0) return CN_OK;
    double coupling = cn_attr_float(call, 0), field = cn_attr_float(call, 1);
    for (int up = 0; up <= 4; up++)
        l.thresholds[up] = static_cast<uint32_t>(ceil((1 << 24) / (1 + exp(-2 * (coupling * (2 * up - 4) + field)))));
    int64_t sweeps = cn_attr_int(call, 2), sites = l.height * l.width;
    bool fits = sites <= most_shared;
    int variant = call->variant ? call->variant : fits ? 2 : 1;
    CN_DISPATCH_FLOATING(input->dtype, T, {
        const T* x = cn_data<const T>(input);
        T* y = cn_data<T>(output);
        switch (variant) {
            case 1:
                return sweep_globally<T>(call, x, y, l, sweeps);
            case 2:
                if (!fits)
                    return cn_fail(call, CN_UNSUPPORTED, "variant 2 holds lattices of up to %lld sites, not %lld",
                                   static_cast<long long>(most_shared), static_cast<long long>(sites));
                return CN_LAUNCH(call, (ising_lattice<T>), l.numel / sites, block, sites, x, y, l, sweeps);
            default:
                return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
        }
    });
    return cn_unsupported_dtype(call, input->dtype);
}

}  // namespace

CN_KERNEL(ising_sweep, "input, state; coupling: float, field: float, sweeps: int, offset: int -> output",
          launch_ising_sweep, nullptr, "one launch per half-sweep, spins in global memory",
          "one block per lattice, spins in shared memory");
