// What the pages list, against what the library says.

#include <allot/core/memory_errc.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

using namespace allot;

namespace {

std::string page(const std::string& name) {
  std::ifstream in(ALLOT_DOCS_DIR "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The first line that starts so, or "".
std::string line_of(const std::string& text, const std::string& start) {
  const std::size_t at = ("\n" + text).find("\n" + start);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pages)

BOOST_AUTO_TEST_CASE(the_table_of_errors_has_every_code_with_its_message_and_hint) {
  const std::string errors = page("errors.md");
  int codes = 0;
  for (;; ++codes) {
    const auto code = static_cast<memory_errc>(codes);
    if (message(code) == message(static_cast<memory_errc>(-1))) break;
    const std::string row = line_of(errors, "| " + std::to_string(codes) + " | `");
    const std::string end = " | " + std::string(message(code)) + " | " + std::string(hint(code)) + " |";
    BOOST_TEST(ends_with(row, end), "docs/errors.md has no row that ends with:" << end);
  }
  BOOST_TEST(codes > 1);
  BOOST_TEST(line_of(errors, "| " + std::to_string(codes) + " | `") == "");
}

BOOST_AUTO_TEST_SUITE_END()
