#pragma once

#include <allot/os/virtual_memory.hpp>
#include <cstddef>

#include "support/access.hpp"

namespace allot::test {

/// Keeps the page behind some addresses, so that a mapping that ends there cannot grow in place. The system may have
/// used it anyway.
class neighbour {
 public:
  explicit neighbour(const std::byte* end)
      : made_(os::reserve(system_page_size(), 1, {os::placement::how::fixed, const_cast<std::byte*>(end)})) {}
  ~neighbour() {
    if (made_) (void)os::release(made_.address, system_page_size());
  }
  neighbour(const neighbour&) = delete;
  neighbour& operator=(const neighbour&) = delete;

 private:
  os::mapping made_;
};

}  // namespace allot::test
