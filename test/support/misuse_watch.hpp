#pragma once

#include <allot/core/misuse.hpp>
#include <cstddef>
#include <vector>

namespace allot::test {

/// While it lives, misuse is collected instead of ending the program. Views in the reports are not kept. One at a time.
class misuse_watch {
 public:
  misuse_watch() {
    reports().clear();
    before_ = set_misuse_handler(&remember);
  }
  ~misuse_watch() { set_misuse_handler(before_); }
  misuse_watch(const misuse_watch&) = delete;
  misuse_watch& operator=(const misuse_watch&) = delete;

  std::size_t count() const { return reports().size(); }
  const misuse_report& operator[](std::size_t i) const { return reports().at(i); }

  /// Whether there was exactly one report, of that kind, since the last call of a function of this name or forget().
  bool only(misuse_kind kind) const {
    const bool good = reports().size() == 1 && reports().front().kind == kind;
    forget();
    return good;
  }
  bool nothing() const { return reports().empty(); }
  void forget() const { reports().clear(); }

 private:
  static std::vector<misuse_report>& reports() {
    static std::vector<misuse_report> all;
    return all;
  }
  static void remember(const misuse_report& report) {
    reports().push_back(report);
    reports().back().resource = {};
  }

  misuse_handler before_;
};

}  // namespace allot::test
