#include <allot/block/budget_error.hpp>
#include <array>

namespace allot {
namespace {

memory_errc code_for(const budget_failure& failure) noexcept {
  if (failure.outcome.error != memory_errc::success) return failure.outcome.error;
  switch (failure.in_the_way) {
    case budget_limit::budget:
    case budget_limit::names:
    case budget_limit::sealed:
      return memory_errc::limit_reached;
    case budget_limit::address_width:
      return memory_errc::size_overflow;
    case budget_limit::map_count:
      return memory_errc::map_limit;
    default:
      return memory_errc::out_of_memory;
  }
}

/// "1610612736 bytes (1.5 GiB)"
template <class Text>
void append_bytes(Text& text, std::size_t bytes) noexcept {
  constexpr std::array<std::string_view, 6> units{" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  text.append_decimal(bytes).append(bytes == 1 ? " byte" : " bytes");
  if (bytes < 1024) return;
  std::size_t unit = 0;
  std::size_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
  if (bytes / 1024 >= 1024) {
    std::size_t scaled = bytes / 1024;
    for (unit = 1; scaled / 1024 >= 1024; ++unit) scaled /= 1024;
    tenths = scaled / 1024 * 10 + scaled % 1024 * 10 / 1024;
  }
  text.append(" (").append_decimal(tenths / 10).append(".").append_decimal(tenths % 10).append(units[unit]).append(")");
}

}  // namespace

std::string_view describe(budget_limit limit) noexcept {
  switch (limit) {
    case budget_limit::budget:
      return "the room the budget has left";
    case budget_limit::names:
      return "the number of names a budget keeps books of";
    case budget_limit::sealed:
      return "the budget is sealed";
    case budget_limit::address_width:
      return "the width of addresses";
    case budget_limit::address_space:
      return "the address space limit of the process (RLIMIT_AS)";
    case budget_limit::data:
      return "the data limit of the process (RLIMIT_DATA)";
    case budget_limit::control_group:
      return "the memory limit of the control group (cgroup)";
    case budget_limit::physical_memory:
      return "the memory of the machine, free swap included";
    case budget_limit::map_count:
      return "the number of mappings a process may have (vm.max_map_count)";
    case budget_limit::system:
      break;
  }
  return "the system, which gives no limit as the reason";
}

budget_error::budget_error(const budget_failure& failure) noexcept
    : allocation_error(
          {code_for(failure), failure.budget, failure.wanted, failure.alignment, 0, failure.outcome.os_code}),
      in_the_way_(failure.in_the_way),
      available_(failure.available),
      part_(failure.part) {
  what_.append(resource_name());
  if (part_.size() != 0) what_.append(", ").append(part_);
  what_.append(": wanted ");
  append_bytes(what_, failure.wanted);
  if (failure.alignment > alignof(std::max_align_t)) what_.append(" aligned to ").append_decimal(failure.alignment);
  what_.append(", available ");
  if (available_ == unknown) {
    what_.append("nobody knows");
  } else if (in_the_way_ == budget_limit::map_count) {
    what_.append_decimal(available_).append(" mappings");
  } else if (in_the_way_ == budget_limit::names) {
    what_.append_decimal(available_).append(" names");
  } else {
    append_bytes(what_, available_);
  }
  what_.append("; in the way: ").append(describe(in_the_way_));
  if (failure.outcome.error != memory_errc::success) what_.append(": ").append(message(failure.outcome.error));
  if (os_code() != 0) what_.append(" (system error ").append_decimal(static_cast<unsigned>(os_code())).append(")");
}

budget_error::~budget_error() = default;

}  // namespace allot
