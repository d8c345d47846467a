#include "progress.hpp"

#include <unistd.h>

#include <iostream>

namespace main_job {

progress::progress() noexcept : terminal_(isatty(STDERR_FILENO) != 0) {}

void progress::show(std::string_view text) {
  clear();
  std::cerr << text << (terminal_ ? "" : "\n") << std::flush;
  shown_ = terminal_;
}

void progress::show_detail(std::string_view text) {
  if (terminal_) show(text);
}

void progress::clear() {
  if (shown_) std::cerr << "\r\033[K" << std::flush;
  shown_ = false;
}

}  // namespace main_job
