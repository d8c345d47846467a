#pragma once

#include <allot/arena/scratch.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <type_traits>

namespace allot {

/// Where the arenas of scratch memory have theirs, and how much they keep.
struct scratch_options {
  std::pmr::memory_resource* upstream = nullptr;  ///< of the arenas; null: address space of their own
  std::size_t reserve = std::size_t{64} << 20;    ///< address space an arena takes at a time, where it has its own
  std::size_t retained = std::size_t{1} << 20;    ///< most bytes an arena keeps when its last scope ends
  std::string_view name = {};           ///< of pair and arenas in reports; empty: "scratch_pair" and "scratch"
  bool checked = checked_by_default();  ///< as chained_arena_options::checked; also find use of an outer scope
};

/// Two arenas for temporary memory, and a third and fourth when they are needed.
///
/// A function that fills memory of its caller's and needs temporary memory meanwhile must take the latter from another
/// arena than the former, or the end of its scope takes the result along. Whatever the depth of calls, two arenas are
/// enough as long as one result is under way: get() gives a scope on an arena that is none of the conflicts.
///
/// A conflict is a memory_resource (by reference or pointer), a std::pmr allocator, or a range of either. It stands for
/// an arena when it is that, a scope on it, or stands on it at any depth: a sub-arena, an adaptor, a resource whose
/// upstream it is. A null pointer conflicts with nothing.
///
/// As a memory_resource the pair allocates from its first arena. Not thread-safe: one pair a thread, a fiber or a job.
class ALLOT_EXPORT scratch_pair final : public resource {
 public:
  static constexpr std::size_t most_arenas = 4;  ///< in one pair

  scratch_pair() noexcept : scratch_pair(scratch_options{}) {}
  /// No arena takes memory before it is used.
  explicit scratch_pair(const scratch_options& options) noexcept;

  /// A scope on the first arena that is none of the conflicts'.
  /// @throws allocation_error (limit_reached) when all are
  template <class... Conflicts>
  [[nodiscard]] scratch get(const Conflicts&... conflicts) {
    return scratch(pick_slot(conflicts...));
  }

  /// The arena get() would take, for use under a scope of the caller's own: that costs less than one that is a
  /// memory_resource.
  ///
  ///     allot::arena& memory = allot::thread_scratch().pick(output);
  ///     allot::scope here(memory);
  template <class... Conflicts>
  [[nodiscard]] chained_arena& pick(const Conflicts&... conflicts) {
    return pick_slot(conflicts...).memory;
  }

  // Inline twins: a caller that knows the type pays no virtual call.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return slots_[0].memory.allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    slots_[0].memory.deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "scratch_pair"; }
  std::pmr::memory_resource* upstream() const noexcept override { return slots_[0].memory.upstream(); }
  const std::pmr::memory_resource* root() const noexcept override { return &slots_[0].memory; }
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  std::size_t available() const noexcept override;
  memory_usage usage() const noexcept override;  ///< of all arenas together; of the peaks, the sum
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;
  /// Gives all memory back. Scopes that still live report a stale mark at their end.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  std::size_t trim() noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;
  bool tell_events_to(event_sink* sink) noexcept override;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return scratch_pair::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    scratch_pair::deallocate(p, bytes, alignment);
  }

  template <class... Conflicts>
  scratch_slot& pick_slot(const Conflicts&... conflicts) {
    scratch_slot* chosen = slots_.data();
    while ((conflict(conflicts, chosen->memory) || ...))
      if (++chosen == slots_.data() + most_arenas) refuse();
    return *chosen;
  }

  template <class Conflict>
  static bool conflict(const Conflict& with, const arena& candidate) noexcept {
    if constexpr (std::is_same_v<Conflict, std::nullptr_t>) {
      return false;
    } else if constexpr (std::is_same_v<Conflict, scratch>) {
      return &with.slot_.memory == &candidate ||
             (with.slot_.memory.upstream() != nullptr && stands_on(with, candidate));
    } else if constexpr (std::is_convertible_v<const Conflict&, const resource&>) {
      return stands_on(static_cast<const resource&>(with), candidate);
    } else if constexpr (has_upstream<Conflict>::value) {  // the standard's own, which nobody can look into later
      return stands_on(with.upstream_resource(), candidate);
    } else if constexpr (std::is_convertible_v<const Conflict&, const std::pmr::memory_resource&>) {
      return stands_on(&static_cast<const std::pmr::memory_resource&>(with), candidate);
    } else if constexpr (!std::is_array_v<Conflict> &&
                         std::is_convertible_v<const Conflict&, const std::pmr::memory_resource*>) {
      return stands_on(static_cast<const std::pmr::memory_resource*>(with), candidate);
    } else if constexpr (has_resource<Conflict>::value) {
      return stands_on(with.resource(), candidate);
    } else {
      for (const auto& one : with)
        if (conflict(one, candidate)) return true;
      return false;
    }
  }
  template <class T, class = void>
  struct has_upstream : std::false_type {};
  template <class T>
  struct has_upstream<T, std::void_t<decltype(std::declval<const T&>().upstream_resource())>> : std::true_type {};
  template <class T, class = void>
  struct has_resource : std::false_type {};
  template <class T>
  struct has_resource<T, std::void_t<decltype(std::declval<const T&>().resource())>> : std::true_type {};

  static bool stands_on(const resource& upper, const arena& candidate) noexcept;
  static bool stands_on(const std::pmr::memory_resource* upper, const arena& candidate) noexcept;
  [[noreturn]] void refuse() const;

  std::array<scratch_slot, most_arenas> slots_;
};

namespace detail {
/// The calling thread's own pair. Trivial, so that it can be reached at any time of a thread's life.
ALLOT_EXPORT inline thread_local scratch_pair* current_scratch = nullptr;
ALLOT_EXPORT scratch_pair& make_thread_scratch();
}  // namespace detail

/// The calling thread's own pair, made at the first call and freed when the thread ends, after the destructors of its
/// thread_local objects; who calls later still gets a new one, which is freed again.
/// @throws allocation_error when there is no memory for it
inline scratch_pair& thread_scratch() {
  scratch_pair* const pair = detail::current_scratch;
  return ALLOT_LIKELY(pair != nullptr) ? *pair : detail::make_thread_scratch();
}

/// A scope on one of the calling thread's arenas that is none of the conflicts'; see scratch_pair::get(). Not for code
/// that may go on in another thread (fibers): see scratch_set.
template <class... Conflicts>
[[nodiscard]] scratch get_scratch(const Conflicts&... conflicts) {
  return thread_scratch().get(conflicts...);
}

}  // namespace allot
