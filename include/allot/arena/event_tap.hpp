#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/event_sink.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/memory_event.hpp>
#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace allot {

/// Whom an arena tells of what happens: a sink of its own, and the process's event log.
///
/// What others switch takes effect when the arena's owner looks. set_sink() may be called by any thread, the rest
/// is the owner's.
class ALLOT_EXPORT event_tap {
 public:
  event_tap() noexcept;
  event_tap(event_tap&& other) noexcept;  ///< takes the sink along; the next call of stale() is true
  event_tap& operator=(event_tap&&) = delete;
  ~event_tap() = default;

  /// From the next look() on; null for none. Until then the sink before may be called.
  void set_sink(event_sink* sink) noexcept { sink_.store(sink); }

  /// Whether look() may find something else than last time.
  bool stale() const noexcept { return sink_.load() != heard_[0] || log_link::version != version_; }

  /// The same for the log alone, and perhaps a little late.
  bool log_changed() const noexcept { return log_link::version.load(std::memory_order_relaxed) != version_; }

  /// Finds out who listens now. `name` must outlive this object.
  void look(std::string_view name) noexcept;

  /// Whether somebody wants events of that kind, as of the last look().
  bool tells(memory_event_kind kind) const noexcept { return told_.contains(kind); }

  /// Whether something is told that also happens inline, where nobody sees it.
  bool tells_of_inline_calls() const noexcept {
    using kind = memory_event_kind;
    return !(told_ & memory_event_kinds{kind::push, kind::allocate, kind::deallocate, kind::mark, kind::rewind})
                .empty();
  }

  /// Hands an event to all who want it. What a sink throws is caught; the event is lost, and counted.
  void tell(memory_event event) noexcept;

  std::size_t lost() const noexcept { return lost_; }  ///< how often a sink threw at an event

 private:
  std::atomic<event_sink*> sink_{nullptr};
  std::array<event_sink*, 2> heard_{};  // who listened at the last look: sink_, and the log's
  unsigned version_;                    // of the log, at the last look
  memory_event_kinds told_;             // what these want
  std::string_view name_;
  std::size_t lost_ = 0;
};

}  // namespace allot
