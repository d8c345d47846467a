#include <algorithm>
#include <allot/trace/live_blocks.hpp>

namespace allot {

live_blocks::listener::~listener() = default;
void live_blocks::listener::event(const trace_record&) {}
void live_blocks::listener::begins(const live_block&) {}
void live_blocks::listener::resized(const live_block&, std::uint64_t) {}
void live_blocks::listener::ends(const live_block&, bool, bool) {}

void live_blocks::take(const trace_record& event, listener& hears) {
  hears.event(event);
  heap& in = heaps_[event.resource];
  switch (event.kind) {
    case memory_event_kind::allocate:
      return begin(in, event, in.position, hears);
    case memory_event_kind::push:
      in.position = event.position;
      if (event.bytes != 0) begin(in, event, event.position - std::min(event.position, event.bytes), hears);
      return;
    case memory_event_kind::deallocate:
      return free(in, event, hears);
    case memory_event_kind::expand:
      return resize(in, event, hears);
    case memory_event_kind::pop:
    case memory_event_kind::rewind:
    case memory_event_kind::clear:
      return go_back(in, event.position, hears);
    case memory_event_kind::release:
      return go_back(in, 0, hears);
    case memory_event_kind::mark:
      in.position = event.position;
      return;
    case memory_event_kind::refuse:
    case memory_event_kind::trim:
    case memory_event_kind::grow:
      return;
  }
}

void live_blocks::begin(heap& in, const trace_record& event, std::uint64_t position, listener& hears) {
  if (const auto lost = in.live.find(event.address); lost != in.live.end()) {
    ++mended_;
    end(in, lost->second, hears);
  }
  node& added = in.live[event.address];
  added.block = {event.address, event.bytes,    event.nanoseconds, event.order,
                 event.thread,  event.resource, event.tag,         event.stack};
  added.position = position;
  added.older = in.newest;
  (in.newest != nullptr ? in.newest->younger : in.oldest) = &added;
  in.newest = &added;
  ++blocks_;
  bytes_ += event.bytes;
  hears.begins(added.block);
}

void live_blocks::end(heap& in, node& block, listener& hears) {
  (block.older != nullptr ? block.older->younger : in.oldest) = block.younger;
  (block.younger != nullptr ? block.younger->older : in.newest) = block.older;
  --blocks_;
  bytes_ -= block.block.bytes;
  hears.ends(block.block, block.younger == nullptr, block.older == nullptr);
  in.live.erase(std::uint64_t{block.block.address});
}

void live_blocks::free(heap& in, const trace_record& event, listener& hears) {
  if (const auto found = in.live.find(event.address); found != in.live.end())
    end(in, found->second, hears);
  else
    ++mended_;
}

void live_blocks::resize(heap& in, const trace_record& event, listener& hears) {
  const auto found = in.live.find(event.address);
  if (found == in.live.end()) {
    ++mended_;
    return;
  }
  live_block& block = found->second.block;
  const std::uint64_t before = block.bytes;
  block.bytes = event.new_bytes;
  bytes_ += block.bytes - before;
  hears.resized(block, before);
}

void live_blocks::go_back(heap& in, std::uint64_t position, listener& hears) {
  in.position = position;
  while (in.newest != nullptr && in.newest->position >= position) end(in, *in.newest, hears);
}

}  // namespace allot
