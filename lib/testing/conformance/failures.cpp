// What remains true when the upstream or the system refuses.

#include <allot/os/failure_injection.hpp>
#include <optional>
#include <random>
#include <vector>

#include "bench.hpp"
#include "checks.hpp"

namespace allot::testing::conformance {
namespace {

/// Where failures come from: the upstream, or the operating system.
class failure_source {
 public:
  virtual ~failure_source() = default;
  virtual void arm(std::size_t nth, bool from_then_on) = 0;
  virtual void disarm() = 0;
  virtual bool fired() const = 0;  // since it was armed
};

class upstream_failures final : public failure_source {
 public:
  explicit upstream_failures(failing_resource& upstream) : upstream_(upstream) {}
  void arm(std::size_t nth, bool for_good) override {
    upstream_.fail_at(nth, for_good ? failing_resource::rule::from_then_on : failing_resource::rule::once);
  }
  void disarm() override { upstream_.fail_at(0); }
  bool fired() const override { return upstream_.fired(); }

 private:
  failing_resource& upstream_;
};

class system_failures final : public failure_source {
 public:
  void arm(std::size_t nth, bool for_good) override {
    using injection = os::failure_injection;
    injection_.reset();
    injection_.emplace(nth, os::os_call::any, for_good ? injection::rule::from_then_on : injection::rule::once);
  }
  void disarm() override { injection_.reset(); }
  bool fired() const override { return injection_.has_value() && injection_->fired(); }

 private:
  std::optional<os::failure_injection> injection_;
};

struct step {
  bool allocates;
  size_and_alignment request;  // of an allocation
  std::size_t victim;          // of a deallocation: which of the live blocks, counted from the oldest
};

/// A fixed sequence of calls that makes most resources ask upstream several times.
std::vector<step> failure_script(const conformance_subject& subject, unsigned seed, unsigned alignments) {
  std::vector<step> script;
  std::mt19937 random(seed);
  std::size_t spent = 0;
  std::size_t live = 0;
  for (int i = 0; i < 90; ++i) {
    if (live > 3 && random() % 3 == 0) {
      script.push_back({false, {}, random() % live});
      --live;
      continue;
    }
    const std::size_t bytes = i % 12 == 11 ? 9000 + 3000 * static_cast<std::size_t>(i) : 1 + random() % 400;
    const size_and_alignment request{bytes, std::size_t{1} << random() % alignments};
    if (subject.capacity != conformance_subject::unlimited && spent + request.cost() > subject.capacity) break;
    spent += request.cost();
    script.push_back({true, request, 0});
    ++live;
  }
  return script;
}

/// Runs the script. `failing` is armed already; when a call throws it is disarmed, checked, and the call repeated.
class script_run {
 public:
  script_run(const conformance_subject& subject, findings& found) : found_(found), on_(subject, found) {}

  bench& on() { return on_; }

  void run(const std::vector<step>& script, failure_source& failing, bool expect_injected,
           const std::vector<bench::state>* twin) {
    std::vector<bench::handle> live;
    bool comparable = twin != nullptr;
    for (std::size_t i = 0; i < script.size(); ++i) {
      const step& next = script[i];
      const bool fired_before = failing.fired();
      bool threw = false;
      if (next.allocates) {
        const bench::handle p = attempt(next.request, failing, expect_injected, threw);
        if (p == nullptr) break;
        live.push_back(p);
      } else {
        on_.deallocate(live[next.victim]);
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(next.victim));
      }
      // A failure that did not reach the caller was met by asking for less, and one that did may have cost a cache:
      // from there on the twin may differ.
      if (!threw && failing.fired() && !fired_before) comparable = false;
      if (threw && !on_.keeps_cache()) comparable = false;
      states_.push_back(on_.now());
      if (comparable)
        comparable = found_.expect(states_.back() == (*twin)[i], "failure", "step ", i, ": ", states_.back(), ", but ",
                                   (*twin)[i], " in a twin that never failed");
    }
    disarm(failing);
    on_.deallocate_all();
  }

  bool saw_failure() const { return saw_failure_; }
  const std::vector<bench::state>& states() const { return states_; }

 private:
  void disarm(failure_source& failing) {
    saw_failure_ = saw_failure_ || failing.fired();
    failing.disarm();
  }

  bench::handle attempt(size_and_alignment request, failure_source& failing, bool expect_injected, bool& threw) {
    const bench::state before = on_.now();
    try {
      return on_.allocate(request);
    } catch (const injected_failure&) {
    } catch (const std::bad_alloc&) {
      found_.expect(failing.fired(), "failure", request, " was refused though nothing failed");
      found_.expect(!expect_injected, "failure", request, ": the upstream's own exception was replaced by another");
    } catch (...) {
      found_.add("exception type", request, " threw something that is no std::bad_alloc");
    }
    threw = true;
    disarm(failing);
    found_.expect(on_.is_as(before), "failure", request, " failed and did not leave the resource as it was");
    on_.verify_all();
    try {
      return on_.allocate(request);
    } catch (...) {
      found_.add("failure", request, " is refused though the failure before it is over");
      return nullptr;
    }
  }

  findings& found_;
  bench on_;
  std::vector<bench::state> states_;
  bool saw_failure_ = false;
};

/// Runs the script once for every call that can fail, in two ways: that call alone, and all from it on.
/// @param compare  whether states are compared with a twin that never fails
std::size_t inject_failures(const conformance_subject& subject, findings& found, const std::vector<step>& script,
                            origin from, bool compare) {
  const auto source_for = [&](script_run& run) -> std::unique_ptr<failure_source> {
    if (from == origin::system) return std::make_unique<system_failures>();
    return std::make_unique<upstream_failures>(run.on().failing());
  };

  script_run twin(subject, found);
  const auto counter = source_for(twin);
  counter->arm(0, false);
  twin.run(script, *counter, false, nullptr);
  if (twin.states().size() != script.size()) {
    found.report().not_tested.push_back("failure: requests were refused without any");
    return 0;
  }

  // How many calls can fail is not known before: a failure may lead to more. Go on until none is left.
  constexpr std::size_t most = 400;
  std::size_t injected = 0;
  for (const bool from_then_on : {false, true}) {
    for (std::size_t nth = 1; nth <= most; ++nth) {
      script_run run(subject, found);
      const auto source = source_for(run);
      source->arm(nth, from_then_on);
      run.run(script, *source, from == origin::upstream, compare ? &twin.states() : nullptr);
      if (!run.saw_failure()) break;
      ++injected;
    }
  }
  return injected;
}

}  // namespace

std::size_t check_failures(const conformance_subject& subject, findings& found, unsigned seed, origin from) {
  // Two instances pad alike only for alignments that their own addresses have: with larger ones nothing is compared.
  constexpr unsigned natural = 5;  // 1 to 16
  constexpr unsigned larger = 8;   // 1 to 128
  return inject_failures(subject, found, failure_script(subject, seed, natural), from, true) +
         inject_failures(subject, found, failure_script(subject, seed, larger), from, false);
}

}  // namespace allot::testing::conformance
