#pragma once

#include <allot/adaptor/branching_resource.hpp>
#include <allot/block/block_table.hpp>
#include <allot/core/compiler.hpp>
#include <allot/os/fork_mutex.hpp>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace allot {

/// How a fallback_resource is made.
struct fallback_options {
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// Asks one upstream after the other until one can serve the request: a fast arena of fixed size first, say, and the
/// heap for what does not fit.
///
/// Ours are asked by try_allocate(), so that no exception is thrown to find the way; what a foreign one throws is
/// caught. When none can, the last one's exception passes on. Blocks that did not come from the first upstream are
/// remembered in a table, in pages of its own, so every block goes back to where it came from, whatever the upstreams
/// hold by then; a request that the table has no room for is refused. A free that is misuse to the upstream, by a wrong
/// size say, is the last that is known of the block. As long as none but the first has served anything that costs an
/// allocation one call, and a deallocation a comparison besides.
///
/// Thread-safe if all upstreams are, but for release() and destruction.
class ALLOT_EXPORT fallback_resource final : public branching_resource {
 public:
  /// All upstreams must outlive this object. Blocks must be freed before it is destroyed; those that live
  /// longer go directly to their upstream, and only then.
  /// @throws std::invalid_argument for no upstream, and for more than branch_list::capacity
  fallback_resource(std::initializer_list<upstream_ref> upstreams, const fallback_options& options = {})
      : fallback_resource(upstreams.begin(), upstreams.size(), options) {}
  /// The same with upstreams in an array.
  fallback_resource(const upstream_ref* first, std::size_t count, const fallback_options& options = {});
  ~fallback_resource() override;

  /// @throws what the last upstream throws, or allocation_error (the table got no pages); nothing has changed then
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return fallback_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    fallback_resource::do_deallocate(p, bytes, alignment);
  }

  /// Live blocks that did not come from the first upstream.
  std::size_t fallen_back() const noexcept { return elsewhere_count_.load(std::memory_order_relaxed); }

  std::string_view kind() const noexcept override { return "fallback_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// In the upstream the block is in.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  void release() noexcept override;  ///< those upstreams that are ours; blocks of the others are remembered still

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  bool expect_block() noexcept;
  void remember(void* p, std::size_t branch) noexcept;
  std::size_t forget(void* p) noexcept;
  std::size_t home_of(void* p) noexcept;
  void* try_others(std::size_t end, std::size_t bytes, std::size_t alignment) noexcept;

  os::fork_mutex mutex_;   // of the table
  block_table elsewhere_;  // blocks not from the first upstream; `stamp` is the index of theirs
  std::atomic<std::size_t> elsewhere_count_{0};
  std::atomic<std::size_t> expected_{0};  // blocks that the table must have room for besides
};

}  // namespace allot
