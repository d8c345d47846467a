#pragma once

#include <allot/core/resource.hpp>
#include <cstddef>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace allot::test {

/// A resource that has no memory and tells of the blocks it was told.
class told_blocks final : public resource {
 public:
  explicit told_blocks(std::string_view name = {}) : resource(name) {}
  explicit told_blocks(std::vector<block_info> all) : all_(std::move(all)) {}

  /// `at` is from an address that is no null pointer.
  void add(std::size_t at, std::size_t bytes, block_state state, bool exact = true) {
    all_.push_back({reinterpret_cast<const void*>(0x100000 + at), bytes, exact, state});
  }

  std::string_view kind() const noexcept override { return "told_blocks"; }
  void for_each_block(block_visitor visitor) const override {
    for (const block_info& each : all_) visitor(each);
  }

 private:
  void* do_allocate(std::size_t, std::size_t) override { throw std::bad_alloc(); }
  void do_deallocate(void*, std::size_t, std::size_t) override {}

  std::vector<block_info> all_;
};

}  // namespace allot::test
