#pragma once

#include <allot/block/block_table.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <mutex>
#include <string_view>

namespace allot {

/// How a page_resource asks for its pages.
struct page_resource_options {
  std::string_view name = {};  ///< what reports call it; empty: its kind
  bool huge_pages =
      false;  ///< align blocks of at least one large page to it and advise the system to back them with such
};

/// Pages from the operating system, every block a mapping of its own: an upstream for arenas and pools that keeps
/// malloc out of the picture, and whose freed blocks fault when touched.
///
/// A block costs whole pages and two system calls, so it is meant for chunks, not for objects. Blocks are zero when new
/// and aligned to at least a page. What was handed out is remembered in pages of its own, so every deallocate is
/// checked exactly, always: an address that is not the start of a live block, a wrong size or a wrong alignment is
/// misuse.
///
/// Thread-safe, but for release() and destruction. Constructing one asks the system for nothing.
class ALLOT_EXPORT page_resource final : public resource {
 public:
  page_resource() noexcept : page_resource(page_resource_options{}) {}
  /// Copies the name.
  explicit page_resource(const page_resource_options& options) noexcept;
  ~page_resource() override;

  /// @throws allocation_error; nothing has changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return page_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    page_resource::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "page_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// Within its last page a block always fits; beyond, it grows where the addresses behind it are free.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  memory_usage usage() const noexcept override;  ///< `wasted`: what rounding up to pages takes
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  std::size_t trim() noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  os::mapping map_block(std::size_t bytes, std::size_t alignment) noexcept;
  bool resize_block(block_table::entry& block, std::size_t mapped) noexcept;
  void give_back(block_table::entry& block) noexcept;

  mutable std::mutex mutex_;  // guards all below
  block_table blocks_;
  memory_usage usage_;
  bool huge_pages_;
};

}  // namespace allot
