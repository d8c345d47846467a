#pragma once

#include <string_view>

namespace allot::detection {

/// What came of one attack, from best to worst as the table counts.
enum class outcome {
  abort,     ///< the allocator ended the program and said why
  fault,     ///< the access itself faulted
  harmless,  ///< nothing noticed, nothing done: zeros were read, or a byte was overwritten with what it was
  slack,     ///< nothing noticed; only bytes were reached that the allocator had given beyond those asked for
  noted,     ///< the allocator said something and went on
  crash,     ///< the program ended later, by accident and without a word
  missed,    ///< nothing noticed, and the access did what it should not
  hang,      ///< the program was ended after ten seconds
};

constexpr int outcome_count = static_cast<int>(outcome::hang) + 1;

std::string_view word(outcome of);

/// Whether the program was stopped at the error or soon after, by intent.
constexpr bool stopped(outcome of) { return of <= outcome::fault; }
/// Whether the attacker has gained nothing.
constexpr bool contained(outcome of) { return of <= outcome::noted; }

}  // namespace allot::detection
