#include "nesting.hpp"

#include <cstddef>
#include <vector>

#include "node.hpp"

namespace allot::config {
namespace {

constexpr std::size_t deepest = 32;

/// Knows of TOML only what brackets, dots, strings and comments are. Where a text is none, the parser says so.
class nesting_check {
 public:
  nesting_check(std::string_view text, const std::shared_ptr<const std::string>& source)
      : text_(text), source_(source) {}

  void run() {
    while (at_ < text_.size()) {
      switch (const char c = text_[at_]) {
        case '"':
        case '\'':
          skip_string(c);
          continue;
        case '#':
          while (at_ < text_.size() && text_[at_] != '\n') ++at_;
          continue;
        case '\n':
          end_line();
          break;
        case '[':
        case '{':
          outer_.push_back(dots_);
          dots_ = 0;
          enter();
          break;
        case ']':
        case '}':
          leave();
          break;
        case ',':
          depth_ -= dots_;
          dots_ = 0;
          break;
        case '.':
          ++dots_;
          enter();
          break;
        default:
          break;
      }
      ++at_;
    }
  }

 private:
  void enter() {
    if (++depth_ > deepest)
      fail({source_, line_, at_ - line_start_ + 1}, "",
           "is nested more than " + std::to_string(deepest) + " deep (brackets, braces and dots together)");
  }

  void leave() {
    depth_ -= dots_;
    dots_ = 0;
    if (outer_.empty()) return;
    --depth_;
    dots_ = outer_.back();
    outer_.pop_back();
  }

  void end_line() {
    ++line_;
    line_start_ = at_ + 1;
    if (!outer_.empty()) return;
    depth_ = 0;
    dots_ = 0;
  }

  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool many_lines = text_.substr(at_, 3) == three;
    at_ += many_lines ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        if (!many_lines) return;  // unterminated: the parser's business
        ++line_;
        line_start_ = at_ + 1;
      } else if (c == '\\' && quote == '"') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') --at_;
      } else if (many_lines ? text_.substr(at_, 3) == three : c == quote) {
        at_ += many_lines ? 3 : 1;
        return;
      }
    }
  }

  std::string_view text_;
  const std::shared_ptr<const std::string>& source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  std::size_t depth_ = 0;
  std::size_t dots_ = 0;            // of depth_, those of the key at hand
  std::vector<std::size_t> outer_;  // the same of the keys around it, one for each open bracket
};

}  // namespace

void check_nesting(std::string_view text, const std::shared_ptr<const std::string>& source) {
  nesting_check(text, source).run();
}

}  // namespace allot::config
