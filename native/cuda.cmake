# libcudanet_cuda.so. Included by the CMakeLists.txt of the root.
# CUDA before 12.4 refuses g++ 12 and later as host compiler; the choice has to be made before the language is enabled.
find_program(CUDANET_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin REQUIRED)
execute_process(COMMAND ${CUDANET_NVCC} --version OUTPUT_VARIABLE NVCC_VERSION_TEXT)
string(REGEX MATCH "release ([0-9]+\\.[0-9]+)" _ "${NVCC_VERSION_TEXT}")
set(NVCC_VERSION ${CMAKE_MATCH_1})
if(NVCC_VERSION VERSION_LESS 12.4 AND NOT DEFINED CMAKE_CUDA_HOST_COMPILER)
  find_program(CUDANET_GXX11 g++-11 REQUIRED)
  set(CMAKE_CUDA_HOST_COMPILER ${CUDANET_GXX11} CACHE FILEPATH "")
endif()
set(CMAKE_CUDA_COMPILER ${CUDANET_NVCC} CACHE FILEPATH "")
set(CMAKE_CUDA_ARCHITECTURES OFF)  # the list below is exact
enable_language(CUDA)
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
find_package(Threads REQUIRED)

# sm_80 and sm_90 as machine code, everything newer by PTX.
add_library(cudanet_cuda SHARED ${KERNELS} ${SHARED_SOURCES} native/runtime/cuda_runtime.cu)
target_include_directories(cudanet_cuda PRIVATE native/include kernels)
target_compile_options(cudanet_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CXX>:-O2 -Wall -Wextra -Werror -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=>
  $<$<COMPILE_LANGUAGE:CUDA>:
    -gencode=arch=compute_80,code=sm_80
    -gencode=arch=compute_90,code=sm_90
    -gencode=arch=compute_90,code=compute_90
    -Xptxas=-v -lineinfo -Xcompiler=-Wall,-Wextra,-Wno-unknown-pragmas,-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=>)
target_link_libraries(cudanet_cuda PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(cudanet_cuda PRIVATE -Wl,--exclude-libs,ALL)
