// scaled_dot_product_attention_backward. The weights are made again from the scores and log sum exp, so nothing of the
// size of the matrix of weights is kept (Dao et al. 2022, appendix B.2). With D = sum of grad_output * output -
// grad_logsumexp for each row, the slope of a score is weight * (grad_output valueT - D). Three launches: D; grad_key and
// grad_value, by keys; grad_query, by queries. Scores are computed twice for that, but no sum is shared by two blocks:
// there are no atomics, and results repeat bit for bit.
//
// Variants
//   1  one warp per row of a gradient, 32 rows of the other side at a time: short, for any dtype and head size.
//   2  one block per tile of 64 keys or queries (32 from head size 65 on), everything in shared memory as f32, with
//      register tiles as in the forward. For f32, f16 and bf16, head sizes up to 128.
#include "naive.cuh"
#include "tiled.cuh"

namespace {

template <class T>
cn::Attention<T> problem(const CnCall* call) {
    auto a = cn::attention_of<T>(call, 2, cn_arg(call, 0), cn_arg(call, 8));
    a.grad_logsumexp = cn_data<const acc_t<T>>(cn_arg(call, 1));
    a.logsumexp = cn_data<const acc_t<T>>(cn_arg(call, 9));
    return a;
}

int64_t workspace_attention_backward(const CnCall* call) {
    return cn_numel(*cn_arg(call, 9)) * (cn_arg(call, 9)->dtype == CN_F64 ? 8 : 4);
}

// Fills the workspace with D.
template <class T>
CnStatus launch_delta(const CnCall* call, const cn::Attention<T>& a) {
    int64_t needed = workspace_attention_backward(call);
    if (call->workspace_bytes < needed)
        return cn_fail(call, CN_INVALID_ARGUMENT, "a workspace of %lld bytes is needed, %lld were given",
                       static_cast<long long>(needed), static_cast<long long>(call->workspace_bytes));
    return CN_LAUNCH(call, (cn::attention_delta<T>), cn_ceil_div(a.items * a.queries, 4), 128, 0, a,
                     static_cast<acc_t<T>*>(call->workspace));
}

struct Backward {
    template <class T>
    static CnStatus naive(const CnCall* call) {
        auto a = problem<T>(call);
        auto* delta = static_cast<const acc_t<T>*>(call->workspace);
        CN_TRY(launch_delta(call, a));
        CN_ATTENTION_WARPS(call, (cn::attention_backward_key_v1<T>), T, a.items / a.group * a.keys,
                           2 * a.size + 2 * a.value_size + 64, a, delta, cn_data<T>(cn_arg(call, 11)),
                           cn_data<T>(cn_arg(call, 12)));
        CN_ATTENTION_WARPS(call, (cn::attention_backward_query_v1<T>), T, a.items * a.queries,
                           2 * a.size + a.value_size + 32, a, delta, cn_data<T>(cn_arg(call, 10)));
        return CN_OK;
    }

    template <class T, int HEAD>
    static CnStatus tiled(const CnCall* call) {
        using S = cn::BackwardTiles<HEAD>;
        auto a = problem<T>(call);
        auto* delta = static_cast<const float*>(call->workspace);
        CN_TRY(launch_delta(call, a));
        CN_TRY(CN_LAUNCH_LARGE_SHARED(call, (cn::attention_backward_key_v2<T, HEAD>),
                                      a.items / a.group * cn_ceil_div(a.keys, S::keys), cn::attention_threads,
                                      (cn::backward_floats<HEAD, 2>)*4, a, delta, cn_data<T>(cn_arg(call, 11)),
                                      cn_data<T>(cn_arg(call, 12))));
        return CN_LAUNCH_LARGE_SHARED(call, (cn::attention_backward_query_v2<T, HEAD>),
                                      a.items * cn_ceil_div(a.queries, S::queries), cn::attention_threads,
                                      (cn::backward_floats<HEAD, 1>)*4, a, delta, cn_data<T>(cn_arg(call, 10)));
    }
};

CnStatus launch_attention_backward(const CnCall* call) { return cn::launch_attention<Backward>(call, 2); }

}  // namespace

CN_KERNEL(scaled_dot_product_attention_backward,
          "grad_output, grad_logsumexp?, query, key, value, attn_mask?, key_lengths?, state?, output, logsumexp; "
          "is_causal: bool, dropout_p: float, scale: float, offset: int -> grad_query, grad_key, grad_value",
          launch_attention_backward, workspace_attention_backward, "one warp per row of a gradient",
          "tiles of keys and queries in shared memory; not f64, head sizes up to 128");
