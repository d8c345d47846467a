#include <allot/testing/trap_resource.hpp>

namespace allot::testing {

trap_sprung::~trap_sprung() = default;
const char* trap_sprung::what() const noexcept { return "a resource that must not be used was asked for memory"; }

trap_resource::~trap_resource() = default;

void* trap_resource::do_allocate(std::size_t, std::size_t) {
  ++uses_;
  throw trap_sprung();
}

void trap_resource::do_deallocate(void*, std::size_t, std::size_t) { ++uses_; }

}  // namespace allot::testing
