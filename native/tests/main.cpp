// Runs the planted kernels and compares what the host execution layer says about them. With a name as argument, only
// that test runs; AddressSanitizer ends the process, so tests of it run in a child of this program.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "expect.h"
#include "planted.h"

namespace {

const bool asan = !strcmp(cn_build(), "simt-asan"), race = !strcmp(cn_build(), "simt-race");

const CnCall here = call_on();

// The launch is accepted, and the next wait tells of the bug.
void expect_failure(CnStatus launched, const std::vector<std::string>& parts) {
    EXPECT(launched == CN_OK);
    CnStatus status = cn_stream_synchronize(0, nullptr);
    EXPECT(status == CN_LAUNCH_FAILED);
    std::string message = status == CN_OK ? "no error" : cn_last_error()->message;
    for (const std::string& part : parts)
        if (message.find(part) == std::string::npos) {
            failures++;
            printf("'%s' is not in: %s\n", part.c_str(), message.c_str());
        }
    EXPECT_OK(cn_stream_synchronize(0, nullptr));  // told once
}
std::string at_line(int line) { return "planted.cu:" + std::to_string(line); }

void clean_kernels() {
    for (int64_t seed : {0, 1, 2, 3, 77})
        for (int workers : {1, 2}) {
            configure(workers, seed > 1, seed);
            Buffer<float> in(ramp(64 * 64)), out(64 * 64);
            EXPECT_OK(planted::transpose(&here, in.data, out.data, 64));
            std::vector<float> t = out.read();
            for (int i = 0; i < 64 * 64; i++)
                EXPECT(t[static_cast<size_t>(i)] == static_cast<float>(i % 64 * 64 + i / 64));

            Buffer<float> sums(16);
            EXPECT_OK(planted::block_sums(&here, in.data, sums.data, 16));
            std::vector<float> s = sums.read();
            for (int b = 0; b < 16; b++)
                EXPECT(s[static_cast<size_t>(b)] == static_cast<float>(256 * 256 * b + 255 * 128));

            Buffer<float> exchanged(256);
            EXPECT_OK(planted::warp_exchange(&here, in.data, exchanged.data));
            std::vector<float> e = exchanged.read();
            for (int i = 0; i < 256; i++)
                EXPECT(e[static_cast<size_t>(i)] == static_cast<float>(i / 32 * 32 + (i + 2) % 32));

            std::vector<int> values;
            for (int i = 0; i < 1000; i++) values.push_back(i % 16);
            Buffer<int> bins(values), counts(std::vector<int>(16, 0));
            EXPECT_OK(planted::histogram(&here, bins.data, counts.data, 1000));
            std::vector<int> c = counts.read();
            for (int i = 0; i < 16; i++) EXPECT(c[static_cast<size_t>(i)] == (i < 8 ? 63 : 62));

            Buffer<float> partial(40);
            EXPECT_OK(planted::partial_warp(&here, partial.data));
            std::vector<float> p = partial.read();
            EXPECT(p[0] == 36 && p[5] == 32 && p[33] == 12 && p[39] == 8);

            Buffer<float> reversed(100);
            EXPECT_OK(planted::dynamic_reverse(&here, in.data, reversed.data, 100));
            std::vector<float> r = reversed.read();
            for (int i = 0; i < 100; i++) EXPECT(r[static_cast<size_t>(i)] == static_cast<float>(99 - i));

            Buffer<unsigned char> small(777);
            EXPECT_OK(planted::bytes(&here, small.data, 777));
            EXPECT(small.read()[776] == static_cast<unsigned char>(776));
        }
}

void missing_barrier() {
    Buffer<float> in(ramp(256)), out(256);
    if (race) return expect_failure(planted::missing_barrier(&here, in.data, out.data), {"race on shared memory"});
    EXPECT_OK(planted::missing_barrier(&here, in.data, out.data));
    EXPECT(isnan(out.read()[0]));
}

void unwritten() {
    Buffer<float> out(64);
    EXPECT_OK(planted::unwritten(&here, out.data, 64));
    std::vector<float> values = out.read();
    EXPECT(values[62] == 1 && isnan(values[63]));
}

void divergence() {
    Buffer<float> out(256);
    for (int64_t seed : {0, 5}) {
        configure(2, 0, seed);
        int line = 0;
        CnStatus status = planted::barrier_in_branch(&here, out.data, &line);
        expect_failure(status, {"divergent barrier", at_line(line), "barrier_in_branch_kernel"});
        status = planted::barrier_after_return(&here, out.data, &line);
        expect_failure(status, {"divergent barrier", at_line(line), "thread (5, 0, 0)"});
        status = planted::two_barriers(&here, out.data, &line);
        expect_failure(status, {"divergent barrier", at_line(line), at_line(line + 2)});
        status = planted::absent_lane(&here, out.data, &line);
        expect_failure(status, {"absent", at_line(line)});
        status = planted::wrong_edge_mask(&here, out.data, &line);
        expect_failure(status, {"0xffffff00 that do not exist", at_line(line)});
        expect_failure(planted::not_in_own_mask(&here, out.data), {"not in its own mask"});
        expect_failure(planted::different_collectives(&here, out.data), {"__shfl_xor_sync", "__any_sync"});
        expect_failure(planted::no_dynamic_shared(&here, out.data), {"the launch gave none"});
    }
    clean_kernels();  // abandoned blocks leave nothing behind
}

void races() {
    if (!race) return;
    Buffer<float> in(ramp(32)), out(std::vector<float>(64, 0));
    Buffer<int> counter(std::vector<int>(1, 0));
    int line = 0;
    CnStatus status = planted::race_shared(&here, out.data, &line);
    expect_failure(status, {"race on shared memory", "a write", at_line(line)});
    status = planted::race_global(&here, out.data, &line);
    expect_failure(status, {"race on global memory", at_line(line), "block 1", "block 0"});
    expect_failure(planted::race_plain_and_atomic(&here, counter.data), {"an atomic", "a write"});
    expect_failure(planted::missing_syncwarp(&here, in.data, out.data), {"race on shared memory", "a read"});
}

// Whole numbers from -4 to 4: exact in every dtype, and so are their sums.
float small_number(int i) { return static_cast<float>(i * 7 % 9 - 4); }
uint16_t sixteen_bits(int dtype, float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (dtype == CN_BF16) return static_cast<uint16_t>(bits >> 16);
    uint32_t sign = bits >> 16 & 0x8000u, exponent = bits >> 23 & 0xffu;
    return static_cast<uint16_t>(x == 0 ? 0 : sign | (exponent - 112) << 10 | (bits >> 13 & 0x3ffu));
}

// The layout of fragments: each dtype in each layout of the operands' tiles.
void tensor_cores() {
    for (int dtype : {CN_F16, CN_BF16, CN_F32}) {
        int depth = dtype == CN_F32 ? 8 : 16;
        std::vector<float> a, b, product(256, 0);
        for (int i = 0; i < 16 * depth; i++) a.push_back(small_number(i)), b.push_back(small_number(i * 5 + 3));
        for (int i = 0; i < 256; i++)
            for (int k = 0; k < depth; k++)
                product[static_cast<size_t>(i)] +=
                    a[static_cast<size_t>(i / 16 * depth + k)] * b[static_cast<size_t>(k * 16 + i % 16)];
        std::vector<uint16_t> short_a, short_b;
        for (float x : a) short_a.push_back(sixteen_bits(dtype, x));
        for (float x : b) short_b.push_back(sixteen_bits(dtype, x));
        Buffer<float> wide_a(a), wide_b(b), d(256);
        Buffer<uint16_t> narrow_a(short_a), narrow_b(short_b);
        const void* from_a = dtype == CN_F32 ? static_cast<void*>(wide_a.data) : narrow_a.data;
        const void* from_b = dtype == CN_F32 ? static_cast<void*>(wide_b.data) : narrow_b.data;
        for (int64_t seed : {0, 9})
            for (int layout = 0; layout < 4; layout++) {
                configure(1, 0, seed);
                EXPECT_OK(planted::mma(&here, dtype, from_a, from_b, d.data, layout % 2 == 0, layout < 2));
                EXPECT(d.read() == product);
            }
        if (dtype != CN_F32) continue;
        EXPECT_OK(planted::swapped_fragment(&here, from_a, from_b, d.data));
        EXPECT(d.read() != product);
    }
    // tf32 keeps 10 bits after the point: halves go away from zero.
    std::vector<float> a(128, 0), b(128, 0);
    a[0] = 1 + 1 / 2048.0f, a[8] = -1 - 1 / 2048.0f, a[16] = 1 + 1 / 4096.0f, b[0] = 1;
    Buffer<float> from_a(a), from_b(b), d(256);
    EXPECT_OK(planted::mma(&here, CN_F32, from_a.data, from_b.data, d.data, true, true));
    std::vector<float> rounded = d.read();
    EXPECT(rounded[0] == 1 + 1 / 1024.0f && rounded[16] == -1 - 1 / 1024.0f && rounded[32] == 1);
    configure(1, 0, 0);
}

void pipelines() {
    constexpr int rounds = 7;
    Buffer<float> in(ramp(rounds * 256)), out(64);
    std::vector<float> sums(64, 0);
    for (int round = 0; round < rounds; round++)
        for (int own = 0; own < 64; own++)
            for (int i = 0; i < 4; i++)
                sums[static_cast<size_t>(own)] += static_cast<float>((round * 64 + (own + 40) % 64) * 4 + i);
    auto wrong = [&](auto run, int64_t seed) {
        configure(1, 0, seed);
        EXPECT_OK(run(&here, in.data, out.data, rounds));
        return out.read() != sums;
    };
    for (int64_t seed : {0, 1, 2, 3, 4}) EXPECT(!wrong(planted::pipeline, seed));
    EXPECT_OK(planted::partial_copy(&here, in.data, out.data));
    std::vector<float> part = out.read();
    EXPECT(part[0] == 0 && part[1] == 1 && part[2] == 0 && part[3] == 0);
    expect_failure(planted::misaligned_copy(&here, in.data, out.data), {"cp.async", "planted_mma.cu"});
    EXPECT(wrong(planted::pipeline_without_wait, 0));
    if (race) {
        expect_failure(planted::pipeline_without_barrier(&here, in.data, out.data, rounds),
                       {"race on shared memory", "a write", "a read", "planted_mma.cu"});
        expect_failure(planted::pipeline_with_late_wait(&here, in.data, out.data, rounds), {"race on shared memory"});
        return configure(1, 0, 0);
    }
    EXPECT(wrong(planted::pipeline_with_late_wait, 0));
    int found = 0;
    for (int64_t seed = 0; seed < 5; seed++) found += wrong(planted::pipeline_without_barrier, seed);
    EXPECT(found > 0);
    configure(1, 0, 0);
}

void deferred_streams() {
    configure(1, 1, 0);
    CnStream a, b;
    EXPECT_OK(cn_stream_create(0, &a));
    EXPECT_OK(cn_stream_create(0, &b));
    CnCall on_a = call_on(a), on_b = call_on(b);
    {
        Buffer<float> in(ramp(8)), middle(8), out(8);
        EXPECT_OK(planted::add_one(&on_a, in.data, middle.data, 8));
        EXPECT(isnan(middle.data[0]));  // the host reads too soon
        EXPECT_OK(planted::add_one(&on_b, middle.data, out.data, 8));
        EXPECT(isnan(out.read(b)[0]));  // no event orders b after a
        EXPECT_OK(cn_device_synchronize(0));
    }
    {
        Buffer<float> in(ramp(8)), middle(8), out(8);
        CnEvent event;
        EXPECT_OK(cn_event_create(0, &event));
        EXPECT_OK(planted::add_one(&on_a, in.data, middle.data, 8));
        EXPECT_OK(cn_event_record(0, event, a));
        EXPECT_OK(cn_event_wait(0, event, b));
        EXPECT_OK(planted::add_one(&on_b, middle.data, out.data, 8));
        EXPECT(out.read(b)[3] == 5);
        EXPECT_OK(cn_event_destroy(0, event));
    }
    {
        std::vector<float> host = ramp(8);
        Buffer<float> device(8);
        EXPECT_OK(cn_copy(0, device.data, host.data(), 32, CN_HOST_TO_DEVICE, nullptr));
        host[0] = 100;  // the caller may reuse its memory
        EXPECT(device.read()[0] == 0);
        EXPECT_OK(cn_memset(0, device.data, 0, 32, nullptr));
        EXPECT(device.read()[7] == 0);
    }
    EXPECT_OK(cn_stream_destroy(0, a));
    EXPECT_OK(cn_stream_destroy(0, b));
    EXPECT(cn_stream_synchronize(0, a) == CN_INVALID_ARGUMENT);
    configure(1, 0, 0);
}

void early_free() {
    configure(1, 1, 0);
    CnStream a;
    EXPECT_OK(cn_stream_create(0, &a));
    CnCall on_a = call_on(a);
    Buffer<float> out(8);
    float* in = nullptr;
    EXPECT_OK(cn_alloc(0, 32, nullptr, reinterpret_cast<void**>(&in)));
    EXPECT_OK(cn_memset(0, in, 0, 32, nullptr));
    EXPECT_OK(cn_stream_synchronize(0, nullptr));
    EXPECT_OK(planted::add_one(&on_a, in, out.data, 8));
    EXPECT_OK(cn_free(0, in, nullptr));  // the default stream does not wait for a
    EXPECT_OK(cn_stream_synchronize(0, nullptr));
    EXPECT_OK(cn_free(0, nullptr, nullptr));
    EXPECT(cn_free(0, in, nullptr) == CN_INVALID_ARGUMENT);
    EXPECT(isnan(out.read(a)[0]));  // AddressSanitizer ends the program here
    EXPECT_OK(cn_stream_destroy(0, a));
    configure(1, 0, 0);
}

// The order that a seed draws replays, and does change which unordered work comes first.
void seeded_moments() {
    int early = 0;
    for (int64_t seed = 1; seed <= 20; seed++) {
        bool ran[2];
        for (bool& first : ran) {
            configure(1, 1, seed);
            Buffer<float> in(ramp(8)), out(8);
            for (int i = 0; i < 3; i++) EXPECT_OK(planted::add_one(&here, in.data, out.data, 8));
            first = !isnan(out.data[0]);
        }
        EXPECT(ran[0] == ran[1]);
        early += ran[0];
    }
    EXPECT(early > 0 && early < 20);
    configure(1, 0, 0);
}

// A sum by atomics has other bits in another order: schedules show it.
void unordered_sums() {
    std::vector<float> values;
    for (int i = 0; i < 256; i++) values.push_back(1 / (1 + static_cast<float>(i)));
    std::set<float> sums;
    for (int64_t seed = 1; seed <= 20; seed++) {
        configure(1, 0, seed);
        Buffer<float> in(values), out(std::vector<float>{0});
        EXPECT_OK(planted::unordered_sum(&here, in.data, out.data));
        sums.insert(out.read()[0]);
    }
    EXPECT(sums.size() > 1);
    configure(1, 0, 0);
}

void limits() {
    int64_t before = cn_launch_count();
    EXPECT_OK(planted::geometry(&here, 0, 1, 32, 0, false));
    EXPECT(cn_launch_count() == before);
    EXPECT_OK(planted::geometry(&here, 3, 2, 1024, 48 * 1024, false));
    EXPECT(cn_launch_count() == before + 1);
    EXPECT(planted::geometry(&here, 1, 1, 1025, 0, false) == CN_LAUNCH_FAILED);
    EXPECT(planted::geometry(&here, 1, 65536, 32, 0, false) == CN_LAUNCH_FAILED);
    EXPECT(planted::geometry(&here, int64_t{1} << 31, 1, 32, 0, false) == CN_LAUNCH_FAILED);
    EXPECT(planted::geometry(&here, 1, 1, 32, 48 * 1024 + 1, false) == CN_LAUNCH_FAILED);
    EXPECT_OK(planted::geometry(&here, 1, 1, 32, 163 * 1024, true));
    EXPECT(planted::geometry(&here, 1, 1, 32, 163 * 1024 + 1, true) == CN_LAUNCH_FAILED);
    EXPECT(strstr(cn_last_error()->message, "shared memory"));
    EXPECT_OK(cn_device_synchronize(0));
    void* pointer = &before;
    EXPECT(cn_alloc(0, int64_t{1} << 50, nullptr, &pointer) == CN_OUT_OF_MEMORY && !pointer);
    EXPECT(cn_alloc(1, 16, nullptr, &pointer) == CN_INVALID_ARGUMENT);
    Buffer<float> eight(8);
    EXPECT(cn_memset(0, eight.data, 0, 33, nullptr) == CN_INVALID_ARGUMENT);
    EXPECT(reinterpret_cast<uintptr_t>(eight.data) % 256 == 0);
}

void asan_global() {
    Buffer<float> out(33);
    planted::store_past_end(&here, out.data, 33);
}
void asan_shared() {
    Buffer<float> out(64);
    planted::store_past_shared(&here, out.data);
}

const std::vector<std::pair<std::string, std::function<void()>>> tests = {
    {"clean_kernels", clean_kernels},
    {"missing_barrier", missing_barrier},
    {"unwritten", unwritten},
    {"divergence", divergence},
    {"races", races},
    {"tensor_cores", tensor_cores},
    {"pipelines", pipelines},
    {"deferred_streams", deferred_streams},
    {"seeded_moments", seeded_moments},
    {"unordered_sums", unordered_sums},
    {"limits", limits},
};
// AddressSanitizer's report of each has to hold the text.
struct Fatal {
    std::string name, text;
    std::function<void()> run;
};
const std::vector<Fatal> fatal_tests = {{"asan_global", "heap-buffer-overflow", asan_global},
                                        {"asan_shared", "heap-buffer-overflow", asan_shared},
                                        {"early_free", "heap-use-after-free", early_free}};

std::string output_of_child(const std::string& name) {
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    std::string output;
    fflush(stdout);
    if (FILE* pipe = popen(("'" + std::string(self) + "' " + name + " 2>&1").c_str(), "r")) {
        char line[1024];
        while (fgets(line, sizeof line, pipe)) output += line;
        pclose(pipe);
    }
    return output;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1) {
        for (const auto& [name, run] : tests)
            if (name == argv[1]) run();
        for (const Fatal& test : fatal_tests)
            if (test.name == argv[1]) test.run();
        return failures != 0;
    }
    for (const auto& [name, run] : tests) {
        int before = failures;
        run();
        printf("%s %s\n", failures == before ? "ok  " : "FAIL", name.c_str());
    }
    if (asan) {
        for (const Fatal& test : fatal_tests) {
            std::string output = output_of_child(test.name);
            bool found = output.find(test.text) != std::string::npos && output.find("planted.cu") != std::string::npos;
            if (!found) failures++, printf("no '%s' in:\n%s\n", test.text.c_str(), output.c_str());
            printf("%s %s\n", found ? "ok  " : "FAIL", test.name.c_str());
        }
    } else {
        int before = failures;
        early_free();
        printf("%s early_free\n", failures == before ? "ok  " : "FAIL");
    }
    printf("%s: %d failures\n", cn_build(), failures);
    return failures != 0;
}
