// Copies, events and captured graphs of the runtime, on deferred streams: what does not wait when it must reads NaN.
#include <math.h>
#include <string.h>

#include "expect.h"
#include "planted.h"

namespace {

struct Stream {
    CnStream handle = nullptr;
    Stream() { EXPECT_OK(cn_stream_create(0, &handle)); }
    ~Stream() { EXPECT_OK(cn_stream_destroy(0, handle)); }
    Stream(const Stream&) = delete;
};

void pinned_copies() {
    configure(1, 1, 0);
    Stream stream;
    Buffer<float> device(8);
    float *up = nullptr, *down = nullptr;
    EXPECT_OK(cn_host_alloc(0, 32, reinterpret_cast<void**>(&up)));
    EXPECT_OK(cn_host_alloc(0, 32, reinterpret_cast<void**>(&down)));
    for (int i = 0; i < 8; i++) up[i] = static_cast<float>(i);
    CnCall on_stream = call_on(stream.handle);
    EXPECT_OK(cn_copy_async(0, device.data, up, 32, CN_HOST_TO_DEVICE, stream.handle));
    EXPECT_OK(planted::add_one(&on_stream, device.data, device.data, 8));
    EXPECT_OK(cn_copy_async(0, down, device.data, 32, CN_DEVICE_TO_HOST, stream.handle));
    EXPECT(isnan(down[3]));  // the host reads too soon
    up[3] = 100;             // and writes too soon
    CnEvent event;
    EXPECT_OK(cn_event_create(0, &event));
    int32_t reached = 0;
    EXPECT_OK(cn_event_query(0, event, &reached));
    EXPECT(reached == 1);  // never recorded
    EXPECT_OK(cn_event_record(0, event, stream.handle));
    EXPECT_OK(cn_event_query(0, event, &reached));
    EXPECT(reached == 0);
    while (!reached) EXPECT_OK(cn_event_query(0, event, &reached));  // polling lets time pass
    EXPECT(down[2] == 3 && down[3] == 101);

    float pageable[8];
    EXPECT(cn_copy_async(0, pageable, device.data, 32, CN_DEVICE_TO_HOST, stream.handle) == CN_INVALID_ARGUMENT);
    EXPECT(cn_copy_async(0, down, device.data, 36, CN_DEVICE_TO_HOST, stream.handle) == CN_INVALID_ARGUMENT);
    EXPECT(cn_copy_async(0, down + 1, device.data, 32, CN_DEVICE_TO_HOST, stream.handle) == CN_INVALID_ARGUMENT);
    EXPECT(strstr(cn_last_error()->message, "cn_host_alloc"));
    EXPECT_OK(cn_event_destroy(0, event));
    EXPECT_OK(cn_host_free(0, up));
    EXPECT_OK(cn_host_free(0, down));
    EXPECT(cn_host_free(0, down) == CN_INVALID_ARGUMENT);
    configure(1, 0, 0);
}

void captured_graph(int defer, int64_t seed) {
    configure(2, defer, seed);
    Stream captured, replays;
    Buffer<float> in(ramp(8)), middle(8), out(std::vector<float>(8, 0));
    CnCall call = call_on(captured.handle);
    EXPECT_OK(cn_capture_begin(0, captured.handle));
    EXPECT_OK(planted::add_one(&call, in.data, middle.data, 8));
    EXPECT_OK(cn_copy(0, out.data, middle.data, 32, CN_DEVICE_TO_DEVICE, captured.handle));
    EXPECT_OK(planted::add_one(&call, out.data, out.data, 8));
    EXPECT_OK(cn_memset(0, middle.data, 0, 32, captured.handle));
    CnGraph graph = nullptr;
    EXPECT_OK(cn_capture_end(0, captured.handle, &graph));
    EXPECT(out.read()[1] == 0);  // nothing has run
    int64_t nodes = 0;
    EXPECT_OK(cn_graph_node_count(0, graph, &nodes));
    EXPECT(nodes == 4);
    for (int i = 0; i < 3; i++) {
        std::vector<float> values = ramp(8);
        for (float& value : values) value += static_cast<float>(10 * i);
        EXPECT_OK(cn_copy(0, in.data, values.data(), 32, CN_HOST_TO_DEVICE, replays.handle));
        int64_t before = cn_launch_count();
        EXPECT_OK(cn_graph_launch(0, graph, replays.handle));
        EXPECT(cn_launch_count() == before);
        EXPECT(out.read(replays.handle)[1] == static_cast<float>(10 * i + 3));
        EXPECT(middle.read(replays.handle)[7] == 0);
    }
    EXPECT_OK(cn_graph_destroy(0, graph));
    configure(1, 0, 0);
}
void graphs() {
    captured_graph(0, 0);
    captured_graph(1, 0);
    for (int64_t seed = 1; seed <= 5; seed++) captured_graph(1, seed);
}

// A failing launch is told by the wait after the replay, as after any launch.
void failing_graph() {
    Stream stream;
    Buffer<float> out(256);
    CnCall call = call_on(stream.handle);
    int line = 0;
    EXPECT_OK(cn_capture_begin(0, stream.handle));
    EXPECT_OK(planted::barrier_in_branch(&call, out.data, &line));
    CnGraph graph = nullptr;
    EXPECT_OK(cn_capture_end(0, stream.handle, &graph));
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(cn_graph_launch(0, graph, nullptr));
        EXPECT(cn_stream_synchronize(0, nullptr) == CN_LAUNCH_FAILED);
        EXPECT(strstr(cn_last_error()->message, "divergent barrier"));
    }
    EXPECT_OK(cn_graph_destroy(0, graph));
}

