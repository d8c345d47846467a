// An arena tells sinks of what happens at it. Inline calls tell nobody: while somebody wants to hear of them the end of
// the inline window is null, so that every call comes here. Whoever switches sets it to null as well, from any thread;
// the owner's next call then finds out why, and opens the window again if it may.

#include <allot/arena/arena.hpp>

namespace allot {
namespace {

constexpr std::size_t room_to_be_linked = std::size_t{64} << 10;

}  // namespace

// ---- the window

bool arena::tell_events_to(event_sink* sink) noexcept {
  tap_.set_sink(sink);
  limit_.store(nullptr);
  return true;
}

void arena::notice_sinks() noexcept {
  const bool heard_of_marks = tap_.tells(memory_event_kind::mark);
  tap_.look(name());
  watched_ = always_watched_ || tap_.tells_of_inline_calls();
  marks_.allow_inline(!tap_.tells(memory_event_kind::mark));
  const bool scope_began = marks_.floor() > told_floor_ || marks_.events() > told_marks_;
  if (heard_of_marks && scope_began && marks_.floor() == position() + 1) tell(memory_event_kind::mark, cursor_);
  settle_marks();
  if (limit_.load(std::memory_order_relaxed) != wanted_limit()) renew_limit();
}

/// Sets the end of the inline window. Sinks and log are switched before the limit is set to null, and looked at after
/// it was set to something else, in one order all threads agree on: so either is seen here, or the null stays.
void arena::renew_limit() noexcept {
  std::byte* const wanted = wanted_limit();
  if (wanted != nullptr && static_cast<std::size_t>(end_ - cursor_) >= room_to_be_linked) link_.join();
  limit_.store(wanted);
  if (tap_.stale()) limit_.store(nullptr);
}

arena_mark arena::mark_slow() noexcept {
  attend();
  const arena_mark taken = marks_.take_mark_out_of_line(position());
  const bool told = tap_.tells(memory_event_kind::mark);
  if (told) tell(memory_event_kind::mark, cursor_);
  marks_.allow_inline(!told);
  settle_marks();
  return taken;
}

}  // namespace allot
