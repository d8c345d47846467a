#pragma once

#include <string_view>

namespace main_job {

/// Tells on stderr what goes on: on a terminal in one line, rewritten, elsewhere in a line each.
class progress {
 public:
  progress() noexcept;
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { clear(); }

  void show(std::string_view text);

  /// As show(), but on a terminal only: for what would be too many lines elsewhere.
  void show_detail(std::string_view text);

  /// Takes the line away, so that other text can follow.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace main_job
