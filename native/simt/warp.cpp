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

// A source_location is one pointer to what the compiler noted about the call.
bool is_same_call(const Site& a, const Site& b) {
    static_assert(sizeof(Site) == sizeof(void*));
    return memcmp(&a, &b, sizeof(Site)) == 0;
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
        // CUDA lets lanes meet at different __syncwarp calls; anything else has to be one and the same call.
        bool same_call = meeting.kind == kind && same_text(meeting.what, what);
        if (meeting.mask != mask || !same_call || (kind != Collective::sync && !same_site(meeting.site, site)))
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
    if (meeting.kind == Collective::sync) return race::sync_warp(warp, meeting.mask);
    if (meeting.kind == Collective::shfl_xor && meeting.mask == 0xffffffffu) {  // what reductions are made of
        int operand = meeting.lanes[0].operand, differs = operand & ~31;
        for (const Meeting::Lane& lane : meeting.lanes) differs |= (lane.operand ^ operand) | (lane.width ^ 32);
        if (!differs) {
            for (int lane = 0; lane < 32; lane++) warp.results[lane] = meeting.lanes[lane ^ operand].value;
            return;
        }
    }
    uint64_t votes = 0;
    for (unsigned left = meeting.mask; left; left &= left - 1) {
        unsigned lane = static_cast<unsigned>(__builtin_ctz(left));
        if (meeting.lanes[lane].value) votes |= 1ull << lane;
    }
    for (unsigned left = meeting.mask; left; left &= left - 1) {
        unsigned lane = static_cast<unsigned>(__builtin_ctz(left));
        uint64_t& result = warp.results[lane];
        switch (meeting.kind) {
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
                    if (meeting.lanes[other].value == meeting.lanes[lane].value) result |= 1ull << other;
                }
                break;
            }
            default:
                result = meeting.lanes[shuffle_source(meeting, lane)].value;
        }
    }
}

int Worker::shuffle_source(const Meeting& meeting, unsigned lane) {
    int width = meeting.lanes[lane].width;
    if (width <= 0 || width > 32 || (width & (width - 1)))
        abandon(text("%s in %s: width %d is no power of two up to 32", meeting.what, site_text(meeting.site).c_str(),
                     width));
    int source = source_lane(meeting.kind, static_cast<int>(lane), meeting.lanes[lane].operand, width);
    if (!(meeting.mask >> source & 1)) {
        const Thread& reader = threads_[running_->linear / 32 * 32 + lane];
        abandon(text("%s: %s in %s reads lane %d, which is absent from mask 0x%08x", where(reader).c_str(),
                     meeting.what, site_text(meeting.site).c_str(), source, meeting.mask));
    }
    return source;
}

void Worker::release(Warp& warp, Meeting& meeting, unsigned self) {
    Thread* lanes = running_ - running_->linear % 32;
    warp.used &= ~(1u << (&meeting - warp.meetings.data()));
    // The warp goes on before others start: its 32 stacks are still in the cache.
    for (unsigned left = meeting.mask & ~(1u << self); left;) {
        unsigned highest = 31 - static_cast<unsigned>(__builtin_clz(left));
        left &= ~(1u << highest);
        make_next(lanes[highest]);
    }
    if (shuffles()) {
        make_ready(lanes[self]);
        wait();
    }
}

uint64_t Worker::collective(Collective kind, unsigned mask, uint64_t value, int operand, int width, const Site& site) {
    Thread& self = *running_;
    unsigned lane = self.linear % 32, bit = 1u << lane;
    Warp& warp = warp_of(self);
    // The usual case, that the lanes before came to the very same call, has been checked by the first of them.
    Meeting* meeting = warp.used == 1 ? warp.meetings.data() : nullptr;
    if (!meeting || meeting->mask != mask || !(mask & bit) || meeting->kind != kind ||
        !is_same_call(meeting->site, site))
        meeting = &join(kind, collective_name(kind), mask, site);
    meeting->lanes[lane] = {value, operand, width};
    meeting->arrived |= bit;
    if (meeting->arrived != mask) {
        wait();
    } else {
        complete(warp, *meeting);
        release(warp, *meeting, lane);
    }
    return warp.results[lane];
}

void Worker::warp_together(const char* what, void* self_data, void (*run)(void* const*, void*), void* context,
                           const Site& site) {
    Thread& self = *running_;
    unsigned lane = self.linear % 32;
    Meeting& meeting = join(Collective::custom, what, 0xffffffffu, site);
    meeting.lanes[lane].value = reinterpret_cast<uint64_t>(self_data);
    meeting.arrived |= 1u << lane;
    if (meeting.arrived != 0xffffffffu) {
        wait();
        return;
    }
    void* lanes[32];
    for (int i = 0; i < 32; i++) lanes[i] = reinterpret_cast<void*>(meeting.lanes[i].value);
    run(lanes, context);
    release(warp_of(self), meeting, lane);
}

}  // namespace simt
