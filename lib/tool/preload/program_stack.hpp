#pragma once

#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <type_traits>

namespace allot::preload {

/// The resource that a program's blocks come from, asked as malloc() and free() ask: without the size of what is
/// freed. That comes from resource::live_block(), or, where the resource cannot tell, from words before each block.
///
/// As thread-safe as the resource. Nothing throws.
class program_stack {
 public:
  /// @param memory  must be thread-safe, and outlive this object
  explicit program_stack(std::pmr::memory_resource& memory) noexcept;

  /// Whether blocks of various sizes and alignments come and go as they should.
  bool works() noexcept;
  bool has_words() const noexcept { return words_; }

  void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    return ALLOT_LIKELY(!words_) ? ours_->try_allocate(bytes, alignment) : allocate_with_words(bytes, alignment);
  }
  /// 0 bytes: there is no such block.
  block_extent extent(const void* p) const noexcept {
    return ALLOT_LIKELY(!words_) ? ours_->live_block(p) : extent_by_words(p);
  }
  /// @param is  what extent() said of it
  void deallocate(void* p, const block_extent& is) noexcept {
    ALLOT_LIKELY(!words_) ? memory_.deallocate(p, is.bytes, is.alignment) : deallocate_with_words(p, is);
  }
  /// In place.
  bool resize(void* p, const block_extent& is, std::size_t bytes) noexcept {
    return !words_ && ours_->try_expand(p, is.bytes, bytes, is.alignment);
  }

 private:
  void* allocate_with_words(std::size_t bytes, std::size_t alignment) noexcept;
  block_extent extent_by_words(const void* p) const noexcept;
  void deallocate_with_words(void* p, const block_extent& is) noexcept;
  void* try_allocate(std::size_t bytes, std::size_t alignment) noexcept;
  bool tells(std::size_t bytes, std::size_t alignment) noexcept;

  std::pmr::memory_resource& memory_;
  resource* const ours_;  // the same; null where it is foreign
  bool words_;
};

}  // namespace allot::preload
