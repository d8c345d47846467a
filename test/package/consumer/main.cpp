// What a user writes first: a standard container on an arena over pages from the system.

#include <allot/arena/chained_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <iostream>
#include <memory_resource>
#include <numeric>
#include <vector>

#if defined(CONSUMER_READS_CONFIGS)
#include <allot/config/config.hpp>

bool reads_configs() {
  const allot::resource_set resources = allot::parse_config("[resources.a]\nstrategy = \"page_resource\"\n");
  const std::pmr::vector<int> numbers(100, 1, resources["a"]);
  return numbers.get_allocator().resource()->is_equal(*resources["a"]);
}
#else
bool reads_configs() { return true; }
#endif

#if defined(CONSUMER_RECORDS_TRACES)
#include <allot/trace/trace_reader.hpp>
#include <allot/trace/trace_writer.hpp>
#include <cstdio>

bool records_traces() {
  const char* const file = "consumer.trace";
  {
    allot::trace_writer trace(file);
    trace.write({});
  }
  const bool recorded = allot::trace_reader(file).summary().events == 1;
  std::remove(file);
  return recorded;
}
#else
bool records_traces() { return true; }
#endif

int main() {
  allot::page_resource pages;
  allot::chained_arena arena(&pages);
  std::pmr::vector<int> numbers(&arena);
  for (int i = 1; i <= 100'000; ++i) numbers.push_back(i);
  const long long sum = std::accumulate(numbers.begin(), numbers.end(), 0LL);
  const bool on_pages = pages.owns(numbers.data()) && arena.upstream_resource() == &pages;
  std::cout << "sum " << sum << (on_pages ? " on pages" : " elsewhere") << "\n";
  return sum == 5'000'050'000 && on_pages && reads_configs() && records_traces() ? 0 : 1;
}
