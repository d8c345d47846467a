#pragma once

#include <allot/core/allocation_error.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// What stands in the way of a budget or of a part of it.
enum class budget_limit {
  budget,           ///< the region the part was to come from has no room for it
  names,            ///< the budget's books have no line left for the part
  sealed,           ///< the budget gives no more parts away
  address_width,    ///< no process has so many addresses
  address_space,    ///< of the process: RLIMIT_AS
  data,             ///< writable memory of the process: RLIMIT_DATA
  control_group,    ///< memory of the process's control group, or of one around it
  physical_memory,  ///< memory and swap of the machine
  map_count,        ///< how many mappings the process may have
  system,           ///< the system refused, and none of the limits it tells explains that
};

/// "the address space limit of the process (RLIMIT_AS)" and the like. Static storage.
ALLOT_EXPORT std::string_view describe(budget_limit limit) noexcept;

/// What a budget could not be given, or could not give.
struct budget_failure {
  budget_limit in_the_way = budget_limit::budget;  ///< why it cannot be had
  std::string_view budget = {};                    ///< name of the budget that was asked
  std::string_view part = {};  ///< the slice or sub-budget that was asked for; empty: the budget itself
  std::size_t wanted = 0;      ///< bytes
  std::size_t alignment = 0;   ///< of a slice; 0 otherwise
  std::size_t available = 0;   ///< what there is, see budget_error::available()
  os::status outcome = {};     ///< what the system said, where it was asked
};

/// Thrown when a memory_budget cannot be had as stated, or a slice or sub-budget not out of it: tells what was wanted,
/// what there is, and which limit is in the way.
///
/// As every allocation_error it allocates nothing, copies without throwing and may outlive the budget. resource_name()
/// is the budget's; code() is limit_reached where the budget itself is in the way, size_overflow for the width of
/// addresses, map_limit for the number of mappings, and out_of_memory for the system's other limits, unless the system
/// said something more exact.
class ALLOT_EXPORT budget_error : public allocation_error {
 public:
  /// What available() is where nobody knows.
  static constexpr std::size_t unknown = static_cast<std::size_t>(-1);

  /// Copies the texts, names cut off after 31 bytes.
  explicit budget_error(const budget_failure& failure) noexcept;
  ~budget_error() override;
  /// Allocates nothing.
  budget_error(const budget_error&) noexcept = default;
  budget_error& operator=(const budget_error&) noexcept = default;

  /// One line: what was wanted, what there is, what is in the way.
  const char* what() const noexcept override { return what_.c_str(); }

  std::size_t wanted() const noexcept { return bytes(); }  ///< bytes
  /// Bytes; mappings or names if their number is in the way.
  std::size_t available() const noexcept { return available_; }
  budget_limit in_the_way() const noexcept { return in_the_way_; }  ///< why it cannot be had
  std::string_view part_name() const noexcept { return part_; }     ///< slice or sub-budget; empty: the budget itself

 private:
  budget_limit in_the_way_;
  std::size_t available_;
  fixed_text<31> part_;
  fixed_text<351> what_;
};

}  // namespace allot
