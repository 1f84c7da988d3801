// Numbers as vendors' libraries know them, read and written as doubles on the host.
#ifndef CUDANET_TESTS_HOST_NUMBER_H
#define CUDANET_TESTS_HOST_NUMBER_H

#include <stdint.h>
#include <string.h>

enum class Number { f32, f64, f16, bf16 };

inline float half_bits_to_float(uint16_t bits) {
    _Float16 half;
    memcpy(&half, &bits, 2);
    return static_cast<float>(half);
}

inline double load(const void* data, int64_t i, Number number) {
    if (number == Number::f64) return static_cast<const double*>(data)[i];
    if (number == Number::f32) return static_cast<const float*>(data)[i];
    uint16_t bits = static_cast<const uint16_t*>(data)[i];
    if (number == Number::f16) return half_bits_to_float(bits);
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

inline void store(void* data, int64_t i, Number number, double value) {
    float single = static_cast<float>(value);
    if (number == Number::f64) {
        static_cast<double*>(data)[i] = value;
    } else if (number == Number::f32) {
        static_cast<float*>(data)[i] = single;
    } else if (number == Number::f16) {
        _Float16 half = static_cast<_Float16>(single);
        memcpy(static_cast<uint16_t*>(data) + i, &half, 2);
    } else {
        uint32_t bits;
        memcpy(&bits, &single, 4);
        bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
        bits = is_nan ? 0x7fc00000u : bits + 0x7fff + ((bits >> 16) & 1);
        static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(bits >> 16);
    }
}

#endif
