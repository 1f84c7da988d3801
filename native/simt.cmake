# libcudanet_simt.so and its tests. Included by the CMakeLists.txt of the root.
set(COMMON
    -Wall -Wextra -Werror -Wno-unknown-pragmas -fno-strict-aliasing -fstack-clash-protection
    -march=x86-64-v3 -ftls-model=initial-exec -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -fdebug-prefix-map=${CMAKE_BINARY_DIR}=.)
# Arrays filled under a condition that holds again at their use are common in kernels; g++ cannot see that.
set(KERNEL_FLAGS ${COMMON} -Wno-maybe-uninitialized)
set(LARGEST_FRAME 16384)  # a CUDA thread's stack here is 64 KiB, in checked builds 256 KiB
set(RUNTIME_FLAGS ${COMMON})
set(LINK_FLAGS -Wl,-z,defs)

if(CUDANET_CHECK STREQUAL "asan")
  set(LARGEST_FRAME 65536)
  set(ASAN -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  list(APPEND KERNEL_FLAGS ${ASAN})
  list(APPEND RUNTIME_FLAGS ${ASAN})
  set(LINK_FLAGS -fsanitize=address,undefined)
elseif(CUDANET_CHECK STREQUAL "race")
  # The kernels call the race checker at each access; the runtime that ThreadSanitizer brings is not linked.
  list(APPEND KERNEL_FLAGS -O1 -g -fsanitize=thread --param=tsan-instrument-func-entry-exit=0 -DCUDANET_SIMT_RACE=1)
  list(APPEND RUNTIME_FLAGS -O2 -g -DCUDANET_SIMT_RACE=1)
else()
  list(APPEND KERNEL_FLAGS -O3)
  list(APPEND RUNTIME_FLAGS -O2 -g1)
endif()

list(APPEND KERNEL_FLAGS -Wframe-larger-than=${LARGEST_FRAME})

find_package(Threads REQUIRED)
file(GLOB SIMT_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/native/simt/*.cpp)
if(NOT CUDANET_CHECK STREQUAL "race")
  list(FILTER SIMT_SOURCES EXCLUDE REGEX "/race\\.cpp$")
endif()

# g++ takes a .cu for a linker input unless it is told the language.
function(cudanet_kernels)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${KERNEL_FLAGS};-x;c++")
endfunction()
cudanet_kernels(${KERNELS})
set(RUNTIME_SOURCES ${SHARED_SOURCES} native/runtime/simt_runtime.cpp ${SIMT_SOURCES})
set_source_files_properties(${RUNTIME_SOURCES} PROPERTIES COMPILE_OPTIONS "${RUNTIME_FLAGS}")

function(cudanet_target target)
  target_include_directories(${target} PRIVATE native/include kernels)
  target_link_options(${target} PRIVATE ${LINK_FLAGS})
  target_link_libraries(${target} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
endfunction()

# The tests link the runtime with kernels of their own, so it is compiled once as objects.
add_library(simt_runtime OBJECT ${RUNTIME_SOURCES})
target_include_directories(simt_runtime PRIVATE native/include)
target_compile_definitions(simt_runtime PRIVATE CUDANET_SIMT=1)

add_library(cudanet_simt SHARED ${KERNELS})
cudanet_target(cudanet_simt)
target_link_libraries(cudanet_simt PRIVATE simt_runtime)
# Stand-ins for NVIDIA's libraries are looked for beside it.
set_target_properties(cudanet_simt PROPERTIES BUILD_RPATH "$ORIGIN")

option(CUDANET_TESTS "build the tests of the host execution layer" ON)
if(CUDANET_TESTS)
  enable_testing()
  include(native/tests/tests.cmake)
endif()
