// The threads that run blocks. They are the library's own: the caller's thread may belong to .NET, and its stack and
// signal handling are none of ours.
#ifndef CUDANET_SIMT_POOL_H
#define CUDANET_SIMT_POOL_H

#include "block.h"

namespace simt {

// Runs the launch on up to `workers` threads and waits for it. One launch at a time.
void run_launch(Launch& launch, int workers);

}  // namespace simt

#endif
