#include <allot/adaptor/size_routing_resource.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/adaptor/text_event_sink.hpp>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <ios>
#include <map>
#include <memory_resource>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/worker.hpp"

using namespace allot;
using kind = memory_event_kind;

namespace {

class collecting_sink final : public event_sink {
 public:
  std::vector<memory_event> events;
  bool throws = false;

  void write(const memory_event& event) override {
    if (throws) throw std::runtime_error("full");
    const std::lock_guard lock(mutex_);
    events.push_back(event);
  }
  const memory_event& last() const { return events.back(); }

 private:
  std::mutex mutex_;
};

tracing_options switched_off() {
  tracing_options options;
  options.enabled = false;
  return options;
}

std::string without_addresses(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "0x") != 0) {
      plain += text[i];
      continue;
    }
    plain += "AT";
    i = text.find_first_of(" ,\n", i) - 1;
  }
  return plain;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tracing)

BOOST_AUTO_TEST_CASE(the_sink_hears_of_every_block) {
  collecting_sink sink;
  coalescing_heap heap;
  tracing_resource memory(heap, sink);
  void* const p = memory.allocate(100, 32);
  BOOST_TEST((sink.last().kind == kind::allocate));
  BOOST_TEST(sink.last().address == p);
  BOOST_TEST(sink.last().bytes == 100u);
  BOOST_TEST(sink.last().alignment == 32u);
  BOOST_REQUIRE(memory.try_expand(p, 100, 300, 32));
  BOOST_TEST((sink.last().kind == kind::expand));
  BOOST_TEST(sink.last().bytes == 100u);
  BOOST_TEST(sink.last().new_bytes == 300u);
  BOOST_TEST(!memory.try_expand(p, 300, ~std::size_t{0}, 32));
  memory.deallocate(p, 300, 32);
  BOOST_TEST((sink.last().kind == kind::deallocate));
  BOOST_TEST(sink.last().bytes == 300u);
  void* const q = memory.try_allocate(5);
  BOOST_TEST((sink.last().kind == kind::allocate));
  BOOST_TEST(sink.last().address == q);
  (void)memory.trim();
  BOOST_TEST((sink.last().kind == kind::trim));
  memory.release();
  BOOST_TEST((sink.last().kind == kind::release));
  BOOST_TEST(sink.events.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_shrink_is_told_before_its_bytes_can_be_anothers) {
  /// Looks at the sink while it shrinks a block, or does not.
  class watching final : public resource {
   public:
    const collecting_sink* sink = nullptr;
    bool can = true;
    std::size_t told = 0;
    std::string_view kind() const noexcept override { return "watching"; }
    bool try_expand(void*, std::size_t, std::size_t, std::size_t) noexcept override {
      told = sink->events.size();
      return can;
    }

   private:
    void* do_allocate(std::size_t, std::size_t) override { return block_; }
    void do_deallocate(void*, std::size_t, std::size_t) override {}

    alignas(16) std::byte block_[64];
  };
  watching upstream;
  collecting_sink sink;
  upstream.sink = &sink;
  tracing_resource memory(upstream, sink);
  void* const p = memory.allocate(64, 16);
  BOOST_TEST(memory.try_expand(p, 64, 16, 16));
  BOOST_TEST(upstream.told == 2u);
  BOOST_TEST(sink.events.size() == 2u);
  upstream.can = false;
  BOOST_TEST(!memory.try_expand(p, 16, 8, 16));
  BOOST_REQUIRE(sink.events.size() == 4u);
  BOOST_TEST(sink.last().bytes == 8u);
  BOOST_TEST(sink.last().new_bytes == 16u);
  memory.deallocate(p, 16, 16);
}

BOOST_AUTO_TEST_CASE(the_sink_hears_of_refused_requests) {
  collecting_sink sink;
  testing::failing_resource failing;
  tracing_resource memory(failing, sink);
  failing.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)memory.allocate(70), testing::injected_failure);
  BOOST_TEST(memory.try_allocate(80) == nullptr);
  BOOST_REQUIRE(sink.events.size() == 2u);
  for (const memory_event& event : sink.events) {
    BOOST_TEST((event.kind == kind::refuse));
    BOOST_TEST(event.address == nullptr);
  }
  BOOST_TEST(sink.last().bytes == 80u);
}

