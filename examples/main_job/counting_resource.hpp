#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>

namespace main_job {

/// Passes all calls on and counts the bytes: now live, the most that were, and all ever taken.
///
/// Not thread-safe.
class counting_resource final : public std::pmr::memory_resource {
 public:
  explicit counting_resource(std::pmr::memory_resource& upstream) noexcept : upstream_(&upstream) {}

  std::size_t live() const noexcept { return live_; }
  std::size_t peak() const noexcept { return peak_; }
  std::size_t total() const noexcept { return total_; }

  /// Bytes in which all that was ever taken finds room one behind the other, wherever padding is needed.
  std::size_t room() const noexcept { return total_ + most_padding_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = upstream_->allocate(bytes, alignment);
    live_ += bytes;
    total_ += bytes;
    most_padding_ += alignment - 1;
    peak_ = std::max(peak_, live_);
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(p, bytes, alignment);
    live_ -= bytes;
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
  std::size_t live_ = 0;
  std::size_t peak_ = 0;
  std::size_t total_ = 0;
  std::size_t most_padding_ = 0;
};

}  // namespace main_job
