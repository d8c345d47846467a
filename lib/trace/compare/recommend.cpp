#include <algorithm>
#include <allot/trace/compare.hpp>
#include <allot/trace/trace_profile.hpp>
#include <cmath>
#include <stdexcept>

#include "figures.hpp"
#include "noise.hpp"

namespace allot {
namespace {

using namespace comparing;

bool served_all(const comparison& row) { return row.result.refused == 0 && row.result.damaged == 0; }

double memory_of(const comparison& row) { return static_cast<double>(row.result.peak_committed); }

std::string percent(double share) { return decimals(std::fabs(share) * 100, std::fabs(share) < 0.1 ? 1 : 0) + " %"; }

/// What counts, and how it is put into words.
class judge {
 public:
  explicit judge(recommend_for what) : what_(what) {}

  /// Whether it told what counts.
  bool known(const comparison& row) const {
    if (what_ == recommend_for::memory) return row.result.peak_committed != 0;
    return what_ == recommend_for::time || row.result.latency.calls != 0;
  }

  double measure(const comparison& row) const {
    switch (what_) {
      case recommend_for::memory:
        return memory_of(row);
      case recommend_for::latency:
        return row.result.latency.p999;
      case recommend_for::time:
        break;
    }
    return row.seconds;
  }

  /// Of two that told it.
  difference between(const comparison& least, const comparison& row) const {
    switch (what_) {
      case recommend_for::memory:
        return {memory_of(row) / memory_of(least) - 1, 0};  // it hardly varies
      case recommend_for::latency:
        return comparing::between(least.latencies, row.latencies);
      case recommend_for::time:
        break;
    }
    return comparing::between(least.rounds, row.rounds);
  }

  bool as_good(const difference& is) const { return is.more <= std::max(is.noise, too_little_to_matter()); }

  bool close(const difference& is) const { return is.more <= std::max(0.03, too_little_to_matter()); }

  double too_little_to_matter() const { return what_ == recommend_for::latency ? 0.05 : 0.01; }

  /// Among those as good; less is better. Foreign resources do not tell their memory.
  double second_measure(const comparison& row) const {
    if (what_ == recommend_for::memory) return row.seconds;
    return row.result.peak_committed != 0 ? memory_of(row) : HUGE_VAL;
  }

  std::string takes(const comparison& row) const {
    switch (what_) {
      case recommend_for::memory:
        return row.name + " needs " + bytes_text(row.result.peak_committed);
      case recommend_for::latency:
        return "99.9 % of the calls to " + row.name + " take at most " + time_text(row.result.latency.p999);
      case recommend_for::time:
        break;
    }
    return row.name + " takes " + decimals(row.seconds * 1e3, 2) + " ms";
  }

  std::string second(const comparison& row) const {
    return what_ == recommend_for::memory ? "takes " + decimals(row.seconds * 1e3, 2) + " ms"
                                          : "needs " + bytes_text(row.result.peak_committed);
  }

  std::string not_known() const {
    return what_ == recommend_for::memory ? " does not tell what memory it needs" : " was not timed call by call";
  }

 private:
  recommend_for what_;
};

/// The one that takes least. Where the machine was faster in some rounds than in others, medians may name another than
/// the one that takes less round by round: that counts.
std::size_t least_of(const std::vector<comparison>& rows, const std::vector<std::size_t>& all, const judge& by) {
  std::size_t least = *std::min_element(
      all.begin(), all.end(), [&](std::size_t a, std::size_t b) { return by.measure(rows[a]) < by.measure(rows[b]); });
  for (std::size_t tries = 0; tries < all.size(); ++tries) {
    std::size_t next = least;
    double most_ahead = 0;
    for (const std::size_t i : all) {
      const difference is = by.between(rows[least], rows[i]);
      if (is.more >= -is.noise || is.more >= most_ahead) continue;
      next = i;
      most_ahead = is.more;
    }
    if (next == least) break;
    least = next;
  }
  return least;
}

/// The rule of ties. `close` has the least one, too.
std::size_t best_of(const std::vector<comparison>& rows, const std::vector<std::size_t>& close, const judge& by) {
  double second = HUGE_VAL;
  for (const std::size_t i : close) second = std::min(second, by.second_measure(rows[i]));
  const auto none = close.end();
  auto best = none;
  for (auto i = close.begin(); i != none; ++i) {
    if (by.second_measure(rows[*i]) > second * 1.01) continue;
    if (best == none || by.measure(rows[*i]) < by.measure(rows[*best])) best = i;
  }
  return *best;
}

std::string why_not(const comparison& row, const comparison& best, const difference& is, bool as_good,
                    const judge& by) {
  if (!as_good) return row.name + " takes " + decimals(by.measure(row) / by.measure(best), 2) + " times as much";
  if (is.noise <= by.too_little_to_matter())
    return row.name + " is as good: it differs by " + percent(is.more) + ", which does not matter";
  return row.name + " is as good, as far as these rounds can tell: it differs by " + percent(is.more) +
         ", and they are sure to " + percent(is.noise);
}

}  // namespace

recommendation recommend(const replay_program& program, const std::vector<comparison>& rows, recommend_for what) {
  const judge by(what);
  std::vector<std::size_t> counting;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (served_all(rows[i]) && by.known(rows[i])) counting.push_back(i);
  if (counting.empty()) {
    const bool some = std::any_of(rows.begin(), rows.end(), served_all);
    throw std::invalid_argument(std::string("recommend: no candidate ") +
                                (some ? "told what counts" : "served all requests"));
  }
  const std::size_t least = least_of(rows, counting, by);
  recommendation made;
  std::vector<std::size_t> tied;   // as good as the least
  std::vector<std::size_t> close;  // of these, what may be chosen for its memory: noise is no reason to take far more
  for (const std::size_t i : counting) {
    const difference is = by.between(rows[least], rows[i]);
    if (i != least && !by.as_good(is)) continue;
    tied.push_back(i);
    if (i == least || by.close(is)) close.push_back(i);
  }
  made.best = best_of(rows, close, by);
  for (const std::size_t i : tied)
    if (i != made.best) made.as_good.push_back(i);

  const comparison& best = rows[made.best];
  made.reasons = traits_of(profile_of(program));
  if (best.result.left_out != 0)
    made.reasons.push_back(std::to_string(best.result.left_out) +
                           " blocks were left out, as there is not the memory for them here");
  made.reasons.push_back(by.takes(best));
  if (made.best != least)
    made.reasons.push_back(best.name + " " + by.second(best) + ", so it is chosen among those that are as good; " +
                           rows[least].name + " " +
                           (by.second_measure(rows[least]) == HUGE_VAL ? "does not tell" : by.second(rows[least])));
  const std::size_t live = best.result.peak_live;
  constexpr std::size_t much = 4;
  if (live != 0 && best.result.peak_committed / much > live)
    made.reasons.push_back(best.name + " holds " + std::to_string(best.result.peak_committed / live) +
                           " times the bytes that live at most");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == made.best) continue;
    if (!served_all(rows[i])) {
      made.reasons.push_back(rows[i].name + " cannot serve all requests");
    } else if (!by.known(rows[i])) {
      made.reasons.push_back(rows[i].name + by.not_known());
    } else {
      const bool as_good = std::find(tied.begin(), tied.end(), i) != tied.end();
      made.reasons.push_back(why_not(rows[i], best, by.between(best, rows[i]), as_good, by));
    }
  }
  return made;
}

}  // namespace allot