BOOST_AUTO_TEST_CASE(it_is_switched_at_run_time) {
  collecting_sink sink;
  tracing_resource memory(*std::pmr::new_delete_resource(), sink, switched_off());
  BOOST_TEST(!memory.enabled());
  void* const p = memory.allocate(10);
  BOOST_TEST(sink.events.empty());
  memory.enable();
  memory.deallocate(p, 10);
  BOOST_TEST(sink.events.size() == 1u);
  memory.disable();
  memory.deallocate(memory.allocate(10), 10);
  memory.deallocate(memory.try_allocate(10), 10);
  (void)memory.trim();
  memory.release();
  BOOST_TEST(sink.events.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_sink_that_throws_changes_nothing_and_its_events_are_counted_as_lost) {
  collecting_sink sink;
  coalescing_heap heap;
  sink.throws = true;
  tracing_resource memory(heap, sink);
  void* const p = memory.allocate(10, 16);
  BOOST_TEST(memory.try_expand(p, 10, 20, 16));
  memory.deallocate(p, 20, 16);
  (void)memory.trim();
  memory.release();
  BOOST_TEST(memory.lost() == 5u);
  BOOST_TEST(heap.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(events_can_be_written_as_text) {
  coalescing_heap heap;
  std::ostringstream out;
  text_event_sink sink(out);
  tracing_options options;
  options.name = "entities";
  tracing_resource memory(heap, sink, options);
  void* const p = memory.allocate(24, 8);
  BOOST_REQUIRE(memory.try_expand(p, 24, 48, 8));
  memory.deallocate(p, 48, 8);
  BOOST_TEST(memory.try_allocate(~std::size_t{0} / 2, 8) == nullptr);
  memory.release();
  const std::string refused = std::to_string(~std::size_t{0} / 2);
  BOOST_TEST(without_addresses(out.str()) ==
             "entities allocate AT 24 bytes aligned to 8\n"
             "entities expand AT 24 to 48 bytes aligned to 8\n"
             "entities deallocate AT 48 bytes aligned to 8\n"
             "entities refuse " +
                 refused +
                 " bytes aligned to 8\n"
                 "entities release\n");
}

BOOST_AUTO_TEST_CASE(text_that_the_stream_does_not_take_is_lost_and_counted) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  text_event_sink sink(out);
  BOOST_CHECK_THROW(sink.write({kind::trim}), std::ios_base::failure);
  tracing_resource memory(*std::pmr::new_delete_resource(), sink);
  memory.deallocate(memory.allocate(1), 1);
  BOOST_TEST(memory.lost() == 2u);
}

BOOST_AUTO_TEST_CASE(with_eight_threads_each_address_is_heard_of_in_the_right_order) {
  collecting_sink sink;
  concurrent_pool pool;
  tracing_resource memory(pool, sink);
  test::in_threads(8, [&](std::size_t thread) {
    for (int i = 0; i < 500; ++i) {
      if (thread == 0 && i % 50 == 0) (void)memory.lost();
      memory.deallocate(memory.allocate(48), 48);
    }
  });
  BOOST_TEST(sink.events.size() == 8u * 1000);
  std::map<const void*, bool> live;
  bool in_order = true;
  for (const memory_event& event : sink.events) {
    bool& is_live = live[event.address];
    in_order = in_order && is_live == (event.kind == kind::deallocate);
    is_live = event.kind == kind::allocate;
  }
  BOOST_TEST(in_order);
}

BOOST_AUTO_TEST_CASE(eight_threads_write_whole_lines) {
  concurrent_pool pool;
  std::ostringstream out;
  text_event_sink sink(out);
  tracing_options options;
  options.name = "shared";
  tracing_resource memory(pool, sink, options);
  test::in_threads(8, [&](std::size_t) {
    for (int i = 0; i < 200; ++i) memory.deallocate(memory.allocate(48), 48);
  });
  std::istringstream lines(out.str());
  std::size_t count = 0;
  bool whole = true;
  const std::string end = " 48 bytes aligned to " + std::to_string(alignof(std::max_align_t));
  for (std::string line; std::getline(lines, line); ++count)
    whole = whole && (line.rfind("shared allocate 0x", 0) == 0 || line.rfind("shared deallocate 0x", 0) == 0) &&
            line.find(end) == line.size() - end.size();
  BOOST_TEST(whole);
  BOOST_TEST(count == 8u * 400);
}

BOOST_AUTO_TEST_CASE(what_happens_in_an_arena_is_told_once) {
  collecting_sink sink;
  chained_arena arena;
  statistics_resource between(arena);
  tracing_resource memory(between, sink);
  void* const p = memory.allocate(24, 8);
  memory.deallocate(p, 24, 8);
  const arena_mark mark = arena.mark();
  arena.push(10);
  arena.pop(10);
  {
    const scope inner(arena);
    arena.push(10);
  }
  arena.rewind(mark);
  BOOST_CHECK_THROW((void)memory.allocate(~std::size_t{0} / 2), std::bad_alloc);
  arena.clear();
  memory.release();
  std::string told;
  for (const memory_event& event : sink.events) told += std::string(name_of(event.kind)) + " ";
  BOOST_TEST(told == "grow allocate deallocate mark push pop mark push rewind rewind refuse clear release ");
  BOOST_TEST(sink.events[0].at_position);
  BOOST_TEST(!sink.events[1].at_position);
}

BOOST_AUTO_TEST_CASE(arenas_are_told_of_behind_several_upstreams_too) {
  collecting_sink sink;
  chained_arena small;
  chained_arena large;
  size_routing_resource routes({{small, 64}}, large);
  tracing_resource memory(routes, sink);
  small.push(1);
  large.push(2);
  BOOST_TEST(sink.events.size() == 4u);  // and both grew
  memory.disable();
  small.push(1);
  large.push(2);
  BOOST_TEST(sink.events.size() == 4u);
}

BOOST_AUTO_TEST_CASE(an_arena_is_told_of_only_while_enabled) {
  collecting_sink sink;
  chained_arena arena;
  {
    tracing_resource memory(arena, sink, switched_off());
    arena.push(1);
    BOOST_TEST(sink.events.empty());
    memory.enable();
    arena.push(1);
    BOOST_TEST(sink.events.size() == 1u);
    memory.disable();
    arena.push(1);
    memory.enable();
    arena.push(1);
    BOOST_TEST(sink.events.size() == 2u);
  }
  arena.push(1);
  BOOST_TEST(sink.events.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_arenas_event_a_sink_throws_at_is_counted) {
  collecting_sink sink;
  chained_arena arena;
  sink.throws = true;
  tracing_resource memory(arena, sink);
  arena.push(8);
  memory.deallocate(memory.allocate(8), 8);
  BOOST_TEST(memory.lost() == 4u);  // grow, push, allocate, deallocate
  BOOST_TEST(arena.lost_events() == 0u);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(every_kind_has_a_line) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  std::ostringstream out;
  text_event_sink sink(out);
  alignas(16) std::byte memory[256];
  monotonic_arena_options options;
  options.name = "frame";
  options.checked = false;
  monotonic_arena arena(memory, sizeof memory, options);
  arena.tell_events_to(&sink);
  const arena_mark mark = arena.mark();
  arena.push(24, 8);
  arena.pop(4);
  arena.rewind(mark);
  arena.clear();
  (void)arena.trim();
  arena.release();
  BOOST_CHECK_THROW(arena.push(1000), std::bad_alloc);
  sink.write({kind::grow, memory, 64, 0, 0, "heap"});
  sink.write({kind::expand, memory, 64, 8, 128, "heap"});
  BOOST_TEST(without_addresses(out.str()) ==
             "frame mark AT, position 0\n"
             "frame push AT 24 bytes aligned to 8, position 24\n"
             "frame pop AT 4 bytes, position 20\n"
             "frame rewind AT 20 bytes, position 0\n"
             "frame clear AT 0 bytes, position 0\n"
             "frame trim 0 bytes, position 0\n"
             "frame release, position 0\n"
             "frame refuse 1000 bytes aligned to 16, position 0\n"
             "heap grow AT 64 bytes\n"
             "heap expand AT 64 to 128 bytes aligned to 8\n");
}

BOOST_AUTO_TEST_SUITE_END()
