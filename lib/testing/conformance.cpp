#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/testing/conformance.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <numeric>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <sstream>
#include <unordered_map>

namespace allot::testing {
namespace {

constexpr std::size_t most_findings_per_promise = 5;
constexpr std::size_t most_upstream_bytes = std::size_t{256} << 20;  // of one request
constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

/// Collects what is found; the first few of each promise.
class findings {
 public:
  explicit findings(conformance_report& report) : report_(report) {}

  template <class... Parts>
  void add(const std::string& promise, const Parts&... parts) {
    const auto same = std::count_if(report_.failures.begin(), report_.failures.end(),
                                    [&](const auto& failure) { return failure.promise == promise; });
    if (static_cast<std::size_t>(same) >= most_findings_per_promise) return;
    std::ostringstream text;
    (text << ... << parts);
    report_.failures.push_back({promise, text.str()});
  }

  template <class... Parts>
  bool expect(bool condition, const std::string& promise, const Parts&... parts) {
    if (!condition) add(promise, parts...);
    return condition;
  }

  conformance_report& report() { return report_; }

 private:
  conformance_report& report_;
};

struct size_and_alignment {
  std::size_t bytes;
  std::size_t alignment;
  std::size_t cost() const { return bytes + alignment; }
};

std::ostream& operator<<(std::ostream& out, const size_and_alignment& request) {
  return out << "allocate(" << request.bytes << ", " << request.alignment << ")";
}

/// The memory below it all. Blocks are aligned as asked for and no better, so that nobody can count on luck; and the
/// same requests get addresses equal modulo 256, so that padding is the same in two instances that are compared.
class plain_memory final : public std::pmr::memory_resource {
 private:
  static constexpr std::size_t modulus = 256;
  static std::size_t base_alignment(std::size_t alignment) { return std::max(2 * alignment, modulus); }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (alignment > most_upstream_bytes) throw std::bad_alloc();
    return static_cast<std::byte*>(memory_.allocate(bytes + alignment, base_alignment(alignment))) + alignment;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    memory_.deallocate(static_cast<std::byte*>(p) - alignment, bytes + alignment, base_alignment(alignment));
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource& memory_ = *std::pmr::new_delete_resource();
};

/// An instance of the subject on an upstream that counts and can fail, and the blocks it handed out.
class bench {
 public:
  bench(const conformance_subject& subject, findings& found)
      : found_(found),
        frees_all_(subject.frees_at_destruction),
        memory_(subject.make(failing_)),
        budget_(subject.capacity),
        blocks_at_first_(counting_.live_blocks()) {}

  ~bench() { finish(); }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  struct block {
    std::size_t bytes;
    std::size_t alignment;
    unsigned pattern;
  };
  using handle = unsigned char*;

  /// Asks for memory and checks what comes: not null, aligned, apart from every other block, writable over its whole
  /// length. Whatever the resource throws passes on.
  handle allocate(size_and_alignment request) {
    // Through a volatile: compilers take for granted that allocate() returns no null, and would drop the check for it.
    void* volatile const returned = memory_->allocate(request.bytes, request.alignment);
    auto* const p = static_cast<handle>(returned);
    spend(request);
    if (!found_.expect(p != nullptr, request.bytes == 0 ? "zero size" : "contents", request, " returned null"))
      return nullptr;
    found_.expect(is_aligned(p, request.alignment), "alignment", request, " returned ", static_cast<void*>(p));
    const std::size_t bytes = std::max<std::size_t>(request.bytes, 1);
    if (const block* other = overlapping(p, bytes)) {
      const bool about_zero = request.bytes == 0 || other->bytes == 0;
      found_.add(about_zero ? "zero size" : "distinct blocks", request, " overlaps a live block of ", other->bytes,
                 " bytes");
      return nullptr;
    }
    const unsigned pattern = ++last_pattern_;
    blocks_.emplace(p, block{request.bytes, request.alignment, pattern});
    std::memset(p, byte_of(pattern), request.bytes);
    ++found_.report().served;
    return p;
  }

