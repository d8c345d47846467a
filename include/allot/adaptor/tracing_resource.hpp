#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/event_sink.hpp>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string_view>

namespace allot {

/// How a tracing_resource begins.
struct tracing_options {
  bool enabled = true;         ///< from the start; enable() and disable() change it
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// Tells a sink what goes through: every block handed out, freed, grown in place or refused. An arena below, with
/// adaptors between or without, tells of what happens inside it as well: push, pop, mark, rewind, clear and grow, under
/// its own name. Of several tracing resources over one arena, the one enabled last hears that.
///
/// The event log hears what the sink hears of calls, where it is switched on for this resource's name.
///
/// Switched off, a call costs one branch more than without. The sink hears of a block after it was handed out and
/// before it is freed or shrinks (also if the upstream then reports a misuse), so that of one address it always hears
/// in the right order, whatever threads do. A sink that throws changes nothing for the program: the event is lost, and
/// counted.
///
/// Thread-safe if upstream and sink are, but for release(). Enabling and disabling is so always; calls in progress may
/// still reach the sink after disable().
class ALLOT_EXPORT tracing_resource final : public adaptor_resource {
 public:
  /// @param upstream  must outlive this object
  /// @param sink      must outlive this object
  tracing_resource(upstream_ref upstream, event_sink& sink, const tracing_options& options = {}) noexcept
      : tracing_resource(upstream, &sink, options) {}
  /// For the event log alone.
  explicit tracing_resource(upstream_ref upstream, const tracing_options& options = {}) noexcept
      : tracing_resource(upstream, nullptr, options) {}
  ~tracing_resource() override;

  /// @throws what the upstream throws
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return tracing_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    tracing_resource::do_deallocate(p, bytes, alignment);
  }

  /// Whether it tells. Any thread may switch it at any time.
  /// @{
  void enable() noexcept { switch_to(true); }
  void disable() noexcept { switch_to(false); }
  bool enabled() const noexcept { return enabled_.load(std::memory_order_relaxed); }
  /// @}

  /// Events the sink did not take, since construction.
  std::size_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  std::string_view kind() const noexcept override { return "tracing_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  void release() noexcept override;
  std::size_t trim() noexcept override;
  bool tell_events_to(event_sink*) noexcept override { return false; }  ///< it has a sink

 private:
  /// Takes what an arena below tells of itself.
  class arena_ear final : public event_sink {
   public:
    explicit arena_ear(tracing_resource& owner) noexcept : owner_(owner) {}
    void write(const memory_event& event) override;
    memory_event_kinds wanted() const noexcept override;

   private:
    tracing_resource& owner_;
  };

  tracing_resource(upstream_ref upstream, event_sink* sink, const tracing_options& options) noexcept;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (ALLOT_LIKELY(!enabled())) return upstream_allocate(bytes, alignment);
    return allocate_traced(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (ALLOT_LIKELY(!enabled())) return upstream_deallocate(p, bytes, alignment);
    deallocate_traced(p, bytes, alignment);
  }

  void* allocate_traced(std::size_t bytes, std::size_t alignment);
  void deallocate_traced(void* p, std::size_t bytes, std::size_t alignment);
  void switch_to(bool enabled) noexcept;
  void tell(memory_event event) noexcept;
  void write_to_sink(const memory_event& event) noexcept;
  event_sink* log() noexcept;

  event_sink* const sink_;  // null: none but the log
  arena_ear ear_;
  std::mutex switching_;
  std::atomic<bool> enabled_{false};
  std::atomic_flag looking_up_ = ATOMIC_FLAG_INIT;  // held while log_ and log_version_ are stored
  std::atomic<event_sink*> log_{nullptr};           // as of log_version_
  std::atomic<unsigned> log_version_{0};
  std::atomic<std::size_t> lost_{0};
};

}  // namespace allot
