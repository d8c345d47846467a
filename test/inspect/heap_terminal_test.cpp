// Pictures of heaps on a terminal.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <allot/inspect/heap_picture.hpp>
#include <allot/os/terminal.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>

#include "inspect/heap_pictures.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::test;

namespace {

class variable {
 public:
  variable(const char* name, const char* value) : name_(name) {
    const char* const before = std::getenv(name);
    had_ = before != nullptr;
    if (had_) before_ = before;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~variable() { had_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 private:
  const char* name_;
  bool had_ = false;
  std::string before_;
};

/// While it lives, standard output is a terminal of that many characters a line.
class terminal_output {
 public:
  explicit terminal_output(unsigned short columns) : terminal_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    BOOST_REQUIRE(terminal_ >= 0);
    BOOST_REQUIRE(::grantpt(terminal_) == 0);
    BOOST_REQUIRE(::unlockpt(terminal_) == 0);
    const int inner = ::open(::ptsname(terminal_), O_RDWR | O_NOCTTY);
    BOOST_REQUIRE(inner >= 0);
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    BOOST_REQUIRE(::ioctl(inner, TIOCSWINSZ, &size) == 0);
    std::cout.flush();
    kept_ = ::dup(1);
    ::dup2(inner, 1);
    ::close(inner);
  }
  /// What was printed. Called once; then standard output is what it was.
  std::string end() {
    std::cout.flush();
    std::string text;
    std::array<char, 1024> part{};
    ::fcntl(terminal_, F_SETFL, O_NONBLOCK);
    for (;;) {
      const ssize_t n = ::read(terminal_, part.data(), part.size());
      if (n <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(n));
    }
    ::dup2(kept_, 1);
    ::close(kept_);
    ::close(terminal_);
    return text;
  }

 private:
  int terminal_;
  int kept_ = -1;
};

/// A picture as std::cout gets it on a terminal.
std::string on_terminal(const resource& memory, unsigned short columns) {
  const heap_map map = take_heap_map(memory);
  text_picture_options options;
  options.most_lines = 2;  // no more than the terminal holds until it is read
  terminal_output terminal(columns);
  write_text(std::cout, map, options);
  return terminal.end();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_pictures)

BOOST_AUTO_TEST_CASE(text_on_a_terminal_has_colours_and_its_width) {
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  if (test::under_thread_sanitizer()) return test::skip("a pseudo terminal and one thread");
  told_blocks memory("coloured");
  tell_many(memory, 300);
  const variable no_color("NO_COLOR", nullptr);
  const variable term("TERM", "xterm-256color");
  BOOST_TEST(os::terminal_width(-1) == 0u);
  const std::string text = on_terminal(memory, 63);
  BOOST_TEST(has(text, "\x1b[0;38;5;"));
  BOOST_TEST(has(text, "\u2580"));
  std::size_t halves = 0;
  for (std::size_t at = 0; (at = text.find("\u2580", at)) != std::string::npos; ++at) ++halves;
  BOOST_TEST(halves >= 63u);
  BOOST_TEST(halves <= 2 * (63u - address_columns));
}

BOOST_AUTO_TEST_CASE(no_color_and_a_dumb_terminal_are_respected) {
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  if (test::under_thread_sanitizer()) return test::skip("a pseudo terminal and one thread");
  told_blocks memory("plain");
  tell_many(memory, 300);
  const variable term("TERM", "xterm-256color");
  {
    const variable no_color("NO_COLOR", "1");
    BOOST_TEST(!has(on_terminal(memory, 80), "\x1b"));
  }
  {
    const variable no_color("NO_COLOR", "");
    BOOST_TEST(has(on_terminal(memory, 80), "\x1b"));
  }
  const variable no_color("NO_COLOR", nullptr);
  const variable dumb("TERM", "dumb");
  BOOST_TEST(!has(on_terminal(memory, 80), "\x1b"));
}

BOOST_AUTO_TEST_SUITE_END()