  /// The same where a refusal is a finding unless the stated capacity does not cover the request.
  handle must_allocate(size_and_alignment request) {
    const bool covered = request.cost() <= budget_;
    try {
      return allocate(request);
    } catch (const std::bad_alloc& refusal) {
      if (covered) {
        found_.add("capacity", request, " was refused within the stated capacity: ", refusal.what());
      } else {
        ++found_.report().beyond_capacity;
      }
    } catch (...) {
      found_.add("exception type", request, " threw something that is no std::bad_alloc");
    }
    return nullptr;
  }

  void deallocate(handle p) {
    const auto held = blocks_.find(p);
    if (held == blocks_.end()) return;
    const block truth = held->second;
    verify(p, truth);
    blocks_.erase(held);
    memory_->deallocate(p, truth.bytes, truth.alignment);
  }

  void verify_all() {
    for (const auto& [p, truth] : blocks_) verify(p, truth);
  }

  void deallocate_all() {
    while (!blocks_.empty()) deallocate(blocks_.begin()->first);
  }

  /// Blocks that release() or the destructor is to give back.
  void forget_all() { blocks_.clear(); }

  std::size_t bytes_of(handle p) const { return blocks_.at(p).bytes; }

  /// After try_expand: the block has that many bytes now.
  void resized(handle p, std::size_t bytes) {
    block& held = blocks_.at(p);
    held.bytes = bytes;
    std::memset(p, byte_of(held.pattern), bytes);
  }

  bool covers(size_and_alignment request) const { return request.cost() <= budget_; }
  std::size_t budget() const { return budget_; }
  std::pmr::memory_resource& memory() { return *memory_; }
  resource* ours() { return as_resource(memory_.get()); }
  counting_resource& counting() { return counting_; }
  failing_resource& failing() { return failing_; }
  std::size_t blocks_at_first() const { return blocks_at_first_; }

  /// What must be the same before and after a call that failed.
  struct state {
    memory_usage usage;
    counting_resource::summary upstream;
    friend bool operator==(const state& a, const state& b) { return a.usage == b.usage && a.upstream == b.upstream; }
    friend std::ostream& operator<<(std::ostream& out, const state& s) {
      out << "used " << s.usage.used << ", committed " << s.usage.committed << ", reserved " << s.usage.reserved
          << ", peak " << s.usage.peak << ", wasted " << s.usage.wasted << ", upstream " << s.upstream.bytes
          << " bytes in " << s.upstream.blocks << " blocks (digest " << s.upstream.digest << ')';
      return out;
    }
  };
  state now() { return {ours() != nullptr ? ours()->usage() : memory_usage{}, counting_.live()}; }

  /// Destroys the instance and looks at what it left upstream.
  void finish() {
    if (memory_ == nullptr) return;
    verify_all();
    if (ours() != nullptr) found_.expect(ours()->check(), "vocabulary", "check() finds a broken invariant");
    if (!frees_all_) deallocate_all();
    memory_.reset();
    found_.expect(counting_.live_blocks() == 0, "leak", counting_.live_blocks(), " upstream blocks (",
                  counting_.live_bytes(), " bytes) were not given back by the destructor");
    for (const std::string& mismatch : counting_.mismatches()) found_.add("upstream pairing", mismatch);
    counting_.reclaim();
  }

 private:
  static unsigned char byte_of(unsigned pattern) { return static_cast<unsigned char>(pattern * 37 + 11); }

  void spend(size_and_alignment request) {
    if (budget_ != conformance_subject::unlimited) budget_ -= std::min(budget_, request.cost());
  }

  const block* overlapping(handle p, std::size_t bytes) const {
    auto after = blocks_.lower_bound(p);
    if (after != blocks_.end() && address_of(after->first) - address_of(p) < bytes) return &after->second;
    if (after == blocks_.begin()) return nullptr;
    --after;
    const bool reaches = address_of(p) - address_of(after->first) < std::max<std::size_t>(after->second.bytes, 1);
    return reaches ? &after->second : nullptr;
  }

