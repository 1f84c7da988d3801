# libcudanet_simt.so and its tests. Included by the CMakeLists.txt of the root.
set(COMMON
    -Wall -Wextra -Werror -Wno-unknown-pragmas -fno-strict-aliasing -fstack-clash-protection
    -march=x86-64-v3 -ftls-model=initial-exec -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
# Arrays filled under a condition that holds again at their use are common in kernels; g++ cannot see that.
set(KERNEL_FLAGS ${COMMON} -Wframe-larger-than=16384 -Wno-maybe-uninitialized)
set(RUNTIME_FLAGS ${COMMON})
set(LINK_FLAGS -Wl,-z,defs)

if(CUDANET_CHECK STREQUAL "asan")
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

add_library(cudanet_simt SHARED ${KERNELS} ${RUNTIME_SOURCES})
cudanet_target(cudanet_simt)

option(CUDANET_TESTS "build the tests of the host execution layer" ON)
if(CUDANET_TESTS)
  enable_testing()
  include(native/tests/tests.cmake)
endif()
