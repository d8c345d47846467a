// Promises about a resource as a whole.

#include <allot/testing/default_resource_guard.hpp>
#include <deque>
#include <list>
#include <memory_resource>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench.hpp"
#include "checks.hpp"

namespace allot::testing::conformance {
namespace {

std::vector<counting_resource::call> requests_of(std::vector<counting_resource::call> calls, std::size_t from) {
  calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(from));
  calls.erase(std::remove_if(calls.begin(), calls.end(),
                             [](const auto& call) { return call.what != counting_resource::call::kind::allocate; }),
              calls.end());
  return calls;
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

}  // namespace

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

}  // namespace allot::testing::conformance
