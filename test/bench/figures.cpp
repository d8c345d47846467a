#include "bench/figures.hpp"

#include <allot/os/virtual_memory.hpp>
#include <iomanip>
#include <ostream>
#include <range/v3/view/filter.hpp>

#include "bench/statistics.hpp"

namespace allot::bench {

const std::vector<figure>& figures() {
  static const std::vector<figure> all{
      // chained_arena against std::pmr::monotonic_buffer_resource
      {"allocate only, 16 B, through `memory_resource*`, warm", "fixed/arena", "fixed/std", 0.80},
      {"allocate only, 16 B, fresh instance", "fixed_cold/arena", "fixed_cold/std", 0},
      {"allocate only, 8-256 B, through `memory_resource*`, warm", "mixed/arena", "mixed/std", 0.80},
      {"allocate only, 8-256 B, fresh instance", "mixed_cold/arena", "mixed_cold/std", 0},
      {"allocate only, 16 B, concrete type, warm", "fixed/arena_direct", "fixed/std", 0.50},
      {"allocate only, 8-256 B, concrete type, warm", "mixed/arena_direct", "mixed/std", 0.50},
      {"word index, warm", "index/arena", "index/std", 1.00},
      {"word index, both on the same buffer", "index_buffer/arena", "index_buffer/std", 1.00},
      {"word index, fresh instance", "index_cold/arena", "index_cold/std", 0},
      {"document tree, warm", "tree/arena", "tree/std", 1.00},
      {"document tree, both on the same buffer", "tree_buffer/arena", "tree_buffer/std", 1.00},
      {"document tree, fresh instance", "tree_cold/arena", "tree_cold/std", 0},
      {"fill 1.6 GB, huge-page advice, cold", "fill/arena_huge", "fill/std", 0.20},
      {"fill 1.6 GB, 4 KiB pages, cold", "fill/arena_small", "fill/std", 0.85},
      {"the same by a bare pointer, huge pages", "fill/bare_huge", "fill/std", 0},
      {"the same by a bare pointer, 4 KiB pages", "fill/bare_small", "fill/std", 0},
      {"`monotonic_arena`, 16 B, through `memory_resource*`", "fixed/monotonic", "fixed/std", 0.78},
      {"`monotonic_arena`, 8-256 B, through `memory_resource*`", "mixed/monotonic", "mixed/std", 0.78},
      {"`monotonic_arena`, 16 B, concrete type", "fixed/monotonic_direct", "fixed/std", 0},
      {"`monotonic_arena`, 8-256 B, concrete type", "mixed/monotonic_direct", "mixed/std", 0},
      {"`monotonic_arena`, fill 1.6 GB, huge-page advice, cold", "fill/monotonic_huge", "fill/std", 0},
      {"`monotonic_arena`, fill 1.6 GB, 4 KiB pages, cold", "fill/monotonic_small", "fill/std", 0},
      // temporaries against malloc and free
      {"scratch arena and scope, push 64", "scratch/arena", "scratch/malloc", 0.40},
      {"the same, with a conflict", "scratch/arena_conflict", "scratch/malloc", 0},
      {"`get_scratch()` as a `memory_resource`, push 64", "scratch/resource", "scratch/malloc", 0.40},
      {"the same, with a conflict", "scratch/resource_conflict", "scratch/malloc", 0},
      {"`mark()`, push 64, `rewind()`", "scratch/mark", "scratch/malloc", 0},
      // chained_arena against malloc and free
      {"10^6 allocations of 16-256 B and `clear()`, warm", "million/arena_clear", "million/malloc", 0.16},
      {"the same through the concrete type", "million/arena_clear_direct", "million/malloc", 0},
      {"the same, first bytes of each block written", "million_touched/arena_clear", "million_touched/malloc", 0},
      {"10^6 allocations of 16-256 B and `release()`", "million/arena_release", "million/malloc", 0},
      // vlarray against std::vector
      {"`push_back` of 10^8 ints, huge-page advice, cold", "vl_fill/huge", "vl_fill/vector", 0.15},
      {"`push_back` of 10^8 ints, 4 KiB pages, cold", "vl_fill/small", "vl_fill/vector", 0.48},
      {"the same by a bare pointer, huge pages", "vl_fill/bare_huge", "vl_fill/vector", 0},
      {"the same by a bare pointer, 4 KiB pages", "vl_fill/bare_small", "vl_fill/vector", 0},
      {"`emplace_back` of 10^7 strings, 4 KiB pages, cold", "vl_strings/small", "vl_strings/vector", 0.35},
      {"`emplace_back` of 10^7 strings, huge-page advice, cold", "vl_strings/huge", "vl_strings/vector", 0},
      {"life of an array of 10 ints, warm", "vl_life_10/vlarray", "vl_life_10/vector", 1.00},
      {"life of an array of 10^3 ints, warm", "vl_life_1000/vlarray", "vl_life_1000/vector", 1.00},
      {"life of an array of 10^5 ints, warm", "vl_life_100000/vlarray", "vl_life_100000/vector", 1.00},
      {"the same, filled through a reference, 10", "vl_life_ref_10/vlarray", "vl_life_ref_10/vector", 1.00},
      {"the same, filled through a reference, 10^3", "vl_life_ref_1000/vlarray", "vl_life_ref_1000/vector", 1.00},
      {"the same, filled through a reference, 10^5", "vl_life_ref_100000/vlarray", "vl_life_ref_100000/vector", 1.00},
      {"life of an array of 1 int with its own mapping, us", "vl_life_own/vlarray", "", 16},
      {"iteration over 4*10^6 ints", "vl_iterate/vlarray", "vl_iterate/vector", 1.02},
      {"`std::sort` of 4*10^6 ints", "vl_sort/vlarray", "vl_sort/vector", 1.02},
      {"random access to 4*10^6 ints", "vl_random/vlarray", "vl_random/vector", 1.02},
      // page_block
      {"guarded block of 64 KiB, create and destroy, us", "block/create_destroy", "",
       os::facts().guard_advice ? 5.0 : 7.0},
      {"`resize(preserve)` of 256 MiB, moving, against copying it", "block/resize", "block/copy", 0.02},
      // what stands on pages, against std::pmr::new_delete_resource
      {"page_resource: a block of 64 KiB, a byte written", "block/page_resource", "block/standard_pages", 0},
      {"guarded_page_resource: a block of 100 B, a byte written", "block/guarded", "block/standard_small", 0},
      {"budget_slice: 100 blocks of 100 B, then freed", "block/slice", "block/standard_hundred", 0},
  };
  return all;
}

void figure_reporter::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
    const double microseconds = run.cpu_accumulated_time / static_cast<double>(run.iterations) * 1e6;
    microseconds_[run.run_name.function_name].push_back(microseconds);
    for (const auto& [counted, value] : run.counters) counters_[run.run_name.function_name + "`: " + counted] = value;
  }
}

