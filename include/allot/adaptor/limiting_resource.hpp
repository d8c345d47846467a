#pragma once

#include <allot/adaptor/limit_reservation.hpp>
#include <allot/adaptor/metered_resource.hpp>
#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>
#include <limits>
#include <string_view>

namespace allot {

/// A request that passes a limit.
struct memory_pressure {
  std::size_t bytes = 0;       ///< asked for
  std::size_t taken = 0;       ///< bytes of live blocks and of what is reserved
  std::size_t soft_limit = 0;  ///< that would be passed
  std::size_t limit = 0;       ///< the hard one
};

/// Called for a request that passes the soft limit, before it is served or refused. It may free blocks of the resource,
/// and returns whether the resource should look again. A handler that throws ends the request with its exception.
using pressure_handler = bool (*)(const memory_pressure& pressure, void* context);

/// The two limits, and who hears of requests that pass the soft one.
struct limiting_options {
  /// The value of a limit there is not.
  static constexpr std::size_t no_limit = (std::numeric_limits<std::size_t>::max)();

  std::size_t limit = no_limit;        ///< most bytes taken at any time, as callers asked for them
  std::size_t soft_limit = no_limit;   ///< from which on `handler` is called; never more than `limit`
  pressure_handler handler = nullptr;  ///< null: nobody hears
  void* handler_context = nullptr;     ///< handed to it
  std::string_view name = {};          ///< what reports call it; empty: its kind
};

/// Serves requests from an upstream until a number of bytes is taken, then fails.
///
/// Holds one subsystem to its share, shows how code behaves when memory runs out, and gives room to react: with a soft
/// limit a handler hears of requests that pass it, and may free what the program can do without. As long as the handler
/// returns true and the program has freed something, the resource looks again. Then the request is served if the hard
/// limit allows. Requests that the handler itself makes go by the hard limit alone, and those that no free could make
/// room for are refused at once.
///
/// reserve() takes bytes in advance, so that what is to be built from them will not meet the limit half way.
///
/// No block carries a header: pmr states the size again at deallocate, so a single counter is enough.
///
/// Bytes count as callers asked for them, none as one. More bytes freed than are taken are misuse (wrong_size).
///
/// Thread-safe if the upstream is, but for release(). The handler may be called by several threads at a time.
class ALLOT_EXPORT limiting_resource final : public metered_resource<limiting_resource> {
 public:
  /// @param limit     most bytes taken at any time, as callers asked for them (upstream overhead is not counted)
  /// @param upstream  must outlive this object
  limiting_resource(std::size_t limit, upstream_ref upstream) noexcept : limiting_resource(upstream, at_most(limit)) {}
  /// With a soft limit, too. The upstream must outlive this object.
  explicit limiting_resource(upstream_ref upstream, const limiting_options& options = {}) noexcept;
  ~limiting_resource() override;

  /// @throws allocation_error (memory_errc::limit_reached) when the request would pass the limit; what the handler or
  ///         the upstream throws otherwise. In each case nothing is counted
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return metered_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    metered_resource::do_deallocate(p, bytes, alignment);
  }

  /// Takes bytes for later. They are free again, but for blocks that live, when the reservation is destroyed.
  /// @throws allocation_error (memory_errc::limit_reached), or what the handler throws; nothing is taken then
  limit_reservation reserve(std::size_t bytes) { return limit_reservation(*this, bytes); }

  std::size_t limit() const noexcept { return limit_; }            ///< most bytes taken at any time
  std::size_t soft_limit() const noexcept { return soft_limit_; }  ///< bytes from which on the handler is called
  std::size_t live_bytes() const noexcept;                         ///< in blocks handed out
  std::size_t reserved_bytes() const noexcept;                     ///< taken by reservations and not in blocks yet
  /// Bytes until the limit.
  std::size_t remaining() const noexcept { return limit_ - taken_.load(std::memory_order_relaxed); }

  std::string_view kind() const noexcept override { return "limiting_resource"; }
  std::size_t available() const noexcept override;  ///< the upstream's, within the limit
  /// Releases the upstream and counts anew, from what is reserved on. Where the upstream keeps its blocks
  /// (can_release() is false) the count stays.
  void release() noexcept override;

 private:
  friend class limit_reservation;
  friend class metered_resource<limiting_resource>;

  static limiting_options at_most(std::size_t limit) noexcept {
    limiting_options options;
    options.limit = limit;
    return options;
  }

  bool take(std::size_t bytes);
  bool take_below(std::size_t bytes, std::size_t limit) noexcept;
  bool take_under_pressure(std::size_t bytes);
  void give_back(std::size_t bytes) noexcept;
  [[noreturn]] void refuse(std::size_t bytes, std::size_t alignment) const;

  const std::size_t limit_;
  const std::size_t soft_limit_;
  const pressure_handler handler_;
  void* const handler_context_;
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::size_t> reserved_{0};  // of that, not in blocks
  std::atomic<std::size_t> frees_{0};     // how often bytes came back, where there is a handler
};

}  // namespace allot
