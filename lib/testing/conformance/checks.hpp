#pragma once

#include <allot/testing/conformance.hpp>
#include <cstddef>

#include "bench.hpp"

/// The checks of the conformance kit. Each makes its own instances of the subject and adds what it finds.
namespace allot::testing::conformance {

/// "zero size", "alignment", "distinct blocks", "contents", "capacity", "upstream pairing", "leak"
void check_blocks(const conformance_subject& subject, findings& found, const conformance_options& options);

/// "huge size", "exception type"
void check_huge_sizes(const conformance_subject& subject, findings& found);

void check_release(const conformance_subject& subject, findings& found);
void check_default_resource(const conformance_subject& subject, findings& found);
void check_equality(const conformance_subject& subject, findings& found);
void check_containers(const conformance_subject& subject, findings& found);
void check_vocabulary(const conformance_subject& subject, findings& found);

/// Where failures come from.
enum class origin { upstream, system };

/// "failure"; returns how many were injected.
std::size_t check_failures(const conformance_subject& subject, findings& found, unsigned seed, origin from);

}  // namespace allot::testing::conformance