void refused_in_capture() {
    Stream stream;
    Buffer<float> device(8);
    float host[8] = {};
    EXPECT(cn_capture_begin(0, nullptr) == CN_INVALID_ARGUMENT);
    EXPECT_OK(cn_capture_begin(0, stream.handle));
    EXPECT(cn_capture_begin(0, stream.handle) == CN_CAPTURING);
    EXPECT(cn_copy(0, host, device.data, 32, CN_DEVICE_TO_HOST, stream.handle) == CN_CAPTURING);
    EXPECT(cn_copy(0, device.data, host, 32, CN_HOST_TO_DEVICE, stream.handle) == CN_CAPTURING);
    EXPECT(cn_stream_synchronize(0, stream.handle) == CN_CAPTURING);
    EXPECT(cn_device_synchronize(0) == CN_CAPTURING);
    EXPECT(cn_free(0, device.data, stream.handle) == CN_CAPTURING);
    EXPECT(cn_stream_destroy(0, stream.handle) == CN_CAPTURING);
    EXPECT(strstr(cn_last_error()->message, "captured"));
    CnEvent event;
    EXPECT_OK(cn_event_create(0, &event));
    EXPECT(cn_event_record(0, event, stream.handle) == CN_CAPTURING);
    EXPECT(cn_event_wait(0, event, stream.handle) == CN_CAPTURING);
    EXPECT_OK(cn_event_destroy(0, event));
    void* memory = nullptr;
    EXPECT_OK(cn_alloc(0, 64, stream.handle, &memory));
    EXPECT_OK(cn_capture_end(0, stream.handle, nullptr));
    EXPECT(cn_capture_end(0, stream.handle, nullptr) == CN_INVALID_ARGUMENT);
    EXPECT_OK(cn_free(0, memory, stream.handle));
    EXPECT_OK(cn_device_synchronize(0));
    EXPECT(cn_graph_launch(0, nullptr, nullptr) == CN_INVALID_ARGUMENT);
}

}  // namespace

int main() {
    constexpr struct {
        const char* name;
        void (*run)();
    } tests[] = {{"pinned_copies", pinned_copies},
                 {"graphs", graphs},
                 {"failing_graph", failing_graph},
                 {"refused_in_capture", refused_in_capture}};
    for (const auto& test : tests) {
        int before = failures;
        test.run();
        printf("%s %s\n", failures == before ? "ok  " : "FAIL", test.name);
    }
    printf("%s: %d failures\n", cn_build(), failures);
    return failures != 0;
}