  void verify(handle p, const block& truth) {
    // All bytes are the pattern if the first is and each equals the next.
    const bool whole =
        truth.bytes == 0 || (*p == byte_of(truth.pattern) && std::memcmp(p, p + 1, truth.bytes - 1) == 0);
    found_.expect(whole, "contents", "a block of ", truth.bytes, " bytes changed while it was live");
  }

  findings& found_;
  bool frees_all_;
  plain_memory plain_;
  counting_resource counting_{&plain_, most_upstream_bytes};
  failing_resource failing_{&counting_};
  std::unique_ptr<std::pmr::memory_resource> memory_;
  std::size_t budget_;
  std::size_t blocks_at_first_;  // upstream, taken by the constructor
  std::map<handle, block> blocks_;
  unsigned last_pattern_ = 0;
};

enum class order { same, reverse, random };

std::vector<std::size_t> grid_sizes() {
  std::set<std::size_t> sizes{0,  1,  2,  3,  5,  7,  8,   9,   15,  16,  17,  24,  31,  33,
                              40, 48, 63, 64, 65, 72, 100, 127, 129, 255, 257, 511, 1000};
  const std::size_t page = os::facts().page_size;
  for (std::size_t edge : {page, std::size_t{64} << 10, std::size_t{1} << 20})
    for (std::size_t size : {edge - 1, edge, edge + 1}) sizes.insert(size);
  return {sizes.begin(), sizes.end()};
}

std::vector<size_and_alignment> grid(std::size_t largest_alignment) {
  std::vector<size_and_alignment> cells;
  for (std::size_t bytes : grid_sizes()) {
    const std::size_t step = bytes > (std::size_t{128} << 10) ? 16 : 2;  // large blocks cost time: fewer of them
    for (std::size_t alignment = 1; alignment <= largest_alignment; alignment *= step)
      cells.push_back({bytes, alignment});
  }
  return cells;
}

void check_grid(const conformance_subject& subject, findings& found, const conformance_options& options,
                order free_order) {
  bench on(subject, found);
  std::vector<bench::handle> handles;
  for (const size_and_alignment& cell : grid(options.largest_alignment))
    if (auto* p = on.must_allocate(cell)) handles.push_back(p);
  on.verify_all();
  if (free_order == order::reverse) std::reverse(handles.begin(), handles.end());
  if (free_order == order::random) std::shuffle(handles.begin(), handles.end(), std::mt19937(options.seed));
  for (auto* p : handles) on.deallocate(p);
}

/// A limited instance meets the grid a cell at a time, each on a fresh instance, so that its capacity covers more of
/// it.
void check_grid_cells(const conformance_subject& subject, findings& found, const conformance_options& options) {
  if (subject.capacity == conformance_subject::unlimited) return;
  for (const size_and_alignment& cell : grid(options.largest_alignment)) {
    if (cell.cost() > subject.capacity) continue;
    constexpr int most = 300;  // small sizes need not fill it whole at every alignment
    bench on(subject, found);
    for (int i = 0; i < most && on.covers(cell); ++i)
      if (on.must_allocate(cell) == nullptr) break;
    on.deallocate_all();
  }
}

void check_zero_size(const conformance_subject& subject, findings& found) {
  for (std::size_t alignment : {std::size_t{1}, alignof(std::max_align_t), std::size_t{64}}) {
    bench on(subject, found);
    on.must_allocate({0, alignment});
    on.must_allocate({0, alignment});
    on.must_allocate({1, alignment});
    on.must_allocate({0, alignment});
    on.deallocate_all();
  }
}

/// Live blocks come and go at random, so that freed memory is used again.
void check_churn(const conformance_subject& subject, findings& found, const conformance_options& options) {
  bench on(subject, found);
  std::mt19937 random(options.seed);
  std::vector<bench::handle> live;
  for (int step = 0; step < 3000; ++step) {
    if (!live.empty() && random() % 2 == 0) {
      const std::size_t victim = random() % live.size();
      on.deallocate(live[victim]);
      live[victim] = live.back();
      live.pop_back();
      continue;
    }
    const size_and_alignment request{random() % (random() % 20 == 0 ? 20000 : 300), std::size_t{1} << random() % 8};
    if (!on.covers(request)) break;
    if (auto* p = on.must_allocate(request)) live.push_back(p);
  }
  on.deallocate_all();
}

void expect_refusal(bench& on, findings& found, size_and_alignment request) {
  const bench::state before = on.now();
  try {
    void* p = on.memory().allocate(request.bytes, request.alignment);
    found.add("huge size", request, " returned ", p);
    return;
  } catch (const std::bad_alloc&) {
  } catch (...) {
    found.add("exception type", request, " threw something that is no std::bad_alloc");
  }
  found.expect(on.now() == before, "huge size", request, " was refused, but changed the resource");
}

void check_huge_sizes(const conformance_subject& subject, findings& found) {
  for (const bool fresh : {true, false}) {
    bench on(subject, found);
    if (!fresh) on.must_allocate({100, 8});
    for (std::size_t bytes : {huge, huge - 1, huge - 7, huge - 15, huge - 31, huge - 63, huge - 127, huge - 4095,
                              huge - 65535, huge / 2 + 1, huge / 2 + 2, huge / 2 + 4097})
      for (std::size_t alignment : {1U, 8U, 16U, 64U, 4096U, 65536U}) expect_refusal(on, found, {bytes, alignment});

    // Alignments beyond all reason may be met or refused, but never weakened.
    for (unsigned shift = 20; shift < sizeof(std::size_t) * 8; shift += 6) {
      const size_and_alignment request{1, std::size_t{1} << shift};
      const bench::state before = on.now();
      try {
        on.deallocate(on.allocate(request));
      } catch (const std::bad_alloc&) {
        found.expect(on.now() == before, "huge size", request, " was refused, but changed the resource");
      } catch (...) {
        found.add("exception type", request, " threw something that is no std::bad_alloc");
      }
    }
    on.must_allocate({100, 8});
    on.deallocate_all();
  }
}

// ---- failures
// ------------------------------------------------------------------------------------------------------------

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
      // A failure that did not reach the caller was met by asking for less: from there on the twin may differ.
      if (!threw && failing.fired() && !fired_before) comparable = false;
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
    found_.expect(on_.now() == before, "failure", request, " failed and did not leave the resource as it was");
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

enum class origin { upstream, system };

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

std::size_t check_failures(const conformance_subject& subject, findings& found, unsigned seed, origin from) {
  // Two instances pad alike only for alignments that their own addresses have: with larger ones nothing is compared.
  constexpr unsigned natural = 5;  // 1 to 16
  constexpr unsigned larger = 8;   // 1 to 128
  return inject_failures(subject, found, failure_script(subject, seed, natural), from, true) +
         inject_failures(subject, found, failure_script(subject, seed, larger), from, false);
}

// ---- release, default resource, equality, containers, vocabulary
// ---------------------------------------------------------

std::vector<counting_resource::call> requests_of(std::vector<counting_resource::call> calls, std::size_t from) {
  calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(from));
  calls.erase(std::remove_if(calls.begin(), calls.end(),
                             [](const auto& call) { return call.what != counting_resource::call::kind::allocate; }),
              calls.end());
  return calls;
}

void check_release(const conformance_subject& subject, findings& found) {
  if (!subject.release || !subject.frees_at_destruction) {
    found.report().not_tested.push_back("release: the subject has none");
    return;
  }
  bench on(subject, found);
  const auto work = [&] {
    std::size_t spent = 0;
    for (const size_and_alignment request :
         {size_and_alignment{24, 8}, {100, 64}, {5000, 16}, {1, 1}, {300, 128}, {60000, 4096}, {40, 8}}) {
      if (request.cost() > subject.capacity - spent) continue;
      spent += request.cost();
      try {
        on.allocate(request);
      } catch (...) {
        found.add("release", request, " was refused within the stated capacity");
      }
    }
    on.verify_all();
  };

  // What the constructor took may have gone back with the rest, and is then asked for again.
  std::vector<counting_resource::call> first;
  std::vector<counting_resource::call> first_from_construction;
  for (int round = 0; round < 3; ++round) {
    const std::size_t before = on.counting().calls().size();
    work();
    const auto asked = requests_of(on.counting().calls(), before);
    if (round == 0) first = asked;
    if (round == 0) first_from_construction = requests_of(on.counting().calls(), 0);
    found.expect(asked == first || asked == first_from_construction, "release",
                 "after release() the upstream is asked for something else than at first");
    on.forget_all();
    subject.release(on.memory());
    found.expect(on.counting().live_blocks() <= on.blocks_at_first(), "release", on.counting().live_blocks(),
                 " upstream blocks are still held after release()");
    const auto calls = on.counting().calls().size();
    subject.release(on.memory());
    found.expect(on.counting().calls().size() == calls, "release", "a second release() calls upstream");
  }
  // All that release() did not see: blocks at destruction.
  work();
  on.forget_all();
}

void check_default_resource(const conformance_subject& subject, findings& found) {
  bench on(subject, found);
  counting_resource instead;  // serves, so that a resource that uses it goes on
  const default_resource_guard guard(instead);
  on.must_allocate({100, 8});
  on.must_allocate({3000, 64});
  on.must_allocate({50000, 4096});
  on.deallocate_all();
  on.must_allocate({10, 1});
  if (subject.release && subject.frees_at_destruction) {
    on.forget_all();
    subject.release(on.memory());
  }
  on.finish();
  found.expect(instead.allocations() == 0, "default resource", "it was used ", instead.allocations(),
               " times after construction");
}

void check_equality(const conformance_subject& subject, findings& found) {
  bench a(subject, found);
  bench b(subject, found);
  found.expect(a.memory().is_equal(a.memory()), "equality", "an instance is not equal to itself");
  found.expect(!a.memory().is_equal(b.memory()), "equality", "two instances are equal");
  found.expect(!a.memory().is_equal(a.counting()), "equality", "an instance is equal to a resource of another kind");
}

template <class Container, class Fill>
void check_container(const conformance_subject& subject, findings& found, const char* name, Fill fill) {
  bench on(subject, found);
  try {
    Container first(&on.memory());
    fill(first);
    Container second(first, &on.memory());
    found.expect(first == second, "containers", name, ": a copy differs");
    fill(second);
    Container third(std::move(second), &on.memory());
    first = third;
    found.expect(first == third, "containers", name, ": an assigned copy differs");
    first.clear();
  } catch (const std::bad_alloc&) {
    if (subject.capacity == conformance_subject::unlimited) found.add("containers", name, " was refused memory");
  }
}

void check_containers(const conformance_subject& subject, findings& found) {
  const std::string text = "longer than any small string optimisation";
  check_container<std::pmr::vector<int>>(subject, found, "vector<int>", [](auto& v) {
    for (int i = 0; i < 1000; ++i) v.push_back(i);
  });
  check_container<std::pmr::vector<std::pmr::string>>(subject, found, "vector<string>", [&](auto& v) {
    for (int i = 0; i < 100; ++i) v.emplace_back(text);
  });
  check_container<std::pmr::deque<int>>(subject, found, "deque<int>", [](auto& d) {
    for (int i = 0; i < 1000; ++i) d.push_front(i);
  });
  check_container<std::pmr::list<int>>(subject, found, "list<int>", [](auto& l) {
    for (int i = 0; i < 300; ++i) l.push_back(i);
    l.remove_if([](int i) { return i % 3 == 0; });
  });
  check_container<std::pmr::map<int, std::pmr::string>>(subject, found, "map<int, string>", [&](auto& m) {
    for (int i = 0; i < 300; ++i) m.emplace(i * 7919 % 300, text);
    for (int i = 0; i < 100; ++i) m.erase(i);
  });
  check_container<std::pmr::unordered_map<int, int>>(subject, found, "unordered_map<int, int>", [](auto& m) {
    for (int i = 0; i < 500; ++i) m[i] = i;
    for (int i = 0; i < 250; ++i) m.erase(i);
  });
}

void check_vocabulary(const conformance_subject& subject, findings& found) {
  bench on(subject, found);
  resource* const memory = on.ours();
  if (memory == nullptr) {
    found.report().not_tested.push_back("vocabulary: the subject is no allot::resource");
    return;
  }
  found.expect(!memory->kind().empty() && !memory->name().empty(), "vocabulary", "kind() or name() is empty");
  found.expect(memory->try_allocate(huge, 8) == nullptr, "vocabulary", "try_allocate(SIZE_MAX) is not null");
  found.expect(memory->try_allocate(8, 3) == nullptr, "vocabulary", "try_allocate with alignment 3 is not null");
  found.expect(memory->try_allocate(8, 0) == nullptr, "vocabulary", "try_allocate with alignment 0 is not null");

  auto* const p = on.must_allocate({100, 16});
  const memory_usage usage = memory->usage();
  found.expect(usage.used <= usage.committed && usage.committed <= usage.reserved && usage.used <= usage.peak,
               "vocabulary", "usage() does not add up: used ", usage.used, ", committed ", usage.committed,
               ", reserved ", usage.reserved, ", peak ", usage.peak);
  if (p == nullptr) return;
  for (std::size_t wanted : {std::size_t{120}, std::size_t{60}, std::size_t{3000}, std::size_t{61}, huge, huge - 100}) {
    const std::size_t before = on.bytes_of(p);
    const unsigned char mark = *p;
    if (!memory->try_expand(p, before, wanted, 16)) continue;
    if (!found.expect(wanted < huge / 2, "vocabulary", "try_expand to ", wanted, " bytes succeeded")) return;
    found.expect(std::all_of(p, p + std::min(before, wanted), [&](unsigned char c) { return c == mark; }), "vocabulary",
                 "try_expand changed the contents");
    on.resized(p, wanted);
  }
  on.must_allocate({500, 16});
  on.verify_all();
  found.expect(memory->check(), "vocabulary", "check() finds a broken invariant");
  on.deallocate_all();
}

}  // namespace

