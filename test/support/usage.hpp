#pragma once

#include <allot/core/resource.hpp>
#include <ostream>

namespace allot {

/// So that a comparison that fails says what there was.
inline std::ostream& operator<<(std::ostream& out, const memory_usage& usage) {
  return out << "{reserved " << usage.reserved << ", committed " << usage.committed << ", used " << usage.used
             << ", peak " << usage.peak << ", wasted " << usage.wasted << '}';
}

}  // namespace allot
