#include "progress.hpp"

#include <algorithm>
#include <allot/os/descriptor.hpp>
#include <allot/os/terminal.hpp>
#include <ostream>
#include <utility>

#include "words.hpp"

namespace allot::tool {
namespace {

constexpr std::size_t usual_width = 80;
constexpr std::size_t bar_width = 30;
constexpr std::chrono::milliseconds between{100};

}  // namespace

progress::progress(command_context& context, const std::string& what) : context_(context), what_(printable(what)) {
  if (!context_.progress) return;
  width_ = os::terminal_width(os::standard_error);
  if (width_ == 0) width_ = usual_width;
  draw(what_);
}

progress::~progress() {
  if (context_.progress) context_.errors << "\r\x1b[K" << std::flush;
}

void progress::at(std::uint64_t done, std::uint64_t of) {
  if (!context_.progress || of == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < between) return;
  drawn_ = now;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(of));
  const auto full = static_cast<std::size_t>(share * static_cast<double>(bar_width));
  draw(what_ + " [" + std::string(full, '#') + std::string(bar_width - full, '.') + "] " +
       std::to_string(static_cast<int>(share * 100)) + " %");
}

/// A line that reaches the edge would wrap, and could not be taken back.
void progress::draw(const std::string& line) {
  context_.errors << '\r' << line.substr(0, width_ - 1) << "\x1b[K" << std::flush;
}

}  // namespace allot::tool
