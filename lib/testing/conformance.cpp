#include <algorithm>
#include <allot/testing/conformance.hpp>
#include <ostream>

#include "conformance/checks.hpp"

namespace allot::testing {

bool conformance_report::broke(const std::string& promise) const {
  return std::any_of(failures.begin(), failures.end(),
                     [&](const finding& failure) { return failure.promise == promise; });
}

std::ostream& operator<<(std::ostream& out, const conformance_report& report) {
  out << report.name << ": " << (report.passed() ? "conforms" : "does not conform") << " (" << report.served
      << " requests served, " << report.beyond_capacity << " refused beyond the stated capacity, "
      << report.upstream_failures << " upstream and " << report.system_failures << " system failures injected, seed "
      << report.seed << ")\n";
  for (const auto& failure : report.failures) out << "  " << failure.promise << ": " << failure.detail << '\n';
  for (const auto& reason : report.not_tested) out << "  not tested: " << reason << '\n';
  return out;
}

conformance_report check_conformance(const conformance_subject& subject, const conformance_options& options) {
  using namespace conformance;
  conformance_report report;
  report.name = subject.name;
  report.seed = options.seed;
  findings found(report);

  check_blocks(subject, found, options);
  check_huge_sizes(subject, found);
  check_release(subject, found);
  check_default_resource(subject, found);
  check_equality(subject, found);
  if (report.broke("distinct blocks"))
    report.not_tested.push_back("containers: they need blocks of their own");
  else
    check_containers(subject, found);
  check_vocabulary(subject, found);
  report.upstream_failures = check_failures(subject, found, options.seed, origin::upstream);
  if (report.upstream_failures == 0) report.not_tested.push_back("failure of the upstream: it is never asked");
  report.system_failures = check_failures(subject, found, options.seed, origin::system);

  found.expect(report.served != 0, "capacity", "not one request was served");
  return report;
}

}  // namespace allot::testing
