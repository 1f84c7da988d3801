// Warp collectives. The last lane to arrive computes the result of every lane named in the mask.
#include <stdio.h>

#include "block.h"
#include "race.h"

namespace simt {

namespace {
template <class... A>
std::string text(const char* format, A... arguments) {
    char buffer[512];
    snprintf(buffer, sizeof buffer, format, arguments...);
    return buffer;
}

// The lane that `lane` reads from, by the rules of the PTX instruction shfl: within segments of `width` lanes, and a
// lane whose source lies outside of its segment keeps its own value.
int source_lane(Collective kind, int lane, int operand, int width) {
    int first = lane & ~(width - 1), last = first + width - 1;
    int source = lane;
    switch (kind) {
        case Collective::shfl:
            return first + (operand & (width - 1));
        case Collective::shfl_up:
            source = lane - operand;
            break;
        case Collective::shfl_down:
            source = lane + operand;
            break;
        default:
            source = lane ^ operand;
            break;
    }
    // An exclusive-or may also lead to an earlier segment.
    if (kind == Collective::shfl_xor) return source <= last && source >= 0 ? source : lane;
    return source >= first && source <= last ? source : lane;
}
}  // namespace

const char* collective_name(Collective kind) {
    switch (kind) {
        case Collective::sync:
            return "__syncwarp";
        case Collective::shfl:
            return "__shfl_sync";
        case Collective::shfl_up:
            return "__shfl_up_sync";
        case Collective::shfl_down:
            return "__shfl_down_sync";
        case Collective::shfl_xor:
            return "__shfl_xor_sync";
        case Collective::ballot:
            return "__ballot_sync";
        case Collective::any:
            return "__any_sync";
        case Collective::all:
            return "__all_sync";
        case Collective::match:
            return "__match_any_sync";
        case Collective::custom:
            return "a warp-wide operation";
    }
    return "?";
}

Meeting& Worker::join(Collective kind, const char* what, unsigned mask, const Site& site) {
    Thread& self = *running_;
    Warp& warp = warp_of(self);
    unsigned bit = 1u << self.linear % 32;
    auto complain = [&](const std::string& why) {
        abandon(text("%s: %s in %s: ", where(self).c_str(), what, site_text(site).c_str()) + why);
    };
    if (!(mask & bit)) complain(text("the caller (lane %u) is not in its own mask 0x%08x", self.linear % 32, mask));
    if (mask & ~warp.exists)
        complain(text("mask 0x%08x names lanes 0x%08x that do not exist", mask, mask & ~warp.exists));
    if (mask & warp.exited)
        complain(text("mask 0x%08x names lanes 0x%08x that have returned", mask, mask & warp.exited));

    for (unsigned used = warp.used; used; used &= used - 1) {
        Meeting& meeting = warp.meetings[static_cast<size_t>(__builtin_ctz(used))];
        if (!(meeting.mask & mask)) continue;
        bool same_site = meeting.site.line() == site.line() && strcmp(meeting.site.file_name(), site.file_name()) == 0;
        // CUDA lets lanes meet at different __syncwarp calls; anything else has to be one and the same call.
        bool same_call = meeting.kind == kind && strcmp(meeting.what, what) == 0;
        if (meeting.mask != mask || !same_call || (!same_site && kind != Collective::sync))
            complain(text("mask 0x%08x, but lanes 0x%08x wait at %s in %s with mask 0x%08x", mask, meeting.arrived,
                          meeting.what, site_text(meeting.site).c_str(), meeting.mask));
        return meeting;
    }
    unsigned slot = static_cast<unsigned>(__builtin_ctz(~warp.used));
    if (warp.meetings.size() <= slot) warp.meetings.resize(slot + 1);
    warp.used |= 1u << slot;
    Meeting& meeting = warp.meetings[slot];
    meeting.kind = kind;
    meeting.what = what;
    meeting.mask = mask;
    meeting.arrived = 0;
    meeting.site = site;
    return meeting;
}

void Worker::complete(Warp& warp, Meeting& meeting) {
    Thread* lanes = running_ - running_->linear % 32;
    uint64_t votes = 0;
    for (unsigned left = meeting.mask; left; left &= left - 1) {
        unsigned lane = static_cast<unsigned>(__builtin_ctz(left));
        if (meeting.values[lane]) votes |= 1ull << lane;
    }
    if (meeting.kind == Collective::sync) race::sync_warp(warp, meeting.mask);
    for (unsigned left = meeting.mask; left; left &= left - 1) {
        unsigned lane = static_cast<unsigned>(__builtin_ctz(left));
        uint64_t& result = lanes[lane].result;
        switch (meeting.kind) {
            case Collective::sync:
            case Collective::custom:
                break;
            case Collective::ballot:
                result = votes;
                break;
            case Collective::any:
                result = votes != 0;
                break;
            case Collective::all:
                result = votes == meeting.mask;
                break;
            case Collective::match: {
                result = 0;
                for (unsigned others = meeting.mask; others; others &= others - 1) {
                    unsigned other = static_cast<unsigned>(__builtin_ctz(others));
                    if (meeting.values[other] == meeting.values[lane]) result |= 1ull << other;
                }
                break;
            }
            default: {
                int width = meeting.widths[lane];
                if (width <= 0 || width > 32 || (width & (width - 1)))
                    abandon(text("%s in %s: width %d is no power of two up to 32", meeting.what,
                                 site_text(meeting.site).c_str(), width));
                int source = source_lane(meeting.kind, static_cast<int>(lane), meeting.operands[lane], width);
                if (!(meeting.mask >> source & 1))
                    abandon(text("%s: %s in %s reads lane %d, which is absent from mask 0x%08x",
                                 where(lanes[lane]).c_str(), meeting.what, site_text(meeting.site).c_str(), source,
                                 meeting.mask));
                result = meeting.values[source];
            }
        }
    }
}

void Worker::release(Warp& warp, Meeting& meeting, unsigned self) {
    Thread* lanes = running_ - running_->linear % 32;
    warp.used &= ~(1u << (&meeting - warp.meetings.data()));
    for (unsigned left = meeting.mask & ~(1u << self); left; left &= left - 1) make_ready(lanes[__builtin_ctz(left)]);
    if (shuffles()) {
        make_ready(lanes[self]);
        wait();
    }
}

uint64_t Worker::collective(Collective kind, unsigned mask, uint64_t value, int operand, int width, const Site& site) {
    Thread& self = *running_;
    unsigned lane = self.linear % 32;
    Meeting& meeting = join(kind, collective_name(kind), mask, site);
    meeting.values[lane] = value;
    meeting.operands[lane] = operand;
    meeting.widths[lane] = width;
    meeting.arrived |= 1u << lane;
    if (meeting.arrived != mask) {
        wait();
    } else {
        Warp& warp = warp_of(self);
        complete(warp, meeting);
        release(warp, meeting, lane);
    }
    return self.result;
}

void Worker::warp_together(const char* what, void* self_data, void (*run)(void* const*, void*), void* context,
                           const Site& site) {
    Thread& self = *running_;
    unsigned lane = self.linear % 32;
    Meeting& meeting = join(Collective::custom, what, 0xffffffffu, site);
    meeting.values[lane] = reinterpret_cast<uint64_t>(self_data);
    meeting.arrived |= 1u << lane;
    if (meeting.arrived != 0xffffffffu) {
        wait();
        return;
    }
    void* lanes[32];
    for (int i = 0; i < 32; i++) lanes[i] = reinterpret_cast<void*>(meeting.values[i]);
    run(lanes, context);
    release(warp_of(self), meeting, lane);
}

}  // namespace simt
