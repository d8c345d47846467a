// Traces that no program makes: they are an error, or what is odd in them is counted.

#include <allot/arena/chained_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/trace/compare.hpp>
#include <allot/trace/trace_profile.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/machine.hpp"
#include "trace/made_up.hpp"
#include "trace/rows.hpp"
#include "trace_record/block.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

template <class Resource>
replay_candidate fresh(const char* name) {
  return {name, [](std::string_view) { return std::make_shared<Resource>(); }};
}

replay_options with_memory(std::size_t most) {
  replay_options options;
  options.most_memory = most;
  return options;
}

/// A trace file whose frame is sound, with the content given.
class forged {
 public:
  forged() : file_(std::begin(trace_file::magic), std::end(trace_file::magic)) {
    trace_file::bytes start;
    for (const std::uint64_t number : {1U, 0U, 64U, 0U}) trace_file::append_number(start, number);
    add(trace_file::block_type::start, start, 0, 0, 0);
  }

  forged& add(trace_file::block_type type, const trace_file::bytes& content, std::uint32_t count, std::uint32_t thread,
              std::uint64_t order) {
    trace_file::block_head head;
    head.type = type;
    head.count = count;
    head.thread = thread;
    head.order = order;
    trace_file::append_block(file_, head, content.data(), content.size(), 1);
    return *this;
  }

  void write_to(const temporary_file& file) const { file.set_content({file_.begin(), file_.end()}); }

 private:
  trace_file::bytes file_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile_traces)

BOOST_AUTO_TEST_CASE(blocks_larger_than_any_are_left_out_and_counted) {
  made_up events;
  events.allocate(0x1000, std::uint64_t{1} << 63).allocate(0x2000, ~std::uint64_t{0}).allocate(0x3000, 100);
  events.expand(0x3000, 100, std::uint64_t{1} << 63).deallocate(0x1000, std::uint64_t{1} << 63);
  events.deallocate(0x3000, 100);
  const replay_program program = events.program();
  BOOST_TEST(program.mended() == 4u);
  BOOST_TEST(program.operations().size() == 2u);
  BOOST_TEST(program.peak_live() == 100u);
  BOOST_TEST(replay(program, fresh<pool_resource>("pool")).refused == 0u);
}

BOOST_AUTO_TEST_CASE(sizes_whose_sum_is_too_large_are_no_small_sum) {
  constexpr std::size_t quarter = max_object_bytes / 4 + 1;
  made_up events;
  for (std::uint64_t i = 1; i <= 9; ++i) events.allocate(i * 0x1000, quarter);
  const replay_program program = events.program();
  BOOST_TEST(program.peak_live() == 3 * quarter);  // a fourth would be more than fits
  BOOST_TEST(program.mended() == 6u);
  if (sizeof(std::size_t) < 8) return;
  made_up often;
  for (std::uint64_t i = 1; i <= 40; ++i) often.allocate(0x1000, std::uint64_t{1} << 60).deallocate(0x1000, 0);
  const trace_profile profile = profile_of(often.program());
  BOOST_TEST(profile.bytes == ~std::uint64_t{0});
  BOOST_TEST(traits_of(profile).back() == "at most 6 % of the bytes live at a time");
}

BOOST_AUTO_TEST_CASE(blocks_for_which_there_is_not_the_memory_are_left_out_for_all_alike) {
  if (sizeof(void*) < 8) return skip(addresses_are_few);
  made_up events;
  events.allocate(0x1000, 30 * mebi).allocate(0x2000, std::uint64_t{1} << 50).allocate(0x3000, 30 * mebi);
  events.deallocate(0x1000, 30 * mebi).allocate(0x4000, 10 * mebi).expand(0x4000, 10 * mebi, 50 * mebi);
  events.deallocate(0x2000, std::uint64_t{1} << 50).deallocate(0x4000, 50 * mebi);
  const replay_program program = events.program();
  for (const auto& each : {fresh<pool_resource>("pool"), fresh<coalescing_heap>("heap")}) {
    const replay_result result = replay(program, each, with_memory(64 * mebi));
    BOOST_TEST(result.left_out == 2u);
    BOOST_TEST(result.refused == 0u);
    BOOST_TEST(result.peak_committed < 128 * mebi);
  }
  std::vector<comparison> rows{row("pool", {1, 1, 1})};
  rows[0].result.left_out = 2;
  const std::vector<std::string> reasons = recommend(program, rows).reasons;
  BOOST_TEST(reasons.at(reasons.size() - 2) == "2 blocks were left out, as there is not the memory for them here");
}

BOOST_AUTO_TEST_CASE(without_being_told_memory_is_what_the_machine_has) {
  if (sizeof(void*) < 8) return skip(addresses_are_few);
  BOOST_TEST(memory_for_replays() > mebi);
  made_up events;
  events.allocate(0x1000, std::uint64_t{1} << 62).deallocate(0x1000, std::uint64_t{1} << 62);
  const replay_result result = replay(events.program(), fresh<pool_resource>("pool"));
  BOOST_TEST(result.left_out + result.refused == 1u);
}

BOOST_AUTO_TEST_CASE(a_candidate_that_takes_more_and_more_is_stopped) {
  if (emulates_large_pages()) return skip(counts_small_pages);
  made_up events;  // what lives is little, and an arena keeps it all
  for (std::uint64_t i = 0; i < 100; ++i) events.allocate(0x1000, mebi).deallocate(0x1000, mebi);
  const replay_program program = events.program();
  const replay_result arena = replay(program, fresh<chained_arena>("arena"), with_memory(16 * mebi));
  BOOST_TEST(arena.refused > 80u);
  BOOST_TEST(arena.peak_committed < 32 * mebi);
  BOOST_TEST(replay(program, fresh<coalescing_heap>("heap"), with_memory(16 * mebi)).refused == 0u);
}