void figure_reporter::print_figures(std::ostream& out) const {
  const auto measured = [&](const figure& f) {
    return microseconds_.count(f.ours) != 0 && (f.baseline.empty() || microseconds_.count(f.baseline) != 0);
  };
  out << "| figure | ours, us | baseline, us | ratio | at most | spread |\n|---|---|---|---|---|---|\n" << std::fixed;
  for (const figure& f : figures() | ranges::views::filter(measured)) {
    const double ours = median(microseconds_.at(f.ours));
    double held = ours;
    out << "| " << f.what << " | " << std::setprecision(2) << ours << " | ";
    if (f.baseline.empty()) {
      out << "- | - | ";
    } else {
      const double baseline = median(microseconds_.at(f.baseline));
      held = ours / baseline;
      out << baseline << " | " << std::setprecision(3) << held << " | ";
    }
    if (f.goal > 0) {
      out << std::setprecision(2) << f.goal << (held > f.goal ? " **(not met)**" : "");
    } else {
      out << "-";
    }
    out << " | " << std::setprecision(0) << spread(microseconds_.at(f.ours)) * 100 << " % |\n";
  }
  for (const auto& [name, value] : counters_) out << "\n`" << name << ": " << std::setprecision(2) << value << '\n';
}

}  // namespace allot::bench
