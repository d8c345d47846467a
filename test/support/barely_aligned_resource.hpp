#pragma once

#include <cstddef>
#include <memory_resource>
#include <new>

namespace allot::test {

/// An upstream at odd addresses: what it returns is aligned as asked for, and never to more than that.
class barely_aligned_resource final : public std::pmr::memory_resource {
 public:
  explicit barely_aligned_resource(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource()) noexcept
      : upstream_(upstream) {}
  void release() noexcept {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes > static_cast<std::size_t>(-1) / 2 - 2 * alignment) throw std::bad_alloc();
    return static_cast<std::byte*>(upstream_->allocate(bytes + alignment, 2 * alignment)) + alignment;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(static_cast<std::byte*>(p) - alignment, bytes + alignment, 2 * alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
};

}  // namespace allot::test
