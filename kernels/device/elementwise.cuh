// What element-wise kernels share: y[i] = f(x0[i], x1[i], ...) over any strides, one function object per op.
//
// Variant 1 takes one element per thread and divides its number into coordinates; it serves every layout.
// Variant 2 is for operands that are dense or one value everywhere: each thread moves two vectors of up to 16 bytes per
// operand, and loads all before it stores any. A warp reads whole cache lines with a quarter of the instructions and
// without divisions, and twice the bytes are in flight. These ops do a few operations per byte: memory is their limit.
#ifndef CUDANET_KERNELS_DEVICE_ELEMENTWISE_CUH
#define CUDANET_KERNELS_DEVICE_ELEMENTWISE_CUH

#include "index.cuh"

#define CN_ELEMENTWISE_VARIANTS \
    "variant 1: one element per thread, any strides", "variant 2: 16-byte vectors, dense operands or one value"

namespace cn {

constexpr int map_block = 256, map_vectors = 2;

template <class T, int W>
struct alignas(sizeof(T) * W) Pack {
    T at[W];
};

template <int W, class T>
__device__ __forceinline__ Pack<T, W> load_pack(const T* x, int64_t pack, bool repeat) {
    if (!repeat) return reinterpret_cast<const Pack<T, W>*>(x)[pack];
    Pack<T, W> same;
    T value = x[0];
#pragma unroll
    for (int i = 0; i < W; i++) same.at[i] = value;
    return same;
}

// The inputs of a map, whatever their number and types.
template <class... X>
struct Inputs;

template <>
struct Inputs<> {
    template <int W>
    struct Packs {
        template <class F, class... D>
        __device__ __forceinline__ auto apply(const F& f, int, D... done) const {
            return f(done...);
        }
    };
    template <int W>
    __device__ __forceinline__ Packs<W> load(int64_t, int) const {
        return {};
    }
    template <class F, class... D>
    __device__ __forceinline__ auto apply(const F& f, const int64_t*, D... done) const {
        return f(done...);
    }
    static constexpr int widest = 1;
    static Inputs of(const CnCall*, int) { return {}; }
    bool aligned(int, int) const { return true; }
};

template <class A, class... Rest>
struct Inputs<A, Rest...> {
    const A* first;
    Inputs<Rest...> rest;

    // W elements of each input in registers.
    template <int W>
    struct Packs {
        Pack<A, W> first;
        typename Inputs<Rest...>::template Packs<W> rest;

        template <class F, class... D>
        __device__ __forceinline__ auto apply(const F& f, int i, D... done) const {
            return rest.apply(f, i, done..., first.at[i]);
        }
    };

    // The lowest bit of `repeat`: this input is one value everywhere. The others follow.
    template <int W>
    __device__ __forceinline__ Packs<W> load(int64_t pack, int repeat) const {
        return {load_pack<W>(first, pack, (repeat & 1) != 0), rest.template load<W>(pack, repeat >> 1)};
    }

    // f of the elements at these offsets, one offset for each input.
    template <class F, class... D>
    __device__ __forceinline__ auto apply(const F& f, const int64_t* at, D... done) const {
        return rest.apply(f, at + 1, done..., first[*at]);
    }

    static constexpr int widest = static_cast<int>(sizeof(A)) > Inputs<Rest...>::widest ? static_cast<int>(sizeof(A))
                                                                                        : Inputs<Rest...>::widest;

