// where: input where the condition is true, other elsewhere. Bits are moved as they are, so one kernel serves all dtypes
// of a size.
#include "device/elementwise.cuh"

namespace {

template <class T>
struct Where {
    __device__ __forceinline__ T operator()(bool condition, T input, T other) const {
        return condition ? input : other;
    }
};

template <class T>
CnStatus launch_of(const CnCall* call) {
    return cn::map<T, bool, T, T>(call, Where<T>{});
}

CnStatus launch_where(const CnCall* call) {
    switch (cn_dtype_size(cn_arg(call, 1)->dtype)) {
        case 1:
            return launch_of<uint8_t>(call);
        case 2:
            return launch_of<uint16_t>(call);
        case 4:
            return launch_of<uint32_t>(call);
        default:
            return launch_of<uint64_t>(call);
    }
}

}  // namespace

CN_KERNEL(where, "condition, input, other -> output", launch_where, nullptr, CN_ELEMENTWISE_VARIANTS);
