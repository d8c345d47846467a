#pragma once

#include <allot/core/compiler.hpp>
#include <memory_resource>

namespace allot {

/// p as a resource of a class of ours, null where it is none. Unlike dynamic_cast it is also null for one whose class
/// was compiled without RTTI, which cannot tell, and always where this is. For the library's own sources: others ask
/// as_resource() and its like, whose answer does not depend on how the asking code was compiled.
template <class To>
To* resource_cast(std::pmr::memory_resource* p) noexcept {
#if defined(__cpp_rtti)
  return p != nullptr && ALLOT_SAYS_WHAT_IT_IS(p) ? dynamic_cast<To*>(p) : nullptr;
#else
  static_cast<void>(p);
  return nullptr;
#endif
}

}  // namespace allot
