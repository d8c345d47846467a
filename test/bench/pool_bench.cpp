// How fast a memory resource serves one thread.

#include <allot/core/resource.hpp>
#include <list>
#include <map>
#include <unordered_map>

#include "bench/pool_shapes.hpp"
#include "counting_resource.hpp"
#include "document_tree.hpp"
#include "text_input.hpp"
#include "word_index.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

double pairs(memory_resource& memory, std::size_t count) {
  cpu_stopwatch watch;
  allocate_pairs(memory, count);
  watch.pause();
  return watch.nanoseconds() / static_cast<double>(count);
}

double random_sizes(memory_resource& memory, const replacements& plan) {
  std::vector<held_block> blocks = plan.fill(memory);
  cpu_stopwatch watch;
  plan.replace(memory, blocks);
  watch.pause();
  replacements::give_back(memory, blocks);
  return watch.nanoseconds() / static_cast<double>(plan.steps());
}

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

/// The sizes of nodes of the standard's containers.
std::size_t node_size(quick_random& random) { return 24 + 8 * random.below(10); }

/// Lengths of strings that do not fit into the string itself: many short ones, few long ones.
std::size_t string_size(quick_random& random) {
  const std::size_t longest = std::size_t{32} << random.below(6);
  return 17 + random.below(longest);
}

/// Bytes taken from the upstream against bytes asked for, both at their peaks; and what the upstream is left with.
readings memory_held(const subject& s, const replacements& plan) {
  main_job::counting_resource upstream(*std::pmr::new_delete_resource());
  const auto pool = s.of().make(&upstream);
  main_job::counting_resource asked(*pool);
  std::vector<held_block> blocks = plan.fill(asked);
  plan.replace(asked, blocks);
  replacements::give_back(asked, blocks);
  const double ratio = static_cast<double>(upstream.peak()) / static_cast<double>(asked.peak());
  if (resource* const ours = as_resource(pool.get())) ours->trim();
  return {ratio, static_cast<double>(upstream.live()) / 1024};
}

shape one_thread_shape(std::string name, std::string what, std::string measure,
                       std::function<std::function<double(memory_resource&)>()> prepare, std::vector<goal> goals) {
  goals.push_back({"pool_resource", goal::best_peer, goal::not_above});
  const auto prepared = [prepare = std::move(prepare)]() -> round_function {
    return [work = prepare()](const subject& s) { return readings{work(s.memory())}; };
  };
  return {std::move(name), std::move(what), {std::move(measure)}, shape::for_whom::one_thread, shape::starts::warm, 21,
          prepared,        std::move(goals)};
}

shape memory_shape(std::string name, std::string what, std::size_t live, replacements::size_source sizes) {
  const auto prepared = [=]() -> round_function {
    return [plan = replacements(live, live * 3, sizes, 1)](const subject& s) { return memory_held(s, plan); };
  };
  return {std::move(name),
          std::move(what),
          {"peak upstream / peak live", "KiB held after all is freed and trimmed"},
          shape::for_whom::upstream_users,
          shape::starts::warm,
          1,
          prepared,
          {{"pool_resource", "", 1.25}, {"concurrent_pool", "", 1.25}}};
}

}  // namespace

std::vector<shape> one_thread_shapes(std::size_t shrink) {
  using tree_map = std::pmr::map<std::uint64_t, std::size_t>;
  using hash_map = std::pmr::unordered_map<std::uint64_t, std::size_t>;
  const auto with_plan = [](std::size_t live, std::size_t steps, replacements::size_source sizes) {
    return [=] {
      return
          [plan = replacements(live, steps, sizes, 1)](memory_resource& memory) { return random_sizes(memory, plan); };
    };
  };
  const auto plain = [](auto work) { return [=] { return work; }; };
  return {
      one_thread_shape("pair", "allocate and deallocate 32 B at once", "ns a pair",
                       plain([n = 1'000'000 / shrink](memory_resource& m) { return pairs(m, n); }),
                       {{"pool_resource", "floor", 1.50}, {"pool_resource", "std unsynchronized", 0.30}}),
      one_thread_shape("random_small", "random sizes of 8 to 512 B, 20 000 live, one after the other replaced",
                       "ns a replacement", with_plan(20'000 / shrink, 400'000 / shrink, size_8_to_512),
                       {{"pool_resource", "floor", 1.25}}),
      one_thread_shape("random_large", "64 B to 32 KiB, log-uniform, 4000 live, one after the other replaced",
                       "ns a replacement", with_plan(4'000 / shrink, 200'000 / shrink, size_64_to_32k), {}),
      one_thread_shape("list", "std::pmr::list of 10 000, the oldest goes and a new one comes", "ns a step",
                       plain([n = 1'000'000 / shrink](memory_resource& m) { return list_churn(m, 10'000, n); }), {}),
      one_thread_shape("map", "std::pmr::map of 20 000, a random one goes and a new one comes", "ns a step",
                       plain([n = 100'000 / shrink](memory_resource& m) { return map_churn<tree_map>(m, 20'000, n); }),
                       {}),
      one_thread_shape("unordered_map", "std::pmr::unordered_map of 20 000, the same", "ns a step",
                       plain([n = 300'000 / shrink](memory_resource& m) { return map_churn<hash_map>(m, 20'000, n); }),
                       {}),
      one_thread_shape("word_index", "the main example's word index, built and destroyed", "us", plain(word_index), {}),
      one_thread_shape("tree", "the main example's document tree, built and destroyed", "us", plain(tree), {}),
  };
}

std::vector<shape> memory_shapes(std::size_t shrink) {
  return {
      memory_shape("memory_nodes", "blocks of 24 to 96 B as of nodes, 200 000 live, replaced three times over",
                   200'000 / shrink, node_size),
      memory_shape("memory_strings", "blocks of 17 B to 1 KiB as of strings, 100 000 live, replaced three times over",
                   100'000 / shrink, string_size)};
}

}  // namespace allot::bench
