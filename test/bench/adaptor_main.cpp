// What adaptors cost: nanoseconds of the processor's time of a pair of allocate and deallocate through std::pmr,
// against an adaptor that only forwards. Prints a Markdown table of medians.

#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/fallback_resource.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/size_routing_resource.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/adaptor/zeroing_resource.hpp>
#include <allot/pool/pool_resource.hpp>
#include <cstdio>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bench/idle_thread.hpp"
#include "bench/pair_loop.hpp"
#include "bench/statistics.hpp"

namespace {

using namespace allot;
using bench::median;

class forwarding_resource final : public adaptor_resource {
 public:
  explicit forwarding_resource(upstream_ref upstream) noexcept : adaptor_resource(upstream) {}
  std::string_view kind() const noexcept override { return "forwarding_resource"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_deallocate(p, bytes, alignment);
  }
};

class deaf_sink final : public event_sink {
  void write(const memory_event&) override {}
};

struct row {
  std::string name;
  std::unique_ptr<std::pmr::memory_resource> memory;
  std::size_t slower = 1;  // so many times fewer pairs
  std::vector<double> times = {};
};

std::vector<row> adaptors_over(std::pmr::memory_resource& upstream, event_sink& sink) {
  std::vector<row> rows;
  const auto add = [&](const char* name, auto memory) { rows.push_back({name, std::move(memory)}); };
  add("only forwards", std::make_unique<forwarding_resource>(upstream));
  tracing_options off;
  off.enabled = false;
  add("tracing_resource, off", std::make_unique<tracing_resource>(upstream, sink, off));
  add("tracing_resource, on", std::make_unique<tracing_resource>(upstream, sink));
  add("statistics_resource", std::make_unique<statistics_resource>(upstream));
  statistics_options concurrent;
  concurrent.concurrent = true;
  add("statistics_resource, concurrent", std::make_unique<statistics_resource>(upstream, concurrent));
  add("limiting_resource", std::make_unique<limiting_resource>(limiting_options::no_limit, upstream));
  add("synchronized_resource", std::make_unique<synchronized_resource<>>(upstream));
  add("fallback_resource",
      std::make_unique<fallback_resource>(std::initializer_list<upstream_ref>{upstream, upstream}));
  add("size_routing_resource", std::make_unique<size_routing_resource>(
                                   std::initializer_list<size_route>{{upstream, 32}, {upstream, 1024}}, upstream));
  add("zeroing_resource", std::make_unique<zeroing_resource>(upstream));
  add("debug_resource", std::make_unique<debug_resource>(upstream));
  rows.back().slower = 100;
  debug_options no_stacks;
  no_stacks.record_stacks = false;
  add("debug_resource, no call stacks", std::make_unique<debug_resource>(upstream, no_stacks));
  rows.back().slower = 10;
  return rows;
}

void measure(const char* name, std::pmr::memory_resource& upstream, std::size_t pairs, std::size_t rounds) {
  deaf_sink sink;
  std::vector<row> rows = adaptors_over(upstream, sink);
  std::mutex mutex;
  std::vector<double> bare;
  std::vector<double> locks;
  for (std::size_t round = 0; round < rounds; ++round) {  // in turn, so that noise meets all alike
    bare.push_back(bench::nanoseconds_of_a_pair(&upstream, pairs));
    for (row& each : rows) each.times.push_back(bench::nanoseconds_of_a_pair(each.memory.get(), pairs / each.slower));
    locks.push_back(bench::nanoseconds_a_turn(pairs, [&](std::size_t) {
      mutex.lock();
      mutex.unlock();
    }));
  }
  const double forwarding = median(rows.front().times);
  std::printf("| %s | ns a pair | of forwarding | ns a call more |\n|---|---|---|---|\n| none | %.1f | | |\n", name,
              median(bare));
  for (const row& each : rows) {
    const double time = median(each.times);
    const double more = time - (&each == &rows.front() ? median(bare) : forwarding);
    std::printf("| %s | %.1f | %.2f | %.1f |\n", each.name.c_str(), time, time / forwarding, more / 2);
  }
  std::printf("| std::mutex, locked and unlocked alone | %.1f | | |\n\n", median(locks));
}

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = argc == 2 && std::string(argv[1]) == "--tiny";
  const std::size_t pairs = tiny ? 10'000 : 500'000;
  const std::size_t rounds = tiny ? 1 : 51;
  const bench::idle_thread second;
  pool_resource pool;
  measure("over pool_resource", pool, pairs, rounds);
  measure("over std::pmr::new_delete_resource", *std::pmr::new_delete_resource(), pairs, rounds);
}
