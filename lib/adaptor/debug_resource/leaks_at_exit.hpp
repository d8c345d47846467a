#pragma once

#include <allot/adaptor/debug_resource.hpp>

namespace allot {

/// The resources that report their leaks when the program ends, if they live so long. Thread-safe.
class debug_resource::leaks_at_exit {
 public:
  static void add(debug_resource& memory) noexcept;
  static void remove(debug_resource& memory) noexcept;

 private:
  struct list;
  static list& all() noexcept;
  static void report_all() noexcept;
};

}  // namespace allot
