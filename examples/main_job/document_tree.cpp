#include "document_tree.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "words.hpp"

namespace main_job {

namespace {

constexpr std::string_view white_space = " \t\r\f\v";
constexpr std::size_t tab_width = 8;

void set_attribute(node& element, std::string_view name, std::size_t value) {
  std::array<char, std::numeric_limits<std::size_t>::digits10 + 1> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  element.attributes.emplace(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

std::size_t indentation(std::string_view line) noexcept {
  std::size_t column = 0;
  for (const char c : line) {
    if (c == ' ') {
      ++column;
    } else if (c == '\t') {
      column += tab_width - column % tab_width;
    } else {
      break;
    }
  }
  return column;
}

std::string_view trimmed(std::string_view line) noexcept {
  const std::size_t begin = line.find_first_not_of(white_space);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(white_space) - begin + 1);
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  for_each_word(text, [&](std::string_view, std::size_t, std::size_t) { ++words; });
  return words;
}

/// The lines that may still get children, each indented deeper than the one before. An open line stays where it is:
/// only the list of children of the last one grows, or that of an earlier one after all behind it were closed.
class open_lines {
 public:
  void close_all() noexcept { depth_ = 0; }

  node& add(node& paragraph, std::string_view text, std::size_t indent) {
    while (depth_ != 0 && lines_[depth_ - 1].indent >= indent) --depth_;
    node& parent = depth_ == 0 ? paragraph : *lines_[depth_ - 1].element;
    node& line = parent.children.emplace_back("line", text);
    if (depth_ < lines_.size()) lines_[depth_++] = {&line, indent};
    return line;
  }

 private:
  struct open_line {
    node* element;
    std::size_t indent;
  };
  std::array<open_line, deepest_line - 1> lines_;
  std::size_t depth_ = 0;
};

void add_file(node& document, const text_file& source) {
  node& file = document.children.emplace_back("file", source.path);
  node* paragraph = nullptr;
  open_lines open;
  std::string_view rest = source.text;
  std::size_t number = 0;
  while (!rest.empty()) {
    ++number;
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
    const std::string_view text = trimmed(line);
    if (text.empty()) {
      paragraph = nullptr;
      continue;
    }
    if (paragraph == nullptr) {
      paragraph = &file.children.emplace_back("paragraph", std::string_view());
      set_attribute(*paragraph, "line", number);
      open.close_all();
    }
    const std::size_t indent = indentation(line);
    node& element = open.add(*paragraph, text, indent);
    set_attribute(element, "line", number);
    set_attribute(element, "indent", indent);
    set_attribute(element, "words", count_words(text));
  }
  set_attribute(file, "bytes", source.text.size());
  set_attribute(file, "lines", number);
}

}  // namespace

node build_tree(const std::vector<text_file>& files, std::pmr::memory_resource& memory) {
  node document("document", std::string_view(), &memory);
  for (const text_file& file : files) add_file(document, file);
  return document;
}

}  // namespace main_job
