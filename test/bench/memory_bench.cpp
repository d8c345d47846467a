// How much memory of its upstream a pool holds.

#include <allot/core/resource.hpp>
#include <utility>

#include "bench/shapes.hpp"
#include "bench/workloads.hpp"
#include "counting_resource.hpp"

namespace allot::bench {
namespace {

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

std::vector<shape> memory_shapes(std::size_t shrink) {
  return {
      memory_shape("memory_nodes", "blocks of 24 to 96 B as of nodes, 200 000 live, replaced three times over",
                   200'000 / shrink, node_size),
      memory_shape("memory_strings", "blocks of 17 B to 1 KiB as of strings, 100 000 live, replaced three times over",
                   100'000 / shrink, string_size)};
}

}  // namespace allot::bench
