#include "timing.hpp"

#include <chrono>
#include <memory_resource>

#include "job.hpp"
#include "rounds.hpp"
#include "token_storage.hpp"

namespace main_job {

namespace {

constexpr auto time_for_resources = std::chrono::seconds(17);
constexpr auto time_for_containers = std::chrono::seconds(3);

}  // namespace

std::vector<measurement> time_all(const std::vector<text_file>& files, const std::vector<strategy>& all,
                                  const verified_job& verified, std::optional<std::size_t> rounds, progress& shown) {
  // The job from the first allocation to the last deallocation; looking at the result is not on the clock.
  const auto work = [&](subject& tested, stopwatch& watch) {
    const job_result result = run_job(files, tested.memory());
    watch.pause();
    require_digest(digest(result), verified.size.digest);
    watch.resume();  // the destructors count
  };
  std::vector<contestant> contestants;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto make = [&verified, make_subject = all[i].make](stopwatch& watch) {
      watch.pause();  // reading a config is not what is compared
      auto subject = make_subject({*std::pmr::new_delete_resource(), verified.room});
      watch.resume();
      return subject;
    };
    contestants.push_back(contestant_of(all[i].name, verified.footprints[i], make, work));
  }
  return time_in_rounds(contestants, {rounds, time_for_resources}, "timing", shown);
}

std::vector<measurement> time_all(const std::vector<text_file>& files, const std::vector<token_container>& all,
                                  const verified_tokens& verified, std::optional<std::size_t> rounds, progress& shown) {
  const auto work = [&](token_subject& tested, stopwatch&) { require_digest(tested.work(files), verified.digest); };
  std::vector<contestant> contestants;
  for (std::size_t i = 0; i < all.size(); ++i) {
    contestants.push_back(contestant_of(
        all[i].name, verified.footprints[i], [make = all[i].make](stopwatch&) { return make(); }, work));
    contestants.back().cold = [cold = contestants.back().cold] {
      drop_kept_memory();
      return cold();
    };
  }
  return time_in_rounds(contestants, {rounds, time_for_containers}, "timing tokens", shown);
}

}  // namespace main_job
