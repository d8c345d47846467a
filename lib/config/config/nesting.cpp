#include "nesting.hpp"

#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "node.hpp"
#include "words.hpp"

namespace allot::config {
namespace {

/// Knows of TOML only what brackets, dots, strings and comments are. Where a text is none, the parser says so.
class nesting_check {
 public:
  nesting_check(std::string_view text, std::shared_ptr<const std::string> source)
      : text_(text), source_(std::move(source)) {}

  void run(std::size_t last_line = std::numeric_limits<std::size_t>::max()) {
    if (text_.substr(0, 3) == "\xef\xbb\xbf") at_ = line_start_ = 3;  // the mark of UTF-8
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_control(c)) refuse(at_, "has a control character, which no TOML has");
      // the parser is undefined for some of these
      if (is_wide(c)) refuse(at_, "is no TOML: has a character beyond ASCII outside of strings and comments");
      if (line_is_fresh_ && !is_blank(c) && c != '#' && c != '\n') {
        if (line_ > last_line) return;
        begin_statement();
      }
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

  /// What is being read.
  statement now() const {
    if (header_.empty() || key_.empty()) return {header_ + key_, strategy_};
    return {header_ + "." + key_, strategy_};
  }

 private:
  void begin_statement() {
    if (text_[at_] == '[') {
      header_ = key_from(text_, at_ + (text_.substr(at_, 2) == "[[" ? 2 : 1));
      key_.clear();
      strategy_.clear();
      return;
    }
    key_ = key_from(text_, at_);
    if (key_ != "strategy") return;
    const std::string_view line = text_.substr(at_, text_.substr(at_).find('\n'));
    const std::size_t quote = line.find_first_of("\"'");
    if (quote == line.npos) return;
    strategy_ = line.substr(quote + 1, line.find(line[quote], quote + 1) - quote - 1);
  }

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
    fail({source_, line_, column}, now().key, problem);
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
    if (++depth_ > deepest_nesting)
      refuse(at_,
             "is nested more than " + std::to_string(deepest_nesting) + " deep (brackets, braces and dots together)");
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

  std::string header_;
  std::string key_;
  std::string strategy_;
  std::string_view text_;
  std::shared_ptr<const std::string> source_;
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

statement statement_at(std::string_view text, std::size_t line) {
  nesting_check check(text, nullptr);
  check.run(line);
  return check.now();
}

std::string key_from(std::string_view text, std::size_t at) {
  constexpr std::size_t longest = 200;
  std::string path;
  const auto skip_blanks = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  };
  for (bool more = true; more && path.size() < longest;) {
    skip_blanks();
    const char first = at < text.size() ? text[at] : '\n';
    std::size_t end = at;
    if (first == '"' || first == '\'') {
      end = text.find_first_of(first == '"' ? "\"\n" : "'\n", ++at);
      if (end == text.npos || text[end] == '\n') return path;
    } else {
      while (end < text.size() && is_bare(text[end])) ++end;
      if (end == at) return path;
    }
    path = joined(path, text.substr(at, end - at));
    at = end + (first == '"' || first == '\'' ? 1 : 0);
    skip_blanks();
    more = at < text.size() && text[at++] == '.';
  }
  return path;
}

}  // namespace allot::config
