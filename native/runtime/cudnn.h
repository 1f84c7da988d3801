// What is used of cuDNN: the convolutions of its older interface, which versions 8 and 9 share.
#ifndef CUDANET_RUNTIME_CUDNN_H
#define CUDANET_RUNTIME_CUDNN_H

#include "vendor.h"

namespace cn {

// cudnnDataType_t, cudnnTensorFormat_t, cudnnConvolutionMode_t and cudnnMathType_t by their numbers.
constexpr int cudnn_float = 0, cudnn_double = 1, cudnn_half = 2, cudnn_bfloat16 = 9;
constexpr int cudnn_nchw = 0, cudnn_cross_correlation = 1;
constexpr int cudnn_default_math = 0, cudnn_tensor_op_conversion = 2, cudnn_fma_math = 3;

inline int cudnn_data_type(int32_t dtype) {
    return dtype == CN_F64    ? cudnn_double
           : dtype == CN_F16  ? cudnn_half
           : dtype == CN_BF16 ? cudnn_bfloat16
                              : cudnn_float;
}

// cudnnConvolution*AlgoPerf_t, the same layout for the three passes.
struct CudnnAlgorithm {
    int algorithm, status;
    float time;
    size_t memory;
    int determinism, math_type;
    int reserved[3];
};

// The three passes take their tensors in one order, (source, kind of source) first: x, w -> y; w, dy -> dx; x, dy -> dw.
struct CudnnPass {
    int (*choose)(void* handle, const void* first, const void* second, const void* convolution, const void* result,
                  int wanted, int* count, CudnnAlgorithm* algorithms);
    int (*workspace)(void* handle, const void* first, const void* second, const void* convolution, const void* result,
                     int algorithm, size_t* bytes);
    int (*run)(void* handle, const void* alpha, const void* first, const void* first_data, const void* second,
               const void* second_data, const void* convolution, int algorithm, void* workspace, size_t bytes,
               const void* beta, const void* result, void* result_data);
};

struct Cudnn {
    VendorLibrary library;
    VendorHandles handles;
    size_t (*get_version)();
    int (*create)(void** handle);
    int (*set_stream)(void* handle, void* stream);
    int (*create_tensor)(void** descriptor);
    int (*destroy_tensor)(void* descriptor);
    int (*set_tensor)(void* descriptor, int format, int type, int n, int c, int h, int w);
    int (*create_filter)(void** descriptor);
    int (*destroy_filter)(void* descriptor);
    int (*set_filter)(void* descriptor, int type, int format, int k, int c, int h, int w);
    int (*create_convolution)(void** descriptor);
    int (*destroy_convolution)(void* descriptor);
    int (*set_convolution)(void* descriptor, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                           int dilation_w, int mode, int compute_type);
    int (*set_groups)(void* descriptor, int groups);
    int (*set_math_type)(void* descriptor, int math_type);
    CudnnPass forward, backward_data, backward_filter;

    static Cudnn& get();

private:
    Cudnn();
};

}  // namespace cn

#endif
