#include "rounds.hpp"

#include <algorithm>
#include <future>
#include <thread>

namespace main_job {

namespace {

constexpr std::size_t fewest_rounds = 1;
constexpr std::size_t most_rounds = 25;

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

std::size_t rounds_that_fit(std::chrono::duration<double> time, std::chrono::duration<double> one_round) {
  const double fitting = std::min(time / one_round, static_cast<double>(most_rounds));
  return std::max(static_cast<std::size_t>(fitting), fewest_rounds);
}

}  // namespace

double stopwatch::milliseconds() const noexcept {
  const clock::duration least = std::chrono::nanoseconds(1);
  return std::chrono::duration<double, std::milli>(std::max(elapsed_, least)).count();
}

void require_digest(std::uint64_t found, std::uint64_t expected) {
  if (found != expected) throw mismatch("a timed round gave another digest");
}

std::vector<measurement> time_in_rounds(const std::vector<contestant>& all, duration_wanted wanted,
                                        const std::string& title, progress& shown) {
  std::vector<measurement> results;
  for (const contestant& each : all) results.push_back({each.name, each.memory, {}, {}});

  const idle_thread second_thread;
  auto& rounds = wanted.rounds;
  for (std::size_t round = 0; !rounds || round < *rounds; ++round) {
    const std::string step =
        title + ", round " + std::to_string(round + 1) + (rounds ? " of " + std::to_string(*rounds) : "");
    shown.show(step);
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < all.size(); ++i) {
      shown.show_detail(step + ": " + std::string(all[i].name));
      try {
        results[i].cold.add(all[i].cold());
        results[i].warm.add(all[i].warm());
      } catch (const mismatch& found) {
        throw mismatch(std::string(all[i].name) + ": " + found.what());
      }
    }
    if (!rounds) rounds = rounds_that_fit(wanted.otherwise, std::chrono::steady_clock::now() - begin);
  }
  return results;
}

}  // namespace main_job
