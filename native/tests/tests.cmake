# Planted bugs and clean kernels, to show that each checker sees what it is for and nothing else.
set(PLANTED ${CMAKE_SOURCE_DIR}/native/tests/planted.cu)
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

# The sample that a C application starts from, compiled as C: the header must need nothing of C++.
enable_language(C)
add_executable(c_sample samples/c/main.c)
set_target_properties(c_sample PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON)
set_source_files_properties(samples/c/main.c PROPERTIES COMPILE_OPTIONS "-Wall;-Wextra;-Werror")
cudanet_target(c_sample)
target_link_libraries(c_sample PRIVATE cudanet_simt m)
add_test(NAME c_sample COMMAND c_sample)
set_tests_properties(c_sample PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" TIMEOUT 60)
