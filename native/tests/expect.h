// What the tests of the host execution layer share.
#ifndef CUDANET_TESTS_EXPECT_H
#define CUDANET_TESTS_EXPECT_H

#include <stdio.h>

#include <vector>

#include "cudanet.h"

inline int failures = 0;
#define EXPECT(condition)                                                   \
    do {                                                                    \
        if (!(condition)) {                                                 \
            failures++;                                                     \
            printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
        }                                                                   \
    } while (0)
#define EXPECT_OK(call)                                                                                      \
    do {                                                                                                     \
        if (CnStatus status_ = (call); status_ != CN_OK) {                                                   \
            failures++;                                                                                      \
            printf("%s:%d: %s gave %d: %s\n", __FILE__, __LINE__, #call, status_, cn_last_error()->message); \
        }                                                                                                    \
    } while (0)

template <class T>
struct Buffer {
    T* data = nullptr;
    int n;
    explicit Buffer(int count) : n(count) { EXPECT_OK(cn_alloc(0, bytes(), nullptr, reinterpret_cast<void**>(&data))); }
    explicit Buffer(const std::vector<T>& values) : Buffer(static_cast<int>(values.size())) {
        EXPECT_OK(cn_copy(0, data, values.data(), bytes(), CN_HOST_TO_DEVICE, nullptr));
        EXPECT_OK(cn_stream_synchronize(0, nullptr));
    }
    ~Buffer() { cn_free(0, data, nullptr); }
    Buffer(const Buffer&) = delete;
    int64_t bytes() const { return static_cast<int64_t>(sizeof(T)) * n; }
    std::vector<T> read(CnStream stream = nullptr) const {
        std::vector<T> values(static_cast<size_t>(n));
        EXPECT_OK(cn_copy(0, values.data(), data, bytes(), CN_DEVICE_TO_HOST, stream));
        return values;
    }
};

inline CnCall call_on(CnStream stream = nullptr) {
    CnCall call{};
    call.stream = stream;
    return call;
}
inline std::vector<float> ramp(int n) {
    std::vector<float> values;
    for (int i = 0; i < n; i++) values.push_back(static_cast<float>(i));
    return values;
}

inline void configure(int workers, int defer, int64_t seed) {
    CnSimtConfig config = {workers, defer, seed};
    EXPECT_OK(cn_simt_configure(&config));
}

#endif
