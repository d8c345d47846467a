#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <optional>
#include <string_view>

namespace allot {

/// The blocks a pool passes on to its upstream one by one, each found by its start in constant time; find() looks
/// at all of them. What is remembered of them comes from the upstream, too.
///
/// Who throws has changed nothing. Not thread-safe.
class ALLOT_EXPORT large_blocks {
 public:
  /// Neither null nor gone before this object.
  explicit large_blocks(std::pmr::memory_resource* upstream) noexcept : upstream_(upstream) {}
  large_blocks(const large_blocks&) = delete;
  large_blocks& operator=(const large_blocks&) = delete;

  /// As slab_store::belong_to().
  void belong_to(resource* owner, bool shared) noexcept {
    owner_ = owner;
    shared_ = shared;
  }

  /// @throws what the upstream throws
  void* allocate(std::size_t bytes, std::size_t alignment);
  /// False, and nothing has changed, where there is no such block. Wrong sizes and alignments are misuse, which is the
  /// caller's to report; nothing has changed then.
  bool deallocate(void* p, std::size_t bytes, std::size_t alignment, std::string_view pool, bool zero,
                  std::optional<misuse_report>& misuse);

  std::size_t bytes() const noexcept { return bytes_; }   ///< of all live ones, as asked for
  std::size_t book_bytes() const noexcept;                ///< what remembering them takes
  block_info find(const void* p) const noexcept;          ///< the block p points into
  block_extent live_block(const void* p) const noexcept;  ///< as resource::live_block()
  void for_each(block_visitor visitor) const;             ///< every block
  void trim() noexcept;                                   ///< gives the books back if no block is left
  void release() noexcept;                                ///< gives all blocks back
  void abandon() noexcept;                                ///< forgets all there is without touching it

 private:
  struct book;
  std::pmr::memory_resource* upstream_;
  book* book_ = nullptr;  // from the upstream, with the first block
  std::size_t bytes_ = 0;
  resource* owner_ = nullptr;
  bool shared_ = false;
};

}  // namespace allot
