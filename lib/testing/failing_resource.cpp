#include <allot/testing/failing_resource.hpp>

namespace allot::testing {

injected_failure::~injected_failure() = default;
const char* injected_failure::what() const noexcept { return "injected failure"; }

failing_resource::failing_resource(std::pmr::memory_resource* upstream) noexcept : upstream_(upstream) {}
failing_resource::~failing_resource() = default;

void failing_resource::fail_at(std::size_t nth, rule how_long) noexcept {
  nth_ = nth;
  for_good_ = how_long == rule::from_then_on;
  requests_ = 0;
  fired_ = false;
}

void* failing_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t request = ++requests_;
  const std::size_t nth = nth_;
  if (nth != 0 && (request == nth || (request > nth && for_good_))) {
    fired_ = true;
    throw injected_failure();
  }
  return upstream_->allocate(bytes, alignment);
}

void failing_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  upstream_->deallocate(p, bytes, alignment);
}

}  // namespace allot::testing
