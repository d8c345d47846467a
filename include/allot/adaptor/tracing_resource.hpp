#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/adaptor/event_sink.hpp>
#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace allot {

struct tracing_options {
  bool enabled = true;  ///< from the start; enable() and disable() change it
  std::string_view name = {};
};

/// Tells a sink what goes through: every block handed out, freed, grown in place or refused.
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
      : adaptor_resource(upstream, options.name), sink_(sink), enabled_(options.enabled) {}
  ~tracing_resource() override;

  /// @throws what the upstream throws
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return tracing_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    tracing_resource::do_deallocate(p, bytes, alignment);
  }

  void enable() noexcept { enabled_.store(true, std::memory_order_relaxed); }
  void disable() noexcept { enabled_.store(false, std::memory_order_relaxed); }
  bool enabled() const noexcept { return enabled_.load(std::memory_order_relaxed); }

  /// Events the sink did not take, since construction.
  std::size_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  std::string_view kind() const noexcept override { return "tracing_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  void release() noexcept override;
  std::size_t trim() noexcept override;

 private:
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
  void tell(memory_event event) noexcept;

  event_sink& sink_;
  std::atomic<bool> enabled_;
  std::atomic<std::size_t> lost_{0};
};

}  // namespace allot
