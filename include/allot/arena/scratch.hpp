#pragma once

#include <allot/arena/chained_arena.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <utility>

namespace allot {

class scratch;

/// One of a scratch_pair's arenas.
struct scratch_slot {
  /// Takes no memory yet.
  explicit scratch_slot(const chained_arena_options& options) noexcept : memory(options) {}

  chained_arena memory;       ///< what scopes allocate from
  scratch* newest = nullptr;  ///< the innermost scope, where checked
};

/// Temporary memory until the end of a C++ scope, from one of a scratch_pair's arenas. A memory_resource, so that
/// containers can work in it:
///
///     allot::scratch temporary = allot::get_scratch(output);
///     std::pmr::vector<int> numbers(&temporary);
///
/// At its end all that was taken from it is gone. Scopes nest; while an inner one on the same arena lives, an outer one
/// must not allocate: the inner one's end would take that along. Checked arenas report it (outer_scope).
///
/// For the thread that made it. Neither copied nor moved.
class ALLOT_EXPORT scratch final : public resource {
 public:
  scratch(const scratch&) = delete;
  ~scratch() override {
    if (!slot_.memory.close_scope_inline(start_)) end(start_.marks.position, start_.marks.floor, start_.marks.clock);
  }

  /// As arena's functions of these names. When checked, those of an outer scope that give memory out report that and
  /// throw allocation_error (not_supported).
  /// @{
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return memory().allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    slot_.memory.deallocate(p, bytes, alignment);
  }
  void* push(std::size_t bytes) { return memory().push(bytes); }
  void* push(std::size_t bytes, std::size_t alignment) { return memory().push(bytes, alignment); }
  void* push_zeroed(std::size_t bytes) { return memory().push_zeroed(bytes); }
  template <class T, class... Args>
  T* push(Args&&... args) {
    return memory().template push<T>(std::forward<Args>(args)...);
  }
  template <class T>
  T* push_array(std::size_t count) {
    return memory().template push_array<T>(count);
  }
  /// @}

  /// The arena itself, for all else an arena can do. It does not know through which scope it is used.
  arena& whole_arena() const noexcept { return slot_.memory; }

  std::string_view kind() const noexcept override { return "scratch"; }
  std::pmr::memory_resource* upstream() const noexcept override { return &slot_.memory; }
  const std::pmr::memory_resource* root() const noexcept override { return &slot_.memory; }
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  std::size_t available() const noexcept override;
  memory_usage usage() const noexcept override;  ///< of the whole arena, like all below
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;
  bool tell_events_to(event_sink* sink) noexcept override;

 private:
  friend class scratch_pair;

  explicit scratch(scratch_slot& slot) noexcept : start_(slot.memory.open_scope()), slot_(slot) {
    if (!ALLOT_LIKELY(!slot.memory.checked())) enter();
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return scratch::allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    scratch::deallocate(p, bytes, alignment);
  }

  chained_arena& memory() {
    if (!ALLOT_LIKELY(!slot_.memory.checked())) expect_newest();
    return slot_.memory;
  }
  void enter() noexcept;
  void end(std::size_t start, std::size_t floor, std::uint64_t clock);
  void expect_newest() const;
  void report_outer() const;
  std::size_t depth() const noexcept;

  arena::moment start_;
  scratch* outer_;  // where checked
  scratch_slot& slot_;
};

}  // namespace allot
