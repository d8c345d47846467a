// What a replay measures, on candidates of which it is known.

#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/trace/replay.hpp>
#include <allot/trace/std_pool_on_pages.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <utility>
#include <vector>

#include "trace/made_up.hpp"

using namespace allot;
using namespace allot::test;

namespace {

/// Hands out what lies at these offsets of its memory, one after the other, and says it has ten thousand bytes.
class told_resource final : public resource {
 public:
  explicit told_resource(std::vector<std::size_t> offsets) : offsets_(std::move(offsets)) {}

  std::string_view kind() const noexcept override { return "told_resource"; }
  memory_usage usage() const noexcept override {
    memory_usage now;
    now.committed = 10000;
    return now;
  }
  bool can_release() const noexcept override { return true; }

 private:
  void* do_allocate(std::size_t, std::size_t) override { return memory_.get() + offsets_.at(next_++); }
  void do_deallocate(void*, std::size_t, std::size_t) override {}

  static constexpr std::size_t size = std::size_t{1} << 21;
  struct freed {
    void operator()(std::byte* p) const { std::pmr::new_delete_resource()->deallocate(p, size, 1 << 16); }
  };
  std::unique_ptr<std::byte, freed> memory_{
      static_cast<std::byte*>(std::pmr::new_delete_resource()->allocate(size, 1 << 16))};
  std::vector<std::size_t> offsets_;
  std::size_t next_ = 0;
};

replay_candidate told(const std::vector<std::size_t>& offsets) {
  return {"told", [=](std::string_view) { return std::make_shared<told_resource>(offsets); }};
}

/// Every hundredth block takes three milliseconds.
class slow_at_times final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    using clock = std::chrono::steady_clock;
    if (++calls_ % 100 == 0)
      for (const auto end = clock::now() + std::chrono::milliseconds(3); clock::now() < end;) continue;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::size_t calls_ = 0;
};

replay_program pairs(std::uint64_t count) {
  made_up events;
  for (std::uint64_t i = 0; i < count; ++i) events.allocate(0x100, 100).deallocate(0x100, 100);
  return events.program();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(measures)

BOOST_AUTO_TEST_CASE(fragmentation_is_what_lies_idle_on_average_and_waste_what_does_at_the_peaks) {
  made_up events;
  events.allocate(0x10000, 2500).allocate(0x20000, 2500).deallocate(0x10000, 2500).deallocate(0x20000, 2500);
  replay_options options;
  options.sample_every = 1;
  const replay_result result = replay(events.program(), told({0, 4096}), options);
  BOOST_TEST(result.waste() == 0.5, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(result.fragmentation == 0.75, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(blocks_that_a_release_takes_are_live_no_more) {
  made_up events;
  events.allocate(0x10000, 5000).release();
  replay_options options;
  options.sample_every = 1;
  BOOST_TEST(replay(events.program(), told({0}), options).fragmentation == 2.5 / 3, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_pool_of_the_standard_library_tells_of_the_pages_it_takes) {
  const replay_program program = pairs(100);
  const replay_candidate foreign{
      "std", [](std::string_view) { return std::make_shared<std::pmr::unsynchronized_pool_resource>(); }};
  BOOST_TEST(replay(program, foreign).peak_committed == 0u);
  const replay_candidate known{"std", [](std::string_view) {
                                 return std::make_shared<std_pool_on_pages<std::pmr::unsynchronized_pool_resource>>(
                                     "unsynchronized_pool_resource");
                               }};
  const replay_result result = replay(program, known);
  BOOST_TEST(result.refused == 0u);
  BOOST_TEST(result.peak_committed >= 100u);
  BOOST_TEST(result.peak_committed % os::facts().page_size == 0u);
  std_pool_on_pages<std::pmr::synchronized_pool_resource> pool("synchronized_pool_resource");
  BOOST_TEST(pool.kind() == "synchronized_pool_resource");
  (void)pool.allocate(1000);
  BOOST_TEST(pool.can_release());
  pool.release();
  BOOST_TEST(pool.usage().committed == 0u);
}

BOOST_AUTO_TEST_CASE(locality_is_pages_for_live_bytes_and_blocks_near_the_one_before) {
  made_up events;
  for (std::uint64_t i = 1; i <= 4; ++i) events.allocate(i * 0x1000, 64);
  const std::size_t far = std::size_t{1} << 20;
  const replay_result result = replay(events.program(), told({0, 64, far, far + 64}));
  BOOST_TEST(result.neighbours == 2.0 / 3, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(result.spread() == static_cast<double>(2 * os::facts().page_size) / 256,
             boost::test_tools::tolerance(1e-9));
  BOOST_TEST(replay(made_up().program(), told({})).neighbours == 0);
  BOOST_TEST(replay(made_up().program(), told({})).spread() == 0);
}

BOOST_AUTO_TEST_CASE(single_calls_are_timed_where_that_is_asked_for) {
  const replay_program program = pairs(2000);
  const replay_candidate slow{"slow", [](std::string_view) { return std::make_shared<slow_at_times>(); }};
  replay_options options;
  BOOST_TEST(replay(program, slow, options).latency.calls == 0u);
  options.latencies = true;
  const replay_latency told = replay(program, slow, options).latency;
  BOOST_TEST(told.calls == 4000u);
  BOOST_TEST(told.median < 1e6);
  BOOST_TEST(told.p99 < 2e6);  // one call in 200 is slow
  BOOST_TEST(told.p999 > 2.9e6);
  BOOST_TEST(told.most >= told.p999);
  BOOST_TEST(told.clock > 0);
}

BOOST_AUTO_TEST_CASE(threads_time_their_calls_each_and_all_count) {
  made_up events;
  for (std::uint64_t i = 1; i <= 600; ++i) events.in_thread(i % 3).allocate(i * 0x1000, 64);
  for (std::uint64_t i = 1; i <= 600; ++i) events.in_thread((i + 1) % 3).deallocate(i * 0x1000, 64);
  replay_options options;
  options.latencies = true;
  const replay_candidate pool{"pool", [](std::string_view) { return std::make_shared<concurrent_pool>(); }};
  const replay_result result = replay(events.program(), pool, options);
  BOOST_TEST(result.latency.calls == 1200u);
  BOOST_TEST(result.neighbours > 0.5);
  BOOST_TEST(result.fragmentation >= 0);
  BOOST_TEST(result.fragmentation <= 1);
}

BOOST_AUTO_TEST_SUITE_END()
