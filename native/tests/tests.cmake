# Planted bugs and clean kernels, to show that each checker sees what it is for and nothing else.
set(PLANTED ${CMAKE_SOURCE_DIR}/native/tests/planted.cu ${CMAKE_SOURCE_DIR}/native/tests/planted_mma.cu)
cudanet_kernels(${PLANTED})
function(cudanet_planted_test name source)
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")
  add_executable(${name}_tests ${source} ${PLANTED})
  cudanet_target(${name}_tests)
  target_link_libraries(${name}_tests PRIVATE simt_runtime)
  add_test(NAME ${name} COMMAND ${name}_tests)
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" TIMEOUT 300)
endfunction()
function(cudanet_test_library name source)
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")
  add_library(${name} SHARED ${source})
  cudanet_target(${name})
endfunction()
# A profiler that writes down the names of ranges, and libraries of NVIDIA's that compute on the host.
cudanet_test_library(nvtx_recorder native/tests/nvtx_recorder.cpp)
cudanet_test_library(cublas_stand_in native/tests/vendor/cublas.cpp)
cudanet_test_library(cublaslt_stand_in native/tests/vendor/cublaslt.cpp)
cudanet_test_library(cudnn_stand_in native/tests/vendor/cudnn.cpp)

cudanet_planted_test(simt native/tests/main.cpp)
cudanet_planted_test(runtime native/tests/runtime.cpp)

# The kernels through the library itself, as an application loads it.
set_source_files_properties(native/tests/kernels.cpp PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")
add_executable(kernel_tests native/tests/kernels.cpp)
cudanet_target(kernel_tests)
target_link_libraries(kernel_tests PRIVATE cudanet_simt)
add_test(NAME kernels COMMAND kernel_tests)
set_tests_properties(kernels PROPERTIES ENVIRONMENT
  "ASAN_OPTIONS=detect_leaks=0;NVTX_INJECTION64_PATH=$<TARGET_FILE:nvtx_recorder>" TIMEOUT 300)

# The sample that a C application starts from, compiled as C: the header must need nothing of C++.
enable_language(C)
add_executable(c_sample samples/c/main.c)
set_target_properties(c_sample PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON)
set_source_files_properties(samples/c/main.c PROPERTIES COMPILE_OPTIONS "-Wall;-Wextra;-Werror")
cudanet_target(c_sample)
target_link_libraries(c_sample PRIVATE cudanet_simt m)
add_test(NAME c_sample COMMAND c_sample)
set_tests_properties(c_sample PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" TIMEOUT 60)
