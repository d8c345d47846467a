#pragma once

#include <allot/core/fixed_text.hpp>
#include <allot/core/misuse.hpp>
#include <cstddef>
#include <string_view>

namespace allot::secure {

/// Something wrong that was found while a resource was locked; it is reported when it is not any more.
struct finding {
  misuse_kind kind{};
  const void* address = nullptr;
  std::size_t claimed = 0;
  std::size_t actual = 0;
  fixed_text<63> owner = {};
  fixed_text<639> details = {};

  misuse_report report_for(std::string_view resource) const noexcept {
    misuse_report report{kind, resource, address, claimed, actual};
    report.owner = owner;
    report.details = details;
    return report;
  }
};

}  // namespace allot::secure
