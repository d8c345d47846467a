#include <boost/test/unit_test.hpp>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "token_stream.hpp"

using namespace main_job;

namespace {

const std::vector<text_file> files{{"first", "if x2 >= 10\n\n  stop.\n"}, {"second", "caf\xc3\xa9\t\x01\x02\xff"}};

std::vector<token> all_tokens() {
  std::vector<token> tokens;
  push_tokens(tokens, files);
  return tokens;
}

/// The tokens as text, a letter for the kind.
std::string shown(std::string_view text) {
  std::string line;
  for_each_token(text, 0, [&](const token& each) {
    line += "?wnpe*"[static_cast<std::size_t>(each.kind)];
    line += std::to_string(each.line) + ':' + std::to_string(each.column) + '+' + std::to_string(each.length) + ' ';
  });
  return line;
}

bool differ(const std::vector<token>& a, const std::vector<token>& b) {
  const bool found = token_difference(a, b).has_value();
  BOOST_TEST(found == token_difference(b, a).has_value());
  BOOST_TEST(found == (token_digest(a) != token_digest(b)));
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(token_stream)

BOOST_AUTO_TEST_CASE(words_and_numbers_are_whole_and_marks_and_line_ends_single) {
  BOOST_TEST(shown("if x2 >= 10\n\n  stop.\n") ==
             "w1:1+2 w1:4+1 n1:5+1 p1:7+1 p1:8+1 n1:10+2 e1:12+1 e2:1+1 w3:3+4 p3:7+1 e3:8+1 ");
}

BOOST_AUTO_TEST_CASE(any_bytes_will_do) {
  BOOST_TEST(shown(std::string_view("\0\x01 \x7f\r\x02z\xff", 8)) == "*1:1+2 *1:4+1 *1:6+1 w1:7+2 ");
  for (int byte = 0; byte < 256; ++byte) {
    const std::string line = shown(std::string(3, static_cast<char>(byte)));
    BOOST_TEST(line.size() <= 21u, "byte " << byte << ": " << line);
  }
}

BOOST_AUTO_TEST_CASE(there_are_no_tokens_in_blanks_or_in_nothing) {
  BOOST_TEST(shown(" \t\r\f\v ") == "");
  BOOST_TEST(shown("") == "");
}

BOOST_AUTO_TEST_CASE(a_token_knows_its_file) {
  const std::vector<token> tokens = all_tokens();
  BOOST_TEST(tokens.size() == 14u);
  BOOST_TEST((tokens[10] == token{token_kind::line_end, 0, 3, 8, 1}));
  BOOST_TEST((tokens[11] == token{token_kind::word, 1, 1, 1, 5}));
  BOOST_TEST((tokens[12] == token{token_kind::other, 1, 1, 7, 2}));
  BOOST_TEST((tokens[13] == token{token_kind::word, 1, 1, 9, 1}));
}

BOOST_AUTO_TEST_CASE(equal_tokens_are_equal_in_any_container) {
  std::deque<token> tokens;
  push_tokens(tokens, files);
  BOOST_TEST(!token_difference(all_tokens(), tokens).has_value());
  BOOST_TEST(token_digest(all_tokens()) == token_digest(tokens));
  BOOST_TEST(!differ(all_tokens(), all_tokens()));
  BOOST_TEST(!differ({}, {}));
}

BOOST_AUTO_TEST_CASE(every_part_of_a_token_counts) {
  for (const auto change : {+[](token& each) { each.kind = token_kind::other; }, +[](token& each) { each.file += 1; },
                            +[](token& each) { each.line += 1; }, +[](token& each) { each.column += 1; },
                            +[](token& each) { each.length += 1; }}) {
    std::vector<token> other = all_tokens();
    change(other[4]);
    BOOST_TEST(differ(all_tokens(), other));
  }
}

BOOST_AUTO_TEST_CASE(so_do_number_and_order) {
  std::vector<token> other = all_tokens();
  other.pop_back();
  BOOST_TEST(differ(all_tokens(), other));
  BOOST_TEST(differ(all_tokens(), {}));
  other = all_tokens();
  other.push_back(other.back());
  BOOST_TEST(differ(all_tokens(), other));
  other = all_tokens();
  std::swap(other[3], other[4]);
  BOOST_TEST(differ(all_tokens(), other));
}

BOOST_AUTO_TEST_CASE(the_difference_is_named) {
  std::vector<token> other = all_tokens();
  other[1].column = 9;
  BOOST_TEST(*token_difference(all_tokens(), other) ==
             "the word of length 1 at line 1, column 9 of file 0 is where the word of length 1 at line 1, column 4 of "
             "file 0 should be");
}

BOOST_AUTO_TEST_SUITE_END()
