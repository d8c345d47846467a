#include <benchmark/benchmark.h>

#include <algorithm>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "support/access.hpp"

namespace {

using allot::reserving_resource;
using allot::vlarray;
using benchmark::State;

reserving_resource& small_pages() {
  static reserving_resource storage([] {
    allot::reserving_resource_options options;
    options.huge_pages = false;
    return options;
  }());
  return storage;
}

/// Nothing is kept for the next array.
reserving_resource& no_cache() {
  static reserving_resource storage([] {
    allot::reserving_resource_options options;
    options.cached_ranges = 0;
    return options;
  }());
  return storage;
}

template <class Array>
void push_ints(Array& array, int count) {
  for (int i = 0; i < count; ++i) array.push_back(i);
  benchmark::DoNotOptimize(array.data());
  benchmark::ClobberMemory();
}

// ---- large arrays, from nothing, given back at the end

constexpr int large_count = 100'000'000;
constexpr int strings_count = 10'000'000;

/// As fill_rounds() of arena_bench.cpp: a round that is not timed goes before each. Memory kept by a cache of ours is
/// given back between them, so that the timed round meets all its page faults.
template <class Round>
void cold_rounds(State& state, Round round) {
  for (auto _ : state) {
    state.PauseTiming();
    round();
    small_pages().trim();
    allot::default_reserving_resource().trim();
    state.ResumeTiming();
    round();
  }
}

template <class Make>
void fill_ints(State& state, Make make) {
  double most_resident = 0;
  cold_rounds(state, [&] {
    const auto before = static_cast<double>(allot::test::resident());
    auto array = make();
    for (int i = 0; i < large_count; ++i) array.push_back(i);
    benchmark::DoNotOptimize(array.data());
    const double grown = static_cast<double>(allot::test::resident()) - before;
    most_resident = std::max(most_resident, grown / (double{large_count} * sizeof(int)));
  });
  state.counters["resident, parts of the data"] = most_resident;
}

/// What no array can be faster than: ints stored one after the other over fresh pages.
void fill_bare(State& state, bool huge_pages) {
  cold_rounds(state, [&] {
    const std::size_t bytes = allot::align_up(std::size_t{large_count} * sizeof(int), allot::os::facts().page_size);
    const std::size_t large = huge_pages ? allot::os::facts().advised_page_size : 0;
    const auto pages = allot::os::map(bytes, std::max<std::size_t>(large, 1), allot::os::access::read_write);
    if (!pages) return state.SkipWithError("no memory");
    if (large != 0) (void)allot::os::advise(pages.address, bytes, allot::os::advice::huge_pages);
    auto* const ints = static_cast<volatile int*>(pages.address);
    for (int i = 0; i < large_count; ++i) ints[i] = i;
    (void)allot::os::release(pages.address, bytes);
  });
}

template <class Make>
void fill_strings(State& state, Make make) {
  cold_rounds(state, [&] {
    auto array = make();
    for (int i = 0; i < strings_count; ++i) array.emplace_back("a short text");
    benchmark::ClobberMemory();
  });
}

// ---- the whole life of a small array, one after the other

template <class Array, class Fill>
void lives_filled_by(State& state, int count, Fill fill) {
  const int lives = std::max(1, 100'000 / count);
  for (auto _ : state)
    for (int life = 0; life < lives; ++life) {
      Array array;
      fill(array, count);
    }
}

template <class Array>
void life(State& state, int count) {
  lives_filled_by<Array>(state, count, [](Array& array, int ints) { push_ints(array, ints); });
}

/// Filled by a function that is given the array: compilers cannot keep it in registers then.
template <class Array>
ALLOT_NEVER_INLINE void push_elsewhere(Array& array, int count) {
  push_ints(array, count);
}

template <class Array>
void life_by_reference(State& state, int count) {
  lives_filled_by<Array>(state, count, [](Array& array, int ints) { push_elsewhere(array, ints); });
}

void life_with_own_mapping(State& state) {
  for (auto _ : state) {
    vlarray<int> array(&no_cache());
    push_ints(array, 1);
  }
}

// ---- use

constexpr int used_count = 4'000'000;

template <class Array>
Array random_ints() {
  Array array;
  std::mt19937 random(1);
  for (int i = 0; i < used_count; ++i) array.push_back(static_cast<int>(random() >> 1));
  return array;
}

template <class Array>
void iterate(State& state) {
  const auto array = random_ints<Array>();
  for (auto _ : state) {
    std::int64_t sum = 0;
    for (const int value : array) sum += value;
    benchmark::DoNotOptimize(sum);
  }
}

template <class Array>
void sort(State& state) {
  const auto unsorted = random_ints<Array>();
  Array array = unsorted;
  for (auto _ : state) {
    state.PauseTiming();
    std::copy(unsorted.begin(), unsorted.end(), array.begin());
    state.ResumeTiming();
    std::sort(array.begin(), array.end());
  }
}

/// Each value says where to read next.
template <class Array>
void access_at_random(State& state) {
  auto array = random_ints<Array>();
  for (int& value : array) value %= used_count;
  for (auto _ : state) {
    std::size_t at = 0;
    for (int i = 0; i < 1'000'000; ++i)
      at = (static_cast<std::size_t>(array[at]) + static_cast<std::size_t>(i)) % used_count;
    benchmark::DoNotOptimize(at);
  }
}

const bool registered = [] {
  using benchmark::RegisterBenchmark;
  const auto strings = [] { return std::vector<std::string>(); };
  RegisterBenchmark("vl_fill/vector", [](State& s) { fill_ints(s, [] { return std::vector<int>(); }); })->Iterations(1);
  RegisterBenchmark("vl_fill/huge", [](State& s) { fill_ints(s, [] { return vlarray<int>(); }); })->Iterations(1);
  RegisterBenchmark("vl_fill/small", [](State& s) {
    fill_ints(s, [] { return vlarray<int>(&small_pages()); });
  })->Iterations(1);
  RegisterBenchmark("vl_fill/bare_huge", [](State& s) { fill_bare(s, true); })->Iterations(1);
  RegisterBenchmark("vl_fill/bare_small", [](State& s) { fill_bare(s, false); })->Iterations(1);
  RegisterBenchmark("vl_strings/vector", [=](State& s) { fill_strings(s, strings); })->Iterations(1);
  RegisterBenchmark("vl_strings/huge", [](State& s) {
    fill_strings(s, [] { return vlarray<std::string>(); });
  })->Iterations(1);
  RegisterBenchmark("vl_strings/small", [](State& s) {
    fill_strings(s, [] { return vlarray<std::string>(&small_pages()); });
  })->Iterations(1);
  for (const int count : {10, 1000, 100'000}) {
    const std::string n = std::to_string(count);
    const auto add = [](const std::string& name, auto function) { RegisterBenchmark(name.c_str(), function); };
    add("vl_life_" + n + "/vector", [=](State& s) { life<std::vector<int>>(s, count); });
    add("vl_life_" + n + "/vlarray", [=](State& s) { life<vlarray<int>>(s, count); });
    add("vl_life_ref_" + n + "/vector", [=](State& s) { life_by_reference<std::vector<int>>(s, count); });
    add("vl_life_ref_" + n + "/vlarray", [=](State& s) { life_by_reference<vlarray<int>>(s, count); });
  }
  RegisterBenchmark("vl_life_own/vlarray", life_with_own_mapping)->Iterations(2000);
  RegisterBenchmark("vl_iterate/vector", iterate<std::vector<int>>);
  RegisterBenchmark("vl_iterate/vlarray", iterate<vlarray<int>>);
  RegisterBenchmark("vl_sort/vector", sort<std::vector<int>>)->Iterations(2);
  RegisterBenchmark("vl_sort/vlarray", sort<vlarray<int>>)->Iterations(2);
  RegisterBenchmark("vl_random/vector", access_at_random<std::vector<int>>);
  RegisterBenchmark("vl_random/vlarray", access_at_random<vlarray<int>>);
  return true;
}();

}  // namespace
