// scaled_dot_product_attention: softmax(query keyT scale + mask) value and log sum exp of each row of scores, without the
// matrix of weights in memory. Maximum and sum of a row run along with the keys, and what has been added up is scaled anew
// whenever the maximum grows (Milakov and Gimelshein 2018; Dao et al. 2022). A query that sees no key gives zeros.
//
// Variants
//   1  one warp per query, 32 keys at a time: short, for any dtype and head size. A lane reads a whole row of keys, so
//      loads are not coalesced and each row of keys is read once for every query.
//   2  one block per 64 queries: keys and values go through shared memory once for the 64, as f32, in tiles of 64 keys
//      (32 from head size 65 on), and register tiles of 4 x 4 scores make eight loads serve 64 multiply-adds. For f32,
//      f16 and bf16, head sizes up to 128.
#include "naive.cuh"
#include "tiled.cuh"

namespace {

struct Forward {
    template <class T>
    static CnStatus naive(const CnCall* call) {
        auto a = cn::attention_of<T>(call, 0, nullptr, nullptr);
        CN_ATTENTION_WARPS(call, (cn::attention_v1<T>), T, a.items * a.queries, a.size + a.value_size + 32, a,
                           cn_data<T>(cn_arg(call, 6)), cn_data<acc_t<T>>(cn_arg(call, 7)));
        return CN_OK;
    }

    template <class T, int HEAD>
    static CnStatus tiled(const CnCall* call) {
        auto a = cn::attention_of<T>(call, 0, nullptr, nullptr);
        return CN_LAUNCH_LARGE_SHARED(call, (cn::attention_v2<T, HEAD>),
                                      a.items * cn_ceil_div(a.queries, cn::ForwardTiles<HEAD>::queries),
                                      cn::attention_threads, cn::forward_floats<HEAD> * 4, a,
                                      cn_data<T>(cn_arg(call, 6)), cn_data<float>(cn_arg(call, 7)));
    }
};

CnStatus launch_attention(const CnCall* call) { return cn::launch_attention<Forward>(call, 0); }

}  // namespace

CN_KERNEL(scaled_dot_product_attention,
          "query, key, value, attn_mask?, key_lengths?, state?; is_causal: bool, dropout_p: float, scale: float, "
          "offset: int -> output, logsumexp",
          launch_attention, nullptr, "one warp per query",
          "tiles of 64 queries in shared memory; not f64, head sizes up to 128");
