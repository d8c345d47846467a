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
    if (text_.substr(0, 3) == "\xef\xbb\xbf") at_ = line_start_ = 3;  // the mark of UTF-8
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_control(c)) refuse(at_, "has a control character, which no TOML has");
      // the parser is undefined for some of these
      if (is_wide(c)) refuse(at_, "is no TOML: has a character beyond ASCII outside of strings and comments");
      if (c == '[' && line_is_fresh_) check_header();
      if (!is_blank(c)) line_is_fresh_ = false;
      switch (c) {
        case '"':
        case '\'':
          skip_string(c);
          continue;
        case '#':
          while (at_ < text_.size() && !ends_line(at_) && !is_control(text_[at_])) ++at_;
          line_is_fresh_ = outer_.empty();
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
  static bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  }

  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
  static bool is_wide(char c) { return static_cast<unsigned char>(c) >= 0x80; }

  [[noreturn]] void refuse(std::size_t at, const std::string& problem) const {
    std::size_t column = 1;
    for (std::size_t i = line_start_; i < at; ++i)
      if ((static_cast<unsigned char>(text_[i]) & 0xc0) != 0x80) ++column;  // counts characters
    fail({source_, line_, column}, "", problem);
  }

  /// Line ends as the parser sees them behind a comment, those of Unicode too.
  bool ends_line(std::size_t at) const {
    const std::string_view rest = text_.substr(at);
    const auto starts = [&](std::string_view with) { return rest.substr(0, with.size()) == with; };
    return starts("\n") || starts("\xc2\x85") || starts("\xe2\x80\xa8") || starts("\xe2\x80\xa9");
  }

  /// The parser takes it for granted that a header begins with a key.
  void check_header() const {
    std::size_t key = at_ + 1;
    const bool of_list = text_.substr(key, 1) == "[";
    if (of_list) ++key;
    while (key < text_.size() && (text_[key] == ' ' || text_[key] == '\t')) ++key;
    if (key == text_.size()) return;
    constexpr std::string_view others = "_-\"'[]";  // the parser knows what is wrong with a bracket
    const char c = text_[key];
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      (others.find(c) != others.npos && !(of_list && c == '['));
    if (!good) refuse(key, "is no TOML: a table's header must begin with a key");
  }

  void enter() {
    if (++depth_ > deepest)
      refuse(at_, "is nested more than " + std::to_string(deepest) + " deep (brackets, braces and dots together)");
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
    line_is_fresh_ = true;
    depth_ = 0;
    dots_ = 0;
  }

  /// A string over many lines may end in one or two quotes of its own.
  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool many_lines = text_.substr(at_, 3) == three;
    at_ += many_lines ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_control(c)) return;  // the caller's business
      if (c == '\n') {
        if (!many_lines) return;  // unterminated: the parser's business
        ++line_;
        line_start_ = at_ + 1;
      } else if (c == '\\' && quote == '"') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') --at_;
      } else if (many_lines ? text_.substr(at_, 3) == three : c == quote) {
        at_ += many_lines ? 3 : 1;
        for (int own = 0; many_lines && own < 2 && text_.substr(at_, 1) == three.substr(2); ++own) ++at_;
        return;
      }
    }
  }

  std::string_view text_;
  const std::shared_ptr<const std::string>& source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  bool line_is_fresh_ = true;  // nothing but blanks was in it
  std::size_t depth_ = 0;
  std::size_t dots_ = 0;            // of depth_, those of the key at hand
  std::vector<std::size_t> outer_;  // the same of the keys around it, one for each open bracket
};

}  // namespace

void check_nesting(std::string_view text, const std::shared_ptr<const std::string>& source) {
  nesting_check(text, source).run();
}

}  // namespace allot::config
