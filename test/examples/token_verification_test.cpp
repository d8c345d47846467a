#include "token_verification.hpp"

#include <allot/block/reserving_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "timing.hpp"
#include "token_storage.hpp"

using namespace main_job;

namespace {

std::vector<text_file> text_of(std::size_t tokens) {
  std::string text;
  for (std::size_t i = 0; i < tokens; ++i) text += ",";
  return {{"commas", text}};
}

/// A vector that writes over what was before the last element when it grows, as one that moves its elements wrongly.
class forgetful_tokens : public std::vector<token> {
 public:
  void push_back(const token& value) {
    if (size() == capacity() && !empty()) back().line = 0;
    std::vector<token>::push_back(value);
  }
};

template <class Tokens>
class subject_with final : public token_subject {
 public:
  std::uint64_t work(const std::vector<text_file>& files) override {
    Tokens tokens;
    push_tokens(tokens, files);
    return token_digest(tokens);
  }
  inspected_tokens inspect(const std::vector<text_file>& files, const std::vector<token>& reference) override {
    Tokens tokens;
    push_tokens(tokens, files);
    return {token_difference(reference, tokens), token_digest(tokens), {}};
  }
  void reuse() override {}
};

const token_container forgetful{
    "forgetful", []() -> std::unique_ptr<token_subject> { return std::make_unique<subject_with<forgetful_tokens>>(); }};

std::vector<token_container> with_forgetful() {
  std::vector<token_container> all = token_containers();
  all.push_back(forgetful);
  return all;
}

bool names_forgetful(const mismatch& found) { return std::string(found.what()).rfind("forgetful: ", 0) == 0; }

const footprint& footprint_of(const verified_tokens& known, std::string_view name) {
  for (std::size_t i = 0; i < token_containers().size(); ++i) {
    if (token_containers()[i].name == name) return known.footprints.at(i);
  }
  throw std::out_of_range(std::string(name));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(token_verification)

BOOST_AUTO_TEST_CASE(all_containers_agree_on_any_number_of_tokens) {
  progress shown;
  for (const std::size_t count : {0U, 1U, 17U, 10000U}) {
    const verified_tokens known = verify(text_of(count), token_containers(), shown);
    BOOST_TEST(known.count == count);
    BOOST_TEST(known.footprints.size() == token_containers().size());
    for (const footprint& each : known.footprints) {
      BOOST_TEST(each.peak_live >= count * sizeof(token));
      BOOST_TEST(each.upstream_peak >= each.peak_live);
      BOOST_TEST(each.upstream_total >= each.upstream_peak);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_vector_that_grows_counts_with_both_its_buffers) {
  progress shown;
  const verified_tokens known = verify(text_of(1025), token_containers(), shown);
  BOOST_TEST(footprint_of(known, "std::vector").peak_live == (1024 + 2048) * sizeof(token));
  BOOST_TEST(footprint_of(known, "std::vector").upstream_total == 4095 * sizeof(token));
  const footprint& on_arena = footprint_of(known, "std::pmr::vector on chained_arena");
  BOOST_TEST(on_arena.peak_live == (1024 + 2048) * sizeof(token));
  BOOST_TEST(on_arena.upstream_peak >= 4095 * sizeof(token));
}

BOOST_AUTO_TEST_CASE(a_vlarray_counts_with_what_it_committed_whatever_was_kept_from_larger_ones) {
  progress shown;
  verify(text_of(300000), token_containers(), shown);
  const verified_tokens known = verify(text_of(1000), token_containers(), shown);
  for (const char* name : {"vlarray", "vlarray, 4 KiB pages"}) {
    BOOST_TEST(footprint_of(known, name).from_system);
    BOOST_TEST(footprint_of(known, name).peak_live == std::size_t{64} << 10);
  }
  BOOST_TEST(!footprint_of(known, "std::vector").from_system);
  BOOST_TEST(!footprint_of(known, "std::deque").from_system);
}

BOOST_AUTO_TEST_CASE(kept_memory_is_dropped) {
  progress shown;
  verify(text_of(300000), token_containers(), shown);
  drop_kept_memory();
  BOOST_TEST(allot::default_reserving_resource().available() == 0u);
  BOOST_TEST(small_page_storage().available() == 0u);
}

BOOST_AUTO_TEST_CASE(a_container_that_changes_a_token_is_named) {
  progress shown;
  BOOST_CHECK_EXCEPTION(verify(text_of(100), with_forgetful(), shown), mismatch, names_forgetful);
}

BOOST_AUTO_TEST_CASE(a_container_that_changes_a_token_in_a_timed_round_is_named) {
  progress shown;
  const auto files = text_of(100);
  verified_tokens known = verify(files, token_containers(), shown);
  known.footprints.emplace_back();
  BOOST_CHECK_EXCEPTION(time_all(files, with_forgetful(), known, 1, shown), mismatch, names_forgetful);
}

BOOST_AUTO_TEST_CASE(every_container_is_timed_in_every_round_with_its_bytes) {
  progress shown;
  const auto files = text_of(100);
  const verified_tokens known = verify(files, token_containers(), shown);
  const auto results = time_all(files, token_containers(), known, 3, shown);
  BOOST_TEST(results.size() == token_containers().size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    BOOST_TEST(results[i].name == token_containers()[i].name);
    BOOST_TEST(results[i].memory.peak_live == known.footprints[i].peak_live);
    BOOST_TEST(results[i].cold.size() == 3u);
    BOOST_TEST(results[i].warm.size() == 3u);
    BOOST_TEST(results[i].cold.median() > 0.0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
