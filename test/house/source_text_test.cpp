#include "house/source_text.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace allot::test::house;

BOOST_AUTO_TEST_SUITE(source_texts)

BOOST_AUTO_TEST_CASE(comments_become_spaces_and_lines_stay) {
  BOOST_TEST(blanked("a // b\nc /* d\ne */ f", blank::comments) == "a     \nc     \n     f");
  BOOST_TEST(blanked("a // b \\\nb\nc", blank::comments) == "a       \n \nc");
  BOOST_TEST(blanked("\"// no\" '\"' // yes", blank::comments) == "\"// no\" '\"'       ");
}

BOOST_AUTO_TEST_CASE(literals_of_every_kind_are_found) {
  const auto code = [](std::string_view text) { return blanked(text, blank::comments_and_literals); };
  BOOST_TEST(code(R"(a "b\"c" d)") == "a        d");
  BOOST_TEST(code(R"(a '\'' d)") == "a      d");
  BOOST_TEST(code("R\"x(a\" )\" )x\" b") == "R" + std::string(13, ' ') + "b");
  BOOST_TEST(code("1'000 + 0x1'ff") == "1'000 + 0x1'ff");
  BOOST_TEST(code("#error don't\nint a;") == "#error don t\nint a;");
}

BOOST_AUTO_TEST_CASE(directives_are_found_with_their_lines) {
  const auto found = directives("int a;\n  # if A || \\\n  B // c\n#include \"x\" /* y */\n// #endif\n#endif");
  BOOST_REQUIRE(found.size() == 3u);
  BOOST_TEST(found[0].line == 2u);
  BOOST_TEST(found[0].name == "if");
  BOOST_TEST(found[0].rest == "A ||    B");
  BOOST_TEST(found[1].line == 4u);
  BOOST_TEST(found[1].rest == "\"x\"");
  BOOST_TEST(found[2].line == 6u);
}

BOOST_AUTO_TEST_CASE(words_know_what_stands_around_them) {
  const auto found = words("\na::b (\"c\") + ::d; e->f > g.h");
  BOOST_REQUIRE(found.size() == 7u);
  BOOST_TEST(found[1].text == "b");
  BOOST_TEST(found[1].line == 2u);
  BOOST_TEST(found[1].qualified);
  BOOST_TEST(found[1].after == '(');
  BOOST_TEST(found[2].text == "d");
  BOOST_TEST(!found[2].qualified);
  BOOST_TEST(!found[2].member);
  BOOST_TEST(found[4].member);
  BOOST_TEST(!found[5].member);
  BOOST_TEST(found[6].member);
}

BOOST_AUTO_TEST_SUITE_END()
