# Planted bugs and clean kernels, to show that each checker sees what it is for and nothing else.
set(PLANTED ${CMAKE_SOURCE_DIR}/native/tests/planted.cu ${CMAKE_SOURCE_DIR}/native/tests/planted_mma.cu)
cudanet_kernels(${PLANTED})
set_source_files_properties(native/tests/main.cpp PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")
add_executable(simt_tests native/tests/main.cpp ${PLANTED})
cudanet_target(simt_tests)
target_link_libraries(simt_tests PRIVATE simt_runtime)
add_test(NAME simt COMMAND simt_tests)
set_tests_properties(simt PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" TIMEOUT 300)

# The kernels through the library itself, as an application loads it.
set_source_files_properties(native/tests/kernels.cpp PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")
add_executable(kernel_tests native/tests/kernels.cpp)
cudanet_target(kernel_tests)
target_link_libraries(kernel_tests PRIVATE cudanet_simt)
add_test(NAME kernels COMMAND kernel_tests)
set_tests_properties(kernels PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" TIMEOUT 300)
