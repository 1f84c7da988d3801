#include "cudnn.h"

#include <stdio.h>

namespace cn {

#if CUDANET_SIMT
#define CN_CUDNN_NAMES "libcudnn_stand_in.so"
#else
#define CN_CUDNN_NAMES "libcudnn.so.9", "libcudnn.so.8"
#endif

Cudnn::Cudnn() : library("CUDANET_CUDNN_LIBRARY", {CN_CUDNN_NAMES}) {
    library.bind(get_version, "cudnnGetVersion");
    library.bind(create, "cudnnCreate");
    library.bind(set_stream, "cudnnSetStream");
    library.bind(create_tensor, "cudnnCreateTensorDescriptor");
    library.bind(destroy_tensor, "cudnnDestroyTensorDescriptor");
    library.bind(set_tensor, "cudnnSetTensor4dDescriptor");
    library.bind(create_filter, "cudnnCreateFilterDescriptor");
    library.bind(destroy_filter, "cudnnDestroyFilterDescriptor");
    library.bind(set_filter, "cudnnSetFilter4dDescriptor");
    library.bind(create_convolution, "cudnnCreateConvolutionDescriptor");
    library.bind(destroy_convolution, "cudnnDestroyConvolutionDescriptor");
    library.bind(set_convolution, "cudnnSetConvolution2dDescriptor");
    library.bind(set_groups, "cudnnSetConvolutionGroupCount");
    library.bind(set_math_type, "cudnnSetConvolutionMathType");
    library.bind(forward.choose, "cudnnGetConvolutionForwardAlgorithm_v7");
    library.bind(forward.workspace, "cudnnGetConvolutionForwardWorkspaceSize");
    library.bind(forward.run, "cudnnConvolutionForward");
    library.bind(backward_data.choose, "cudnnGetConvolutionBackwardDataAlgorithm_v7");
    library.bind(backward_data.workspace, "cudnnGetConvolutionBackwardDataWorkspaceSize");
    library.bind(backward_data.run, "cudnnConvolutionBackwardData");
    library.bind(backward_filter.choose, "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
    library.bind(backward_filter.workspace, "cudnnGetConvolutionBackwardFilterWorkspaceSize");
    library.bind(backward_filter.run, "cudnnConvolutionBackwardFilter");
}

Cudnn& Cudnn::get() {
    static Cudnn& one = *new Cudnn;
    return one;
}

void describe_cudnn(CnVendorInfo* info) {
    Cudnn& cudnn = Cudnn::get();
    snprintf(info->name, sizeof info->name, "cudnn");
    snprintf(info->problem, sizeof info->problem, "%s", cudnn.library.is_loaded() ? "" : cudnn.library.problem());
    if (!cudnn.library.is_loaded()) return;
    snprintf(info->loaded, sizeof info->loaded, "%s", cudnn.library.path());
    info->version = static_cast<int64_t>(cudnn.get_version());
}

}  // namespace cn
