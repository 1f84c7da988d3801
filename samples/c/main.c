/*
 * A C program that uses CudaNet's kernels through cudanet.h alone: its own memory, its own stream, no C# anywhere.
 *
 *   cc -std=c11 -I native/include samples/c/main.c -L build/simt -lcudanet_simt -Wl,-rpath,$PWD/build/simt -lm -o sample
 *   ./sample
 *
 * Linked with -lcudanet_cuda instead, it runs on the first GPU. There a CnStream is a cudaStream_t and device pointers are
 * those of cudaMalloc, so a program that has them already passes its own.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cudanet.h"

enum { ROWS = 4, COLS = 100 };

static void check(CnStatus status, const char* what) {
    if (status == CN_OK) return;
    fprintf(stderr, "%s: %s\n", what, cn_last_error()->message);
    exit(1);
}

static const CnKernel* find(const char* name) {
    for (int32_t i = 0; i < cn_kernel_count(); i++)
        if (strcmp(cn_kernel_at(i)->name, name) == 0) return cn_kernel_at(i);
    fprintf(stderr, "this library has no kernel %s\n", name);
    exit(1);
}

static CnTensor matrix(void* data, int64_t rows, int64_t cols) {
    CnTensor tensor = {.data = data, .dtype = CN_F32, .rank = 2, .shape = {rows, cols}, .strides = {cols, 1}};
    return tensor;
}

/* softmax's signature is "input; dim: int -> output": two arguments and one attribute. */
static void softmax(const CnTensor* input, const CnTensor* output, CnStream stream) {
    const CnArg args[] = {{input, 1}, {output, 1}};
    const int64_t attributes[] = {1};
    CnCall call = {.args = args, .arg_count = 2, .attributes = attributes, .attribute_count = 1, .stream = stream};
    const CnKernel* kernel = find("softmax");
    call.workspace_bytes = kernel->workspace ? kernel->workspace(&call) : 0;
    check(cn_alloc(0, call.workspace_bytes, stream, &call.workspace), "workspace");
    check(kernel->launch(&call), "softmax");
    check(cn_free(0, call.workspace, stream), "workspace"); /* ordered after the launch */
}

int main(void) {
    static float host[ROWS * COLS], result[ROWS * COLS];
    for (int i = 0; i < ROWS * COLS; i++) host[i] = sinf((float)i);

    CnStream stream;
    void *input, *output;
    check(cn_stream_create(0, &stream), "stream");
    check(cn_alloc(0, sizeof host, stream, &input), "input");
    check(cn_alloc(0, sizeof host, stream, &output), "output");
    check(cn_copy(0, input, host, sizeof host, CN_HOST_TO_DEVICE, stream), "upload");

    CnTensor x = matrix(input, ROWS, COLS), y = matrix(output, ROWS, COLS);
    softmax(&x, &y, stream);

    check(cn_copy(0, result, output, sizeof result, CN_DEVICE_TO_HOST, stream), "download");
    check(cn_stream_synchronize(0, stream), "wait");

    double worst = 0;
    for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        for (int col = 0; col < COLS; col++) sum += exp((double)host[row * COLS + col]);
        for (int col = 0; col < COLS; col++) {
            int i = row * COLS + col;
            worst = fmax(worst, fabs(result[i] - exp((double)host[i]) / sum));
        }
    }
    check(cn_free(0, input, stream), "input");
    check(cn_free(0, output, stream), "output");
    check(cn_stream_destroy(0, stream), "stream");
    printf("%s: softmax of %d rows, largest error %.1e\n", cn_build(), ROWS, worst);
    return worst < 1e-7 ? 0 : 1;
}
