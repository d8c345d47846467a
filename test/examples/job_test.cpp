#include "job.hpp"

#include <boost/test/unit_test.hpp>
#include <memory_resource>
#include <string>
#include <vector>

#include "words.hpp"

using namespace main_job;

namespace {

const std::vector<text_file> files{
    {"first",
     "A title\n\n  one two\n    three, with a word that is much too long for a short string: "
     "incomprehensibilities\n  One\n"},
    {"second", "caf\xc3\xa9 \x01\x02 two2two\r\n\r\nend"}};

job_result job() { return run_job(files, *std::pmr::new_delete_resource()); }

bool differ(const job_result& a, const job_result& b) {
  const bool found = difference(a, b).has_value();
  BOOST_TEST(found == difference(b, a).has_value());
  BOOST_TEST(found == (digest(a) != digest(b)));
  return found;
}

node& paragraph(job_result& result) { return result.tree.children[0].children[1]; }

/// Puts a resource in the place of the default one for as long as it lives.
class default_resource {
 public:
  explicit default_resource(std::pmr::memory_resource* now) : before_(std::pmr::set_default_resource(now)) {}
  default_resource(const default_resource&) = delete;
  default_resource& operator=(const default_resource&) = delete;
  ~default_resource() { std::pmr::set_default_resource(before_); }

 private:
  std::pmr::memory_resource* before_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(words)

BOOST_AUTO_TEST_CASE(a_word_is_letters_and_utf_8_and_knows_its_place) {
  std::string seen;
  for_each_word("ab1c\n\n \xc3\xa4\xc3\xb6 z", [&](std::string_view word, std::size_t line, std::size_t column) {
    seen += std::string(word) + '@' + std::to_string(line) + ':' + std::to_string(column) + ' ';
  });
  BOOST_TEST(seen == "ab@1:1 c@1:4 \xc3\xa4\xc3\xb6@3:2 z@3:7 ");
}

BOOST_AUTO_TEST_CASE(there_are_no_words_in_bytes_that_are_no_letters) {
  for_each_word(std::string_view("\0\x01 12\n", 6),
                [](std::string_view word, std::size_t, std::size_t) { BOOST_ERROR("found " << word); });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(job_results)

BOOST_AUTO_TEST_CASE(the_index_has_all_places_of_a_word_whatever_its_case) {
  const job_result result = job();
  const std::pmr::vector<occurrence> one{{0, 3, 3}, {0, 5, 3}};
  const std::pmr::vector<occurrence> two{{0, 3, 7}, {1, 1, 10}, {1, 1, 14}};
  BOOST_TEST((result.index.at("one") == one));
  BOOST_TEST((result.index.at("two") == two));
  BOOST_TEST(result.index.count("caf\xc3\xa9") == 1u);
  BOOST_TEST(result.index.count("One") == 0u);
}

BOOST_AUTO_TEST_CASE(lines_nest_by_indentation_in_paragraphs) {
  job_result result = job();
  BOOST_TEST(result.tree.children.size() == 2u);
  const node& file = result.tree.children[0];
  BOOST_TEST(file.text == "first");
  BOOST_TEST(file.attributes.at("lines") == "5");
  BOOST_TEST(file.children.size() == 2u);
  const node& lines = paragraph(result);
  BOOST_TEST(lines.children.size() == 2u);
  BOOST_TEST(lines.children[0].text == "one two");
  BOOST_TEST(lines.children[0].children[0].attributes.at("indent") == "4");
  BOOST_TEST(lines.children[1].text == "One");
  BOOST_TEST(lines.children[1].attributes.at("line") == "5");
}

BOOST_AUTO_TEST_CASE(nesting_ends_at_the_deepest_line) {
  std::string steps;
  for (std::size_t indent = 0; indent < 2 * deepest_line; ++indent) steps += std::string(indent, ' ') + "x\n";
  const job_result result = run_job({{"steps", steps}}, *std::pmr::new_delete_resource());
  std::size_t depth = 0;
  const node* element = &result.tree.children[0].children[0];
  for (; !element->children.empty(); element = &element->children[0]) ++depth;
  BOOST_TEST(depth == deepest_line);
}

BOOST_AUTO_TEST_CASE(nothing_comes_from_another_resource) {
  std::pmr::monotonic_buffer_resource memory(std::pmr::new_delete_resource());
  const default_resource none(std::pmr::null_memory_resource());
  const job_result result = run_job(files, memory);
  BOOST_TEST(result.tree.children.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(comparison)

BOOST_AUTO_TEST_CASE(equal_jobs_have_equal_results_in_any_resource) {
  std::pmr::monotonic_buffer_resource memory;
  BOOST_TEST(!differ(job(), job()));
  BOOST_TEST(!differ(job(), run_job(files, memory)));
}

BOOST_AUTO_TEST_CASE(a_missing_word_is_a_difference) {
  job_result other = job();
  other.index.erase("incomprehensibilities");
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(a_moved_word_is_a_difference) {
  job_result other = job();
  ++other.index.at("two").back().column;
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(a_place_too_many_is_a_difference) {
  job_result other = job();
  other.index.at("two").push_back({1, 3, 1});
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(another_text_deep_in_the_tree_is_a_difference) {
  job_result other = job();
  paragraph(other).children[0].children[0].text.back() = '!';
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(another_kind_is_a_difference) {
  job_result other = job();
  paragraph(other).kind = "heading";
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(another_attribute_is_a_difference) {
  job_result other = job();
  paragraph(other).children[1].attributes.at("words") = "2";
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(a_child_too_few_is_a_difference) {
  job_result other = job();
  paragraph(other).children.pop_back();
  BOOST_TEST(differ(job(), other));
}

BOOST_AUTO_TEST_CASE(the_difference_is_named) {
  job_result other = job();
  ++other.index.at("two").back().column;
  BOOST_TEST(*difference(job(), other) == "the word \"two\" is in the index with other places");
}

BOOST_AUTO_TEST_SUITE_END()
