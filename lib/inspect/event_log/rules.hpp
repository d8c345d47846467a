#pragma once

#include <allot/core/fixed_text.hpp>
#include <allot/inspect/event_log.hpp>
#include <array>
#include <cstddef>
#include <string_view>

namespace allot::event_log {

/// Which names are logged at which level, in the order in which that was said.
class rules {
 public:
  bool set(std::string_view pattern, log_level level) noexcept;
  log_level level_of(std::string_view name) const noexcept;
  bool empty() const noexcept { return count_ == 0; }

 private:
  struct rule {
    fixed_text<longest_pattern> pattern;
    log_level level;
  };

  void drop(std::string_view pattern) noexcept;
  bool restricts(std::string_view pattern, std::size_t before) const noexcept;
  void forget_idle() noexcept;

  std::array<rule, most_patterns> all_{};
  std::size_t count_ = 0;
};

/// Whether `name` is the pattern's text, each * in which stands for any text.
bool matches(std::string_view pattern, std::string_view name) noexcept;

/// Whether there is a name that matches both, neither of which is longer than longest_pattern.
bool overlap(std::string_view a, std::string_view b) noexcept;

/// What an entry of ALLOT_LOG says. False: no level of that name.
bool read_entry(std::string_view entry, std::string_view& pattern, log_level& level) noexcept;

}  // namespace allot::event_log
