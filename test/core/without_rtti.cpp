// Compiled without RTTI, as programs may be that use a library that has it.

#include "core/without_rtti.hpp"

#include <allot/core/resource.hpp>

namespace allot::test {
namespace {

class plain final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

class of_ours final : public resource {
  std::string_view kind() const noexcept override { return "of_ours"; }
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
};

}  // namespace

std::pmr::memory_resource& plain_without_rtti() {
  static plain memory;
  return memory;
}

std::pmr::memory_resource& ours_without_rtti() {
  static of_ours memory;
  return memory;
}

}  // namespace allot::test
