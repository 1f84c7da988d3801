# Planted bugs and clean kernels, to show that each checker sees what it is for and nothing else.
set(PLANTED ${CMAKE_SOURCE_DIR}/native/tests/planted.cu)
cudanet_kernels(${PLANTED})
set_source_files_properties(native/tests/main.cpp PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")
add_executable(simt_tests native/tests/main.cpp ${PLANTED})
cudanet_target(simt_tests)
target_link_libraries(simt_tests PRIVATE simt_runtime)
add_test(NAME simt COMMAND simt_tests)
set_tests_properties(simt PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" TIMEOUT 300)
