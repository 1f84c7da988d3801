// Streams as queues. With defer = 0 an operation runs when it is queued; with defer = 1 it waits for a synchronisation,
// or for a later moment drawn from the seed, so that a missing event, an early free or a host read too soon shows.
#ifndef CUDANET_SIMT_STREAM_H
#define CUDANET_SIMT_STREAM_H

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cudanet.h"

struct CnStreamTag;

namespace simt {

struct Failure {
    std::string kernel, message;
    explicit operator bool() const { return !message.empty(); }
};

// One recording of an event.
struct Marker {
    CnStreamTag* stream = nullptr;
    bool reached = false;
    std::chrono::steady_clock::time_point time;
};

// `run` may be called again and again: a captured graph replays it.
struct Operation {
    std::function<Failure()> run;    // empty for markers
    std::shared_ptr<Marker> record;  // reached here
    std::shared_ptr<Marker> wait_for;
};

// Everything behind the C ABI happens under this lock.
std::recursive_mutex& lock();
CnSimtConfig& configuration();
void reset_schedule();

CnStreamTag* find_stream(CnStream stream);  // nullptr when it does not exist; NULL is the default stream
CnStreamTag* create_stream();
void destroy_stream(CnStreamTag* stream);

// Runs or queues it, or, while the stream is captured, records it.
void enqueue(CnStreamTag* stream, Operation operation);
bool any_capture();
void drain(CnStreamTag* stream);
void drain_until(Marker& marker);
void step_towards(Marker& marker);  // one operation: time passes for who polls
void drain_all();
Failure take_failure(CnStreamTag* stream);
Failure take_any_failure();

}  // namespace simt

// A captured sequence of operations.
struct CnGraphTag {
    std::vector<simt::Operation> operations;
};

struct CnStreamTag {
    std::deque<simt::Operation> queue;
    simt::Failure failure;
    std::unique_ptr<CnGraphTag> capture;  // what has been recorded so far; null unless the stream is captured
};

struct CnEventTag {
    std::shared_ptr<simt::Marker> marker;  // of the latest recording; null before the first
};

#endif
