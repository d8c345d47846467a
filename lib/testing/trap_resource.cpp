#include <allot/core/misuse.hpp>
#include <allot/testing/trap_resource.hpp>

namespace allot::testing {
namespace {

using request_text = fixed_text<127>;

request_text text_of(std::size_t bytes, std::size_t alignment) noexcept {
  request_text text("allot: a resource that must not be used was asked for ");
  text.append_decimal(bytes).append(" bytes aligned to ").append_decimal(alignment);
  return text;
}

}  // namespace

trap_sprung::trap_sprung(std::size_t bytes, std::size_t alignment, const os::call_stack& where) noexcept
    : bytes_(bytes), alignment_(alignment), where_(where), what_(text_of(bytes, alignment)) {}
trap_sprung::~trap_sprung() = default;

trap_resource::~trap_resource() = default;

void* trap_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t use = ++uses_;
  if (options_.serve_from != nullptr && use > options_.most_told)
    return options_.serve_from->allocate(bytes, alignment);

  os::call_stack where;
  where.capture(1);  // without this function, which everyone comes through
  if (options_.serve_from == nullptr) throw trap_sprung(bytes, alignment, where);
  write_diagnostic(text_of(bytes, alignment));
  for (std::size_t i = 0; i < where.size(); ++i) write_diagnostic(where.describe_with_name(i));
  return options_.serve_from->allocate(bytes, alignment);
}

void trap_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  if (options_.serve_from != nullptr) return options_.serve_from->deallocate(p, bytes, alignment);
  ++uses_;
}

}  // namespace allot::testing