bool conformance_report::broke(const std::string& promise) const {
  return std::any_of(failures.begin(), failures.end(),
                     [&](const finding& failure) { return failure.promise == promise; });
}

std::ostream& operator<<(std::ostream& out, const conformance_report& report) {
  out << report.name << ": " << (report.passed() ? "conforms" : "does not conform") << " (" << report.served
      << " requests served, " << report.beyond_capacity << " refused beyond the stated capacity, "
      << report.upstream_failures << " upstream and " << report.system_failures << " system failures injected, seed "
      << report.seed << ")\n";
  for (const auto& failure : report.failures) out << "  " << failure.promise << ": " << failure.detail << '\n';
  for (const auto& reason : report.not_tested) out << "  not tested: " << reason << '\n';
  return out;
}

conformance_report check_conformance(const conformance_subject& subject, const conformance_options& options) {
  conformance_report report;
  report.name = subject.name;
  report.seed = options.seed;
  findings found(report);

  check_zero_size(subject, found);
  for (const order free_order : {order::same, order::reverse, order::random})
    check_grid(subject, found, options, free_order);
  check_grid_cells(subject, found, options);
  check_churn(subject, found, options);
  check_huge_sizes(subject, found);
  check_release(subject, found);
  check_default_resource(subject, found);
  check_equality(subject, found);
  check_containers(subject, found);
  check_vocabulary(subject, found);
  report.upstream_failures = check_failures(subject, found, options.seed, origin::upstream);
  if (report.upstream_failures == 0) report.not_tested.push_back("failure of the upstream: it is never asked");
  report.system_failures = check_failures(subject, found, options.seed, origin::system);

  found.expect(report.served != 0, "capacity", "not one request was served");
  return report;
}

}  // namespace allot::testing
