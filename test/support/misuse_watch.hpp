#pragma once

#include <allot/core/misuse.hpp>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace allot::test {

/// While it lives, misuse is collected instead of ending the program, or goes to a handler of the test's. Texts in the
/// reports live as long as the watch. One at a time.
class misuse_watch {
 public:
  explicit misuse_watch(misuse_handler handler = &remember) {
    forget();
    before_ = set_misuse_handler(handler);
  }
  ~misuse_watch() { set_misuse_handler(before_); }
  misuse_watch(const misuse_watch&) = delete;
  misuse_watch& operator=(const misuse_watch&) = delete;

  std::size_t count() const { return seen().reports.size(); }
  const misuse_report& operator[](std::size_t i) const { return seen().reports.at(i); }

  /// Whether there were exactly `count` reports, all of that kind, since the last call of a function of this name or
  /// forget().
  bool only(misuse_kind kind, std::size_t count = 1) const {
    bool good = this->count() == count;
    for (const misuse_report& report : seen().reports) good = good && report.kind == kind;
    forget();
    return good;
  }
  bool nothing() const { return seen().reports.empty(); }
  void forget() const {
    seen().reports.clear();
    seen().texts.clear();
  }

 private:
  struct collection {
    std::vector<misuse_report> reports;
    std::deque<std::string> texts;
  };
  static collection& seen() {
    static collection all;
    return all;
  }
  static void remember(const misuse_report& report) {
    seen().reports.push_back(report);
    misuse_report& kept = seen().reports.back();
    for (std::string_view* text : {&kept.resource, &kept.owner, &kept.details})
      *text = seen().texts.emplace_back(*text);
  }

  misuse_handler before_;
};

}  // namespace allot::test
