#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/adaptor/allocation_statistics.hpp>
#include <allot/core/compiler.hpp>
#include <allot/os/fork_mutex.hpp>
#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace allot {

/// How a statistics_resource counts.
struct statistics_options {
  bool concurrent = false;     ///< count for several threads at a time: exact, at the cost of atomic operations
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// Counts what goes through: blocks and bytes that are live, their peaks and totals, refused requests, and how many
/// allocations were of which size.
///
/// No block carries a header: pmr states the size again when a block is freed. Counters can be nested: push() begins
/// new ones, which see only what happens until pop() returns them, while the outer ones go on counting all. A free is
/// counted as it is asked for, also one that is misuse to the upstream.
///
/// For one thread at a time; with `concurrent` thread-safe if the upstream is, but for release(). Any thread may take a
/// snapshot at any time: each number in it was right at a moment of its own.
class ALLOT_EXPORT statistics_resource final : public adaptor_resource {
 public:
  static constexpr std::size_t most_levels = 8;  ///< of nested counters, beside the outermost

  /// @param upstream  must outlive this object
  explicit statistics_resource(upstream_ref upstream, const statistics_options& options = {}) noexcept
      : adaptor_resource(upstream, options.name), concurrent_(options.concurrent) {}
  ~statistics_resource() override;

  /// @throws what the upstream throws; that is counted as a failure
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return statistics_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    statistics_resource::do_deallocate(p, bytes, alignment);
  }

  /// Since construction or release(), whatever was pushed.
  allocation_statistics snapshot() const noexcept;

  /// Begins nested counters.
  /// @throws std::length_error when there are most_levels already
  void push();
  /// Ends the nested counters begun last, and returns what happened since.
  /// @throws std::logic_error when there are none
  allocation_statistics pop();
  std::size_t levels() const noexcept;  ///< nested counters begun and not ended

  std::string_view kind() const noexcept override { return "statistics_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  /// Releases the upstream and begins counting anew, without nested counters. Where the
  /// upstream keeps its blocks (can_release() is false) the counts stay.
  void release() noexcept override;

 private:
  template <class Value>
  using counter = std::atomic<Value>;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* p = nullptr;
    try {
      p = upstream_allocate(bytes, alignment);
    } catch (...) {
      count_failure();
      throw;
    }
    if (ALLOT_LIKELY(!concurrent_))
      count_block<alone>(bytes);
    else
      count_block<shared>(bytes);
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (ALLOT_LIKELY(!concurrent_))
      count_free<alone>(bytes);
    else
      count_free<shared>(bytes);
    upstream_deallocate(p, bytes, alignment);  // last, so that it is a jump, which makes half of the cost
  }

  // How counters change: where one thread uses the resource by a plain load and store.
  struct alone {
    template <class Value>
    static Value add(counter<Value>& to, Value value) noexcept {
      const Value sum = to.load(std::memory_order_relaxed) + value;
      to.store(sum, std::memory_order_relaxed);
      return sum;
    }
  };
  struct shared {
    template <class Value>
    static Value add(counter<Value>& to, Value value) noexcept {
      return to.fetch_add(value, std::memory_order_relaxed) + value;
    }
  };

  template <class Way>
  ALLOT_ALWAYS_INLINE void count_block(std::size_t bytes) noexcept {
    Way::add(sizes_[allocation_statistics::bucket_of(bytes)], std::size_t{1});
    Way::add(total_bytes_, bytes);
    raise(peak_blocks_, Way::add(live_blocks_, std::ptrdiff_t{1}));
    raise(peak_bytes_, Way::add(live_bytes_, static_cast<std::ptrdiff_t>(bytes)));
  }
  template <class Way>
  ALLOT_ALWAYS_INLINE void count_free(std::size_t bytes) noexcept {
    Way::add(live_blocks_, std::ptrdiff_t{-1});
    Way::add(live_bytes_, -static_cast<std::ptrdiff_t>(bytes));
  }
  ALLOT_ALWAYS_INLINE static void raise(counter<std::ptrdiff_t>& peak, std::ptrdiff_t value) noexcept {
    if (value > peak.load(std::memory_order_relaxed)) raise_peak(peak, value);
  }
  void count_failure() noexcept;
  allocation_statistics innermost() const noexcept;
  static void raise_peak(counter<std::ptrdiff_t>& peak, std::ptrdiff_t value) noexcept;

  const bool concurrent_;
  counter<std::ptrdiff_t> live_blocks_{0};
  counter<std::ptrdiff_t> live_bytes_{0};
  counter<std::ptrdiff_t> peak_blocks_{0};  // of the innermost level; those further out are brought up by pop()
  counter<std::ptrdiff_t> peak_bytes_{0};
  counter<std::size_t> total_bytes_{0};
  counter<std::size_t> failures_{0};
  std::array<counter<std::size_t>, allocation_statistics::buckets> sizes_{};

  mutable os::fork_mutex levels_mutex_;
  std::array<allocation_statistics, most_levels> begun_;  // snapshots from when the levels began
  std::size_t levels_ = 0;
};

}  // namespace allot
