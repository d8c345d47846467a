// How fast containers are on a memory resource.

#include <list>
#include <map>
#include <unordered_map>

#include "bench/shapes.hpp"
#include "bench/workloads.hpp"
#include "document_tree.hpp"
#include "text_input.hpp"
#include "word_index.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

/// The oldest element goes, a new one comes.
double list_churn(memory_resource& memory, std::size_t live, std::size_t count) {
  std::pmr::list<std::size_t> list(live, &memory);
  cpu_stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) {
    list.pop_front();
    list.push_back(i);
  }
  watch.pause();
  return watch.nanoseconds() / static_cast<double>(count);
}

/// A random element goes, one with a random key comes.
template <class Map>
double map_churn(memory_resource& memory, std::size_t live, std::size_t count) {
  quick_random random(1);
  Map map(&memory);
  std::vector<std::uint64_t> keys;
  for (std::size_t i = 0; i < live; ++i) {
    keys.push_back(random());
    map.emplace(keys.back(), i);
  }
  cpu_stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t& key = keys[random.below(live)];
    map.erase(key);
    key = random();
    map.emplace(key, i);
  }
  watch.pause();
  return watch.nanoseconds() / static_cast<double>(count);
}

const std::vector<main_job::text_file>& text() {
  static const std::vector<main_job::text_file> files =
      main_job::read_files(main_job::default_files(), [](const auto&, auto) {});
  return files;
}

/// The jobs of the main example, from the first allocation to the last deallocation.
template <class Job>
double microseconds_of(Job job) {
  cpu_stopwatch watch;
  job();
  watch.pause();
  return watch.nanoseconds() / 1000;
}

double word_index(memory_resource& memory) {
  return microseconds_of([&] { (void)main_job::build_index(text(), memory); });
}

double tree(memory_resource& memory) {
  return microseconds_of([&] { (void)main_job::build_tree(text(), memory); });
}

}  // namespace

std::vector<shape> container_shapes(std::size_t shrink) {
  using tree_map = std::pmr::map<std::uint64_t, std::size_t>;
  using hash_map = std::pmr::unordered_map<std::uint64_t, std::size_t>;
  const goal pool{"pool_resource", goal::best_peer, goal::not_above};
  const goal general{"general_resource", goal::best_malloc, 1.1};
  const auto with = [](auto work) { return [=] { return work; }; };
  return {
      one_thread_shape("list", "std::pmr::list of 10 000, the oldest goes and a new one comes", "ns a step",
                       with([n = 1'000'000 / shrink](memory_resource& m) { return list_churn(m, 10'000, n); }),
                       {pool, general}),
      one_thread_shape("map", "std::pmr::map of 20 000, a random one goes and a new one comes", "ns a step",
                       with([n = 100'000 / shrink](memory_resource& m) { return map_churn<tree_map>(m, 20'000, n); }),
                       {pool, general}),
      one_thread_shape("unordered_map", "std::pmr::unordered_map of 20 000, the same", "ns a step",
                       with([n = 300'000 / shrink](memory_resource& m) { return map_churn<hash_map>(m, 20'000, n); }),
                       {pool, general}),
      one_thread_shape("word_index", "the main example's word index, built and destroyed", "us", with(word_index),
                       {pool}),
      one_thread_shape("tree", "the main example's document tree, built and destroyed", "us", with(tree),
                       {pool, general}),
  };
}

}  // namespace allot::bench
