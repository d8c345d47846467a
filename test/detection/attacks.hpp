#pragma once

#include <string_view>
#include <vector>

#include "detection/scene.hpp"

namespace allot::detection {

/// One error or attack, a row of the table.
struct attack {
  enum class by {
    itself,   ///< the same outcome each time, for ours and for blocks of one size
    layout,   ///< by what happens to lie there
    threads,  ///< by threads, of which the heap must serve several
  };

  std::string_view name;   ///< on command lines
  std::string_view title;  ///< in the table
  outcome (*run)(scene& in);
  by decided = by::itself;
};

const std::vector<attack>& attacks();

}  // namespace allot::detection
