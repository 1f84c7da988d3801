// The six comparisons, of any dtype into bool; with NaN all but ne are false. And the logical ops: whether elements are not
// 0, which NaN is not.
#include "device/elementwise.cuh"

namespace {

struct Eq {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return a == b;
    }
};
struct Ne {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return a != b;
    }
};
struct Lt {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return a < b;
    }
};
struct Le {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return a <= b;
    }
};

struct And {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return a != A(0) && b != A(0);
    }
};
struct Or {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return a != A(0) || b != A(0);
    }
};
struct Xor {
    template <class A>
    __device__ __forceinline__ bool operator()(A a, A b) const {
        return (a != A(0)) != (b != A(0));
    }
};

// gt and ge are lt and le with the operands exchanged.
template <class T, class Op, bool Exchanged>
struct Compare {
    __device__ __forceinline__ bool operator()(T a, T b) const {
        return Exchanged ? Op()(to_acc(b), to_acc(a)) : Op()(to_acc(a), to_acc(b));
    }
};

template <class Op, bool Exchanged>
CnStatus launch_compare(const CnCall* call) {
    int32_t dtype = cn_arg(call, 0)->dtype;
    CN_DISPATCH_ALL(dtype, T, { return cn::map<bool, T, T>(call, Compare<T, Op, Exchanged>{}); });
    return cn_unsupported_dtype(call, dtype);
}

}  // namespace

CN_KERNEL(eq, "input, other -> output", (launch_compare<Eq, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(ge, "input, other -> output", (launch_compare<Le, true>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(gt, "input, other -> output", (launch_compare<Lt, true>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(le, "input, other -> output", (launch_compare<Le, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(logical_and, "input, other -> output", (launch_compare<And, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(logical_or, "input, other -> output", (launch_compare<Or, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(logical_xor, "input, other -> output", (launch_compare<Xor, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(lt, "input, other -> output", (launch_compare<Lt, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
CN_KERNEL(ne, "input, other -> output", (launch_compare<Ne, false>), nullptr, CN_ELEMENTWISE_VARIANTS);
