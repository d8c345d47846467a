#include "verification.hpp"

#include <allot/arena/monotonic_arena.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <memory_resource>
#include <string>

#include "job.hpp"
#include "timing.hpp"

using namespace main_job;

namespace {

const std::vector<text_file> files{
    {"poem", "some lines that are long enough to need memory\n  and one more of that kind\n"}};

/// Writes over the first byte of a text when the next one is asked for. Only texts have blocks aligned to a single
/// byte.
class spoiling_resource final : public std::pmr::memory_resource {
 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = memory_.allocate(bytes, alignment);
    if (alignment == 1) {
      if (last_text_ != nullptr) *last_text_ = '#';
      last_text_ = static_cast<char*>(p);
    }
    return p;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::monotonic_buffer_resource memory_;
  char* last_text_ = nullptr;
};

class spoiled final : public subject {
 public:
  std::pmr::memory_resource& memory() noexcept override { return memory_; }
  void reuse() override {}

 private:
  spoiling_resource memory_;
};

const strategy spoils_text{"spoils text",
                           [](const surroundings&) -> std::unique_ptr<subject> { return std::make_unique<spoiled>(); }};

const std::vector<strategy> resources = strategies();

const footprint& footprint_of(const verified_job& job, std::string_view name) {
  for (std::size_t i = 0; i < resources.size(); ++i) {
    if (resources[i].name == name) return job.footprints.at(i);
  }
  throw std::out_of_range(std::string(name));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(verification)

BOOST_AUTO_TEST_CASE(all_strategies_agree_and_their_bytes_are_counted) {
  progress shown;
  const verified_job job = verify(files, resources, shown);
  BOOST_TEST(job.footprints.size() == resources.size());
  BOOST_TEST(job.size.files == 1u);
  BOOST_TEST(job.size.words == 15u);
  BOOST_TEST(job.size.nodes == 5u);
  for (const footprint& each : job.footprints) {
    BOOST_TEST(each.peak_live == job.footprints.front().peak_live);
    BOOST_TEST(each.upstream_peak >= each.peak_live);
    BOOST_TEST(each.upstream_total >= each.upstream_peak);
  }
}

BOOST_AUTO_TEST_CASE(only_what_goes_to_the_system_is_counted_there) {
  progress shown;
  const verified_job job = verify(files, resources, shown);
  BOOST_TEST(!footprint_of(job, "new_delete_resource").from_system);
  BOOST_TEST(!footprint_of(job, "chained_arena").from_system);
  BOOST_TEST(footprint_of(job, "chained_arena, virtual blocks").from_system);
  BOOST_TEST(footprint_of(job, "chained_arena on page_resource").from_system);
  BOOST_TEST(footprint_of(job, "monotonic_arena").from_system);
  BOOST_TEST(footprint_of(job, "monotonic_arena, huge pages").from_system);
  BOOST_TEST(!footprint_of(job, "monotonic_arena on an upstream block").from_system);
  BOOST_TEST(footprint_of(job, "scratch_pair").from_system);
}

BOOST_AUTO_TEST_CASE(what_cannot_grow_is_told_how_much_room_a_job_takes) {
  progress shown;
  const verified_job job = verify(files, resources, shown);
  allot::monotonic_arena exact(job.room, std::pmr::new_delete_resource());
  BOOST_TEST((digest(run_job(files, exact)) == job.size.digest));
  BOOST_TEST(exact.usage().peak <= job.room);
  BOOST_TEST(footprint_of(job, "monotonic_arena on an upstream block").upstream_total == job.room);
}

BOOST_AUTO_TEST_CASE(a_resource_that_spoils_a_byte_is_named) {
  progress shown;
  std::vector<strategy> all = resources;
  all.push_back(spoils_text);
  BOOST_CHECK_EXCEPTION(verify(files, all, shown), mismatch,
                        [](const mismatch& found) { return std::string(found.what()).rfind("spoils text: ", 0) == 0; });
}

BOOST_AUTO_TEST_CASE(a_resource_that_spoils_a_byte_in_a_timed_round_is_named) {
  progress shown;
  verified_job job = verify(files, resources, shown);
  job.footprints.push_back({});
  std::vector<strategy> all = resources;
  all.push_back(spoils_text);
  BOOST_CHECK_EXCEPTION(time_all(files, all, job, 1, shown), mismatch,
                        [](const mismatch& found) { return std::string(found.what()).rfind("spoils text: ", 0) == 0; });
}

BOOST_AUTO_TEST_CASE(every_strategy_is_timed_in_every_round) {
  progress shown;
  const verified_job job = verify(files, resources, shown);
  const auto results = time_all(files, resources, job, 3, shown);
  BOOST_TEST(results.size() == resources.size());
  for (const measurement& each : results) {
    BOOST_TEST(each.cold.size() == 3u);
    BOOST_TEST(each.warm.size() == 3u);
    BOOST_TEST(each.cold.median() > 0.0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
