#include "timing.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <memory_resource>
#include <string>
#include <thread>

#include "job.hpp"

namespace main_job {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::duration<double> time_to_fill = std::chrono::seconds(20);
constexpr std::size_t fewest_rounds = 1;
constexpr std::size_t most_rounds = 25;

class stopwatch {
 public:
  void start() noexcept { started_ = clock::now(); }
  void stop() noexcept { elapsed_ += clock::now() - started_; }
  double milliseconds() const noexcept { return std::chrono::duration<double, std::milli>(elapsed_).count(); }

 private:
  clock::time_point started_;
  clock::duration elapsed_{};
};

/// A second thread that sleeps. Without one glibc leaves out its locks, which few programs of today can hope for.
class idle_thread {
 public:
  idle_thread() : thread_([end = end_.get_future()] { end.wait(); }) {}
  idle_thread(const idle_thread&) = delete;
  idle_thread& operator=(const idle_thread&) = delete;
  ~idle_thread() {
    end_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> end_;
  std::thread thread_;
};

/// The job from the first allocation to the last deallocation; looking at the result is not on the clock.
void timed_job(const std::vector<text_file>& files, std::pmr::memory_resource& memory, std::uint64_t expected,
               stopwatch& watch) {
  watch.start();
  const job_result result = run_job(files, memory);
  watch.stop();
  if (digest(result) != expected) throw mismatch("a timed round gave another digest");
  watch.start();  // the destructors count; the caller stops
}

double cold_milliseconds(const std::vector<text_file>& files, const strategy& measured, const verified_job& verified) {
  stopwatch making;
  making.start();
  auto fresh = measured.make({*std::pmr::new_delete_resource(), verified.room});
  making.stop();
  stopwatch working;
  timed_job(files, fresh->memory(), verified.size.digest, working);
  fresh.reset();
  working.stop();
  return making.milliseconds() + working.milliseconds();
}

double warm_milliseconds(const std::vector<text_file>& files, const strategy& measured, const verified_job& verified) {
  const auto kept = measured.make({*std::pmr::new_delete_resource(), verified.room});
  run_job(files, kept->memory());
  kept->reuse();
  stopwatch working;
  timed_job(files, kept->memory(), verified.size.digest, working);
  kept->reuse();
  working.stop();
  return working.milliseconds();
}

std::size_t rounds_that_fit(clock::duration one_round) {
  const double fitting = time_to_fill / std::chrono::duration<double>(one_round);
  return std::clamp(static_cast<std::size_t>(fitting), fewest_rounds, most_rounds);
}

}  // namespace

std::vector<measurement> time_all(const std::vector<text_file>& files, const std::vector<strategy>& all,
                                  const verified_job& verified, std::optional<std::size_t> rounds, progress& shown) {
  std::vector<measurement> results;
  for (std::size_t i = 0; i < all.size(); ++i) results.push_back({all[i].name, verified.footprints[i], {}, {}});

  const idle_thread second_thread;
  for (std::size_t round = 0; !rounds || round < *rounds; ++round) {
    const std::string title =
        "timing, round " + std::to_string(round + 1) + (rounds ? " of " + std::to_string(*rounds) : "");
    shown.show(title);
    const auto begin = clock::now();
    for (std::size_t i = 0; i < all.size(); ++i) {
      shown.show_detail(title + ": " + std::string(all[i].name));
      try {
        results[i].cold.add(cold_milliseconds(files, all[i], verified));
        results[i].warm.add(warm_milliseconds(files, all[i], verified));
      } catch (const mismatch& found) {
        throw mismatch(std::string(all[i].name) + ": " + found.what());
      }
    }
    if (!rounds) rounds = rounds_that_fit(clock::now() - begin);
  }
  return results;
}

}  // namespace main_job
