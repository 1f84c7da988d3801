// Runs a recurrent layer over whole sequences, step after step in one stream.
//
// Variants
//   1  a matrix product and a kernel for the cell: two launches per step, and the products go through memory. The product is
//      the library's, with its large tiles: the better choice where the batch and the layer fill a GPU by themselves.
//   2  one kernel per step (fused.cuh). Steps of small layers take some microseconds, of which a launch is a large part.
// Backward, variant 1 reads the gradients of a step's gates as one matrix; where sequences of different lengths are read from
// their ends they lie at different positions, and it refuses.
#ifndef CUDANET_KERNELS_RECURRENT_SEQUENCE_CUH
#define CUDANET_KERNELS_RECURRENT_SEQUENCE_CUH

#include "../gemm/gemm.cuh"
#include "fused.cuh"

#define CN_SEQUENCE_VARIANTS \
    "per step a matrix product and a kernel for the cell", "one kernel per step: the cell is the product's epilogue"

namespace cn {

// Whether the matrix product's large tiles pay for a second launch.
inline int choose_sequence(const CnCall* call, const Steps& steps, bool even) {
    if (call->variant) return call->variant;
    return even && steps.batch >= 128 && steps.units >= 512 ? 1 : 2;
}

inline CnStatus check_sequence(const CnCall* call, int variant, int64_t needed) {
    if (variant > 2) return cn_fail(call, CN_INVALID_ARGUMENT, "there is no variant %d", call->variant);
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    return CN_OK;
}

template <class T>
CnTensor matrix(const T* data, int64_t rows, int64_t cols) {
    CnTensor m;
    memset(&m, 0, sizeof m);
    m.data = const_cast<T*>(data);
    m.dtype = cn_dtype_of<T>::id;
    m.rank = 2;
    m.shape[0] = rows;
    m.shape[1] = m.strides[0] = cols;
    m.strides[1] = 1;
    return m;
}

// c = a * b, or a * b^T, by the tiles of 64 x 64: they need no workspace, and give the blocks that a step has to offer.
template <class T>
CnStatus multiply(const CnCall* call, const T* a, const T* b, T* c, int64_t rows, int64_t units, int64_t gates,
                  bool transposed) {
    const int64_t depth = transposed ? units : gates, width = transposed ? gates : units;
    CnCall product = *call;
    product.variant = 3;
    return launch_gemm(&product, make_problem<T>(matrix(a, rows, depth), matrix(b, gates, units), transposed, nullptr,
                                                 matrix(c, rows, width)));
}

// Variant 1 keeps one element for each unit and gate of a step: what the matrix product gives.
inline int64_t sequence_workspace(const CnCall* call, const Steps& steps, bool even, int gates, int32_t dtype) {
    if (choose_sequence(call, steps, even) != 1) return 0;
    int64_t size = 0;
    CN_DISPATCH_FLOATING(dtype, T, { size = sizeof(T); });
    return steps.batch * gates * steps.units * size;
}

template <class T, class Cell>
CnStatus run_sequence(const CnCall* call, const ForwardStep<T, Cell>& f) {
    const Steps& steps = f.steps;
    int variant = choose_sequence(call, steps, true);
    CN_TRY(check_sequence(call, variant, sequence_workspace(call, steps, true, Cell::gates, cn_dtype_of<T>::id)));
    T* hidden = static_cast<T*>(call->workspace);
    const int64_t gates = Cell::gates * steps.units;
    for (int64_t s = 0; s < steps.count; s++) {
        if (variant == 2) {
            CN_TRY(launch_fused(call, f, s));
            continue;
        }
        CN_TRY(multiply<T>(call, s == 0 ? f.hx : f.h_n, f.weight, hidden, steps.batch, steps.units, gates, true));
        CN_TRY(launch_cell(call, f, s, hidden));
    }
    return CN_OK;
}

template <class T, class Cell>
CnStatus run_sequence(const CnCall* call, const BackwardStep<T, Cell>& f) {
    const Steps& steps = f.steps;
    const bool even = steps.even();
    int variant = choose_sequence(call, steps, even);
    CN_TRY(check_sequence(call, variant, sequence_workspace(call, steps, even, 1, cn_dtype_of<T>::id)));
    if (variant == 1 && !even)
        return cn_fail(call, CN_UNSUPPORTED, "variant 1 takes no sequences of different lengths in reverse");
    T* through = static_cast<T*>(call->workspace);
    const int64_t gates = Cell::gates * steps.units;
    CN_TRY(launch_cell(call, f, steps.count - 1, static_cast<const T*>(nullptr)));
    for (int64_t s = steps.count - 2; s >= -1; s--) {
        if (variant == 2) {
            CN_TRY(launch_fused(call, f, s));
            continue;
        }
        int64_t after = steps.reverse ? steps.count - 2 - s : s + 1;
        CN_TRY(multiply<T>(call, f.cell.grad_hidden_gates + after * steps.batch * gates, f.weight, through, steps.batch,
                           steps.units, gates, false));
        CN_TRY(launch_cell(call, f, s, static_cast<const T*>(through)));
    }
    return CN_OK;
}

}  // namespace cn

#endif
