#include "stream.h"

#include <algorithm>
#include <vector>

#include "block.h"

namespace simt {

namespace {

constexpr size_t longest_queue = 4096;  // beyond it the oldest operation runs, so that memory stays bounded

struct State {
    CnStreamTag default_stream;
    std::vector<std::unique_ptr<CnStreamTag>> streams;
    Draw draw;
};
State& state() {
    static State& one = *new State;
    return one;
}

CnStreamTag* any_stream_with_work() {
    std::vector<CnStreamTag*> waiting;
    if (!state().default_stream.queue.empty()) waiting.push_back(&state().default_stream);
    for (auto& stream : state().streams)
        if (!stream->queue.empty()) waiting.push_back(stream.get());
    if (waiting.empty()) return nullptr;
    return waiting[state().draw.below(static_cast<uint32_t>(waiting.size()))];
}

void run_first(CnStreamTag* stream) {
    Operation operation = std::move(stream->queue.front());
    stream->queue.pop_front();
    // A wait only names recordings queued before it, so following them ends.
    if (operation.wait_for) drain_until(*operation.wait_for);
    if (operation.record) {
        operation.record->reached = true;
        operation.record->time = std::chrono::steady_clock::now();
    }
    if (!operation.run) return;
    Failure failure = operation.run();
    if (failure && !stream->failure) stream->failure = std::move(failure);
}

}  // namespace

std::recursive_mutex& lock() {
    static std::recursive_mutex& one = *new std::recursive_mutex;
    return one;
}

void reset_schedule() { state().draw.state = static_cast<uint64_t>(configuration().schedule_seed); }

CnStreamTag* find_stream(CnStream stream) {
    if (!stream) return &state().default_stream;
    for (auto& known : state().streams)
        if (known.get() == stream) return stream;
    return nullptr;
}

CnStreamTag* create_stream() {
    state().streams.push_back(std::make_unique<CnStreamTag>());
    return state().streams.back().get();
}

void destroy_stream(CnStreamTag* stream) {
    drain(stream);
    auto& streams = state().streams;
    streams.erase(std::remove_if(streams.begin(), streams.end(), [&](auto& s) { return s.get() == stream; }),
                  streams.end());
}

void enqueue(CnStreamTag* stream, Operation operation) {
    if (stream->capture) return stream->capture->operations.push_back(std::move(operation));
    stream->queue.push_back(std::move(operation));
    if (!configuration().defer) return drain(stream);
    while (stream->queue.size() > longest_queue) run_first(stream);
    if (configuration().schedule_seed == 0 || state().draw.below(4) != 0) return;
    if (CnStreamTag* lucky = any_stream_with_work())
        for (uint64_t n = 1 + state().draw.below(static_cast<uint32_t>(lucky->queue.size()));
             n > 0 && !lucky->queue.empty(); n--)
            run_first(lucky);
}

bool any_capture() {
    for (auto& stream : state().streams)
        if (stream->capture) return true;
    return false;
}

void drain(CnStreamTag* stream) {
    while (!stream->queue.empty()) run_first(stream);
}

void drain_until(Marker& marker) {
    while (!marker.reached && !marker.stream->queue.empty()) run_first(marker.stream);
}

void step_towards(Marker& marker) {
    if (!marker.reached && !marker.stream->queue.empty()) run_first(marker.stream);
}

void drain_all() {
    while (CnStreamTag* stream = any_stream_with_work()) run_first(stream);
}

Failure take_failure(CnStreamTag* stream) { return std::exchange(stream->failure, Failure()); }

Failure take_any_failure() {
    Failure first = take_failure(&state().default_stream);
    for (auto& stream : state().streams) {
        Failure failure = take_failure(stream.get());
        if (!first) first = std::move(failure);
    }
    return first;
}

}  // namespace simt