BOOST_AUTO_TEST_CASE(the_largest_alignment_is_refused) {
  if (sizeof(void*) < 8) return skip(addresses_are_few);
  made_up events;
  events.allocate(0x1000, 8, std::uint64_t{1} << 63).allocate(0x2000, 8).deallocate(0x1000, 8, std::uint64_t{1} << 63);
  const replay_program program = events.program();
  page_resource pages;  // AddressSanitizer's operator new ends programs that ask for so much
  const replay_candidate pool{"pool", [&](std::string_view) { return std::make_shared<pool_resource>(&pages); }};
  for (const auto& each : {pool, fresh<page_resource>("pages"), fresh<coalescing_heap>("heap")})
    BOOST_TEST(replay(program, each).refused == 1u, each.name);
  BOOST_TEST(profile_of(program).aligned == 1u);
}

BOOST_AUTO_TEST_CASE(a_block_keeps_the_size_and_the_alignment_it_was_handed_out_with) {
  made_up events;
  events.allocate(0x1000, 100, 64).expand(0x1000, 7, 5000, 8).deallocate(0x1000, 3, 4096);
  testing::counting_resource counted;
  class lent final : public std::pmr::memory_resource {
   public:
    explicit lent(memory_resource& to) : to_(to) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override { return to_.allocate(bytes, alignment); }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
      to_.deallocate(p, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    memory_resource& to_;
  };
  (void)replay(events.program(), {"lent", [&](std::string_view) { return std::make_shared<lent>(counted); }});
  BOOST_TEST(counted.mismatches().empty());
  BOOST_TEST(counted.allocations() == 2u);
  BOOST_TEST(counted.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(many_threads_share_a_few) {
  forged file;
  constexpr std::uint32_t threads = 20000;
  for (std::uint32_t i = 0; i < threads; ++i) {
    trace_file::bytes content{0, 0};  // none dropped; allocate
    for (const std::uint64_t number :
         {std::uint64_t{0}, std::uint64_t{0}, 2 * (std::uint64_t{i} + 1) * 64, std::uint64_t{48}})
      trace_file::append_number(content, number);
    file.add(trace_file::block_type::events, content, 1, ~std::uint32_t{0} - i * 7, i + 1);
  }
  const temporary_file at("hostile");
  file.write_to(at);
  trace_reader trace(at.path());
  const replay_program program(trace);
  BOOST_TEST(trace.damage().empty());
  BOOST_TEST(program.threads() == threads);
  replay_options options;
  options.most_threads = 3;
  const replay_result result = replay(program, fresh<concurrent_pool>("pool"), options);
  BOOST_TEST(result.operations == threads);
  BOOST_TEST(result.refused == 0u);
  BOOST_TEST(replay(program, fresh<concurrent_pool>("pool")).operations == threads);
  options.most_threads = 0;
  BOOST_CHECK_THROW((void)replay(program, fresh<concurrent_pool>("pool"), options), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_small_file_of_very_many_events_is_an_error) {
  forged file;
  constexpr std::uint32_t count = 1'000'000;
  const trace_file::bytes content(5 * count + 1, 0);  // all the same: allocate 0 bytes at 0
  for (std::uint32_t i = 0; i < 4; ++i)
    file.add(trace_file::block_type::events, content, count, 1, 1 + std::uint64_t{i} * count);
  const temporary_file at("hostile");
  file.write_to(at);
  BOOST_TEST(at.content().size() < 10000u);
  trace_reader trace(at.path());
  BOOST_TEST(trace.summary().events == 4 * std::uint64_t{count});
  BOOST_CHECK_THROW(replay_program(trace, 10 * mebi), std::length_error);
}

BOOST_AUTO_TEST_CASE(blocks_of_very_many_threads_at_a_time_are_not_all_opened) {
  forged file;
  constexpr std::uint32_t count = 3'000'000;
  const trace_file::bytes content(5 * count + 1, 0);
  for (std::uint32_t thread = 1; thread <= 200; ++thread)  // 3 GB unpacked
    file.add(trace_file::block_type::events, content, count, thread, 1);
  const temporary_file at("hostile");
  file.write_to(at);
  trace_reader trace(at.path());
  trace_record event;
  BOOST_TEST(trace.next(event));
  BOOST_TEST(trace.damage().size() > 100u);
  BOOST_TEST(trace.damage().front().problem == "the blocks of too many threads are to be read together");
}

BOOST_AUTO_TEST_CASE(very_many_names_are_not_all_kept) {
  forged file;
  trace_file::bytes content;
  const std::string text(std::size_t{60} << 10, 'x');
  for (std::uint64_t i = 0; i < 250; ++i) {
    content.push_back(2);
    trace_file::append_number(content, i);
    trace_file::append_text(content, text);
  }
  for (int i = 0; i < 80; ++i) file.add(trace_file::block_type::names, content, 250, 0, 0);
  const temporary_file at("hostile");
  file.write_to(at);
  const trace_reader trace(at.path());
  BOOST_TEST(trace.damage().size() > 5u);
  BOOST_TEST(trace.damage().front().problem == "there are more names than can be kept");
}

BOOST_AUTO_TEST_SUITE_END()