    static Inputs of(const CnCall* call, int arg) {
        return {cn_data<const A>(cn_arg(call, arg)), Inputs<Rest...>::of(call, arg + 1)};
    }
    bool aligned(int w, int repeat) const {
        return ((repeat & 1) != 0 || reinterpret_cast<uintptr_t>(first) % (sizeof(A) * w) == 0) &&
               rest.aligned(w, repeat >> 1);
    }
};

template <class F, class Y, class... X>
__global__ void __launch_bounds__(map_block)
    map_v1(F f, Y* __restrict__ y, Walk<sizeof...(X)> walk, Inputs<X...> inputs) {
    int64_t i = static_cast<int64_t>(blockIdx.x) * map_block + threadIdx.x;
    if (i < walk.numel) {
        int64_t at[sizeof...(X)];
        walk.offsets(i, at);
        y[i] = inputs.apply(f, at);
    }
}

template <class F, int W, class Y, class... X>
__global__ void __launch_bounds__(map_block)
    map_v2(F f, Y* __restrict__ y, int64_t numel, int repeat, Inputs<X...> inputs) {
    int64_t packs = numel / W;
    int64_t first = static_cast<int64_t>(blockIdx.x) * (map_block * map_vectors) + threadIdx.x;
    typename Inputs<X...>::template Packs<W> loaded[map_vectors];
#pragma unroll
    for (int v = 0; v < map_vectors; v++)
        if (first + v * map_block < packs) loaded[v] = inputs.template load<W>(first + v * map_block, repeat);
#pragma unroll
    for (int v = 0; v < map_vectors; v++) {
        if (first + v * map_block >= packs) continue;
        Pack<Y, W> result;
#pragma unroll
        for (int i = 0; i < W; i++) result.at[i] = loaded[v].apply(f, i);
        reinterpret_cast<Pack<Y, W>*>(y)[first + v * map_block] = result;
    }
    // The last elements, fewer than a vector: one each for the first threads of the grid.
    int64_t last = packs * W + first;
    if (last < numel) {
        int64_t at[sizeof...(X)];
#pragma unroll
        for (int n = 0; n < static_cast<int>(sizeof...(X)); n++) at[n] = (repeat >> n & 1) != 0 ? 0 : last;
        y[last] = inputs.apply(f, at);
    }
}

// A bit for each operand that is one value everywhere; -1 when an operand is neither that nor dense.
template <int N>
inline int repeated(const Walk<N>& walk) {
    int bits = 0;
    for (int n = 0; n < N; n++) {
        if (walk.dense[n]) continue;
        if (walk.rank != 1 || walk.strides[n][0] != 0) return -1;
        bits |= 1 << n;
    }
    return bits;
}

// Runs f over the first inputs of the call, of the types X, into the output behind them.
template <class Y, class... X, class F>
CnStatus map(const CnCall* call, F f) {
    constexpr int n = sizeof...(X);
    constexpr int widest = Inputs<X...>::widest > static_cast<int>(sizeof(Y)) ? Inputs<X...>::widest : sizeof(Y);
    constexpr int w = 16 / widest;
    const CnTensor *output = cn_arg(call, n), *operands[n];
    for (int i = 0; i < n; i++) operands[i] = cn_arg(call, i);
    if (!cn_is_contiguous(*output)) return cn_fail(call, CN_INVALID_ARGUMENT, "the output has to be contiguous");

    Walk<n> walk = make_walk<n>(*output, operands);
    auto inputs = Inputs<X...>::of(call, 0);
    Y* y = cn_data<Y>(output);
    int repeat = repeated(walk);
    bool vectors = repeat >= 0 && inputs.aligned(w, repeat) && reinterpret_cast<uintptr_t>(y) % (sizeof(Y) * w) == 0;
    int variant = call->variant == 0 ? (vectors ? 2 : 1) : call->variant;
    if (variant == 1)
        return CN_LAUNCH(call, (map_v1<F, Y, X...>), cn_ceil_div(walk.numel, map_block), map_block, 0, f, y, walk,
                         inputs);
    if (variant != 2) return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    if (!vectors)
        return cn_fail(call, CN_UNSUPPORTED,
                       "variant 2 needs dense operands, or single values, that start at multiples of 16 bytes");
    // A grid of vectors, rounded up, has a thread for each of the last elements too.
    return CN_LAUNCH(call, (map_v2<F, w, Y, X...>), cn_ceil_div(cn_ceil_div(walk.numel, w), map_block * map_vectors),
                     map_block, 0, f, y, walk.numel, repeat, inputs);
}

}  // namespace cn

#endif
