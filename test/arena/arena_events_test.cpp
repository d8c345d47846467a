#include <allot/arena/chained_arena.hpp>
#include <allot/arena/inner_scratch.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/event_sink.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/conforms.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;
using kind = memory_event_kind;

namespace {

class collecting_sink final : public event_sink {
 public:
  explicit collecting_sink(memory_event_kinds wanted = memory_event_kinds::all()) noexcept : wanted_(wanted) {}

  std::vector<memory_event> events;
  bool throws = false;

  void write(const memory_event& event) override {
    if (throws) throw std::runtime_error("full");
    events.push_back(event);
  }
  memory_event_kinds wanted() const noexcept override { return wanted_; }

  /// The kinds told since the last call.
  std::string told() {
    std::string text;
    for (const memory_event& event : events) text += (text.empty() ? "" : " ") + std::string(name_of(event.kind));
    events.clear();
    return text;
  }
  memory_event last() const { return events.empty() ? memory_event{} : events.back(); }

 private:
  memory_event_kinds wanted_;
};

/// The last event is this one, told by an arena.
bool is(const memory_event& event, kind wanted, const void* address, std::size_t bytes, std::size_t alignment,
        std::size_t position, std::size_t new_bytes = 0) {
  BOOST_TEST(name_of(event.kind) == name_of(wanted));
  BOOST_TEST(event.address == address);
  BOOST_TEST(event.bytes == bytes);
  BOOST_TEST(event.alignment == alignment);
  BOOST_TEST(event.new_bytes == new_bytes);
  BOOST_TEST(event.position == position);
  BOOST_TEST(event.at_position);
  return event.kind == wanted && event.address == address;
}

monotonic_arena_options named(std::string_view name) {
  monotonic_arena_options options;
  options.name = name;
  options.checked = false;
  return options;
}

constexpr std::size_t room = 1024;

}  // namespace

BOOST_AUTO_TEST_SUITE(arena_events)

BOOST_AUTO_TEST_CASE(every_call_is_told_with_its_exact_values) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  collecting_sink sink;
  alignas(64) std::array<std::byte, room> memory;
  monotonic_arena arena(memory.data(), memory.size(), named("frame"));
  BOOST_TEST(arena.tell_events_to(&sink));
  std::byte* const start = memory.data();
  void* const first = arena.push(10);
  BOOST_TEST(is(sink.last(), kind::push, first, 10, 16, 10));
  BOOST_TEST(sink.last().resource == "frame");
  void* const second = arena.push(8, 8);
  BOOST_TEST(is(sink.last(), kind::push, second, 8, 8, 24));
  arena.align_to(64);
  BOOST_TEST(is(sink.last(), kind::push, start + 64, 0, 64, 64));
  const void* const nothing = arena.push(0);
  BOOST_TEST(is(sink.last(), kind::push, nothing, 0, 16, 64));
  const arena_mark mark = arena.mark();
  BOOST_TEST(is(sink.last(), kind::mark, start + 64, 0, 0, 64));
  int* const number = arena.push<int>(7);
  BOOST_TEST(is(sink.last(), kind::push, number, 4, 4, 68));
  arena.push_zeroed(100, 1);
  BOOST_TEST(is(sink.last(), kind::push, start + 68, 100, 1, 168));
  arena.pop(60);
  BOOST_TEST(is(sink.last(), kind::pop, start + 108, 60, 0, 108));
  arena.pop_to(100);
  BOOST_TEST(is(sink.last(), kind::pop, start + 100, 8, 0, 100));
  arena.rewind(mark);
  BOOST_TEST(is(sink.last(), kind::rewind, start + 64, 36, 0, 64));
  BOOST_TEST(arena.try_rewind(mark));
  BOOST_TEST(is(sink.last(), kind::rewind, start + 64, 0, 0, 64));
  arena.clear();
  BOOST_TEST(is(sink.last(), kind::clear, start, 64, 0, 0));
  BOOST_TEST(sink.told() == "push push push push mark push push pop pop rewind rewind clear");
}

BOOST_AUTO_TEST_CASE(as_a_memory_resource_it_tells_of_blocks) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  collecting_sink sink;
  alignas(64) std::array<std::byte, room> memory;
  monotonic_arena arena(memory.data(), memory.size(), named("blocks"));
  arena.tell_events_to(&sink);
  std::pmr::memory_resource& plain = arena;
  void* const p = plain.allocate(24, 8);
  BOOST_TEST(is(sink.last(), kind::allocate, p, 24, 8, 24));
  BOOST_TEST(arena.try_expand(p, 24, 48, 8));
  BOOST_TEST(is(sink.last(), kind::expand, p, 24, 8, 48, 48));
  BOOST_TEST(!arena.try_expand(p, 48, 2 * room, 8));
  plain.deallocate(p, 48, 8);
  BOOST_TEST(is(sink.last(), kind::deallocate, p, 48, 8, 48));
  BOOST_TEST(arena.position() == 0u);
  BOOST_CHECK_THROW(arena.allocate(2 * room, 32), allocation_error);
  BOOST_TEST(is(sink.last(), kind::refuse, nullptr, 2 * room, 32, 0));
  BOOST_CHECK_THROW(arena.push(2 * room), allocation_error);
  BOOST_TEST(is(sink.last(), kind::refuse, nullptr, 2 * room, 16, 0));
  BOOST_TEST(arena.trim() == 0u);
  arena.release();
  BOOST_TEST(sink.told() == "allocate expand deallocate refuse refuse trim release");
}

BOOST_AUTO_TEST_CASE(a_reservation_tells_what_it_commits_and_gives_back) {
  collecting_sink sink;
  {
    monotonic_arena arena(std::size_t{8} << 20);
    arena.tell_events_to(&sink);
    arena.push(100);
    BOOST_REQUIRE(sink.events.size() == 2u);
    const memory_event grown = sink.events[0];
    BOOST_TEST(is(grown, kind::grow, arena.data(), arena.usage().committed, 0, 0));
    BOOST_TEST(name_of(sink.last().kind) == "push");
    const std::size_t before = arena.usage().committed;
    arena.push(before);
    const memory_event more = sink.events[2];
    BOOST_TEST(is(more, kind::grow, arena.data() + before, arena.usage().committed - before, 0, 100));
    sink.told();
    const std::size_t committed = arena.usage().committed;
    arena.clear(0);
    BOOST_TEST(is(sink.last(), kind::trim, nullptr, committed - arena.usage().committed, 0, 0));
    BOOST_TEST(sink.told() == "clear trim");
    (void)arena.resize(std::size_t{16} << 20);
    BOOST_TEST(is(sink.last(), kind::expand, arena.data(), std::size_t{8} << 20, 0, 0, arena.size()));
    sink.told();
  }
  BOOST_TEST(sink.told() == "release");
}

BOOST_AUTO_TEST_CASE(a_block_from_upstream_is_growth_once_it_serves) {
  collecting_sink sink;
  testing::counting_resource upstream;
  monotonic_arena arena(room, &upstream);
  arena.tell_events_to(&sink);
  BOOST_CHECK_THROW(arena.push(room + 1), allocation_error);
  BOOST_TEST(sink.told() == "refuse");
  arena.push(8);
  BOOST_TEST(is(sink.events[0], kind::grow, arena.data(), room, 0, 8));
  BOOST_TEST(sink.told() == "grow push");
}

BOOST_AUTO_TEST_CASE(a_chain_tells_of_its_blocks) {
  collecting_sink sink;
  testing::counting_resource upstream;
  {
    chained_arena arena(&upstream);
    arena.tell_events_to(&sink);
    arena.push(100);
    BOOST_TEST(is(sink.events[0], kind::grow, sink.events[0].address, 1024, 0, 0));
    arena.push(2000);
    const arena_mark mark = arena.mark();
    arena.push(5000);
    BOOST_TEST(sink.told() == "grow push grow push mark grow push");
    const std::size_t inside = arena.position() - mark.position();
    arena.rewind(mark);
    BOOST_TEST(sink.last().bytes == inside);
    BOOST_TEST(sink.told() == "rewind");
    arena.push(4000);
    BOOST_TEST(sink.told() == "push");  // in the block that was kept
    arena.clear();
    BOOST_TEST(name_of(sink.last().kind) == "clear");
    sink.told();
    const std::size_t held = arena.usage().committed;
    BOOST_TEST(arena.trim() == held);
    BOOST_TEST(is(sink.last(), kind::trim, nullptr, held, 0, 0));
    void* const p = arena.allocate(10, 2);
    arena.deallocate(p, 10, 2);
    BOOST_TEST(is(sink.last(), kind::deallocate, p, 10, 2, arena.position()));
    arena.release();
    BOOST_TEST(sink.told() == "trim grow allocate deallocate release");
    arena.push(1);
    sink.told();
  }
  BOOST_TEST(sink.told() == "release");
}

BOOST_AUTO_TEST_CASE(virtual_blocks_tell_of_every_commit) {
  collecting_sink sink({kind::grow});
  chained_arena_options options;
  options.virtual_blocks = true;
  chained_arena arena(options);
  arena.tell_events_to(&sink);
  std::size_t grown = 0;
  for (int i = 0; i < 40; ++i) arena.push(std::size_t{100} << 10);
  BOOST_TEST(sink.events.size() > 2u);
  for (const memory_event& event : sink.events) grown += event.bytes;
  BOOST_TEST(grown == arena.usage().committed);
}

BOOST_AUTO_TEST_CASE(a_local_arena_tells_under_its_own_name) {
  collecting_sink sink;
  local_arena<room> arena(named("here"));
  arena.tell_events_to(&sink);
  arena.push(8);
  BOOST_TEST(sink.last().resource == "here");
  local_arena<room> nameless;
  nameless.tell_events_to(&sink);
  nameless.push(8);
  BOOST_TEST(sink.last().resource == "local_arena");
}

BOOST_AUTO_TEST_CASE(a_scopes_start_is_told_with_the_first_call_inside) {
  collecting_sink sink;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena arena(memory.data(), memory.size(), named("frame"));
  arena.tell_events_to(&sink);
  arena.push(32);
  sink.told();
  { const scope nothing_in_it(arena); }
  BOOST_TEST(sink.told() == "");
  {
    const scope outer(arena);
    arena.push(16);
    BOOST_TEST(is(sink.events[0], kind::mark, memory.data() + 32, 0, 0, 32));
    BOOST_TEST(sink.told() == "mark push");
    {
      const scope inner(arena);
      arena.push(16);
      arena.push(16);
    }
    BOOST_TEST(is(sink.last(), kind::rewind, memory.data() + 48, 32, 0, 48));
    BOOST_TEST(sink.told() == "mark push push rewind");
    arena.push(16);
    BOOST_TEST(sink.told() == "push");
  }
  BOOST_TEST(is(sink.last(), kind::rewind, memory.data() + 32, 32, 0, 32));
  BOOST_TEST(sink.told() == "rewind");
  arena.push(1);
  BOOST_TEST(sink.told() == "push");
}

BOOST_AUTO_TEST_CASE(scopes_at_one_place_are_told_apart) {
  collecting_sink sink;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena arena(memory.data(), memory.size(), named("frame"));
  arena.tell_events_to(&sink);
  arena.push(16);
  const arena_mark mark = arena.mark();
  sink.told();
  {
    const scope at_the_mark(arena);
    arena.push(16);
  }
  BOOST_TEST(sink.told() == "mark push rewind");
  scope kept(arena);
  arena.push(16);
  kept.dismiss();
  arena.push(16);
  BOOST_TEST(sink.told() == "mark push push");
  arena.rewind(mark);
  BOOST_TEST(sink.told() == "rewind");
}

BOOST_AUTO_TEST_CASE(scratch_tells_like_the_arena_it_is_on) {
  collecting_sink sink;
  scratch_pair pair;
  BOOST_TEST(pair.tell_events_to(&sink));
  {
    scratch first = pair.get();
    first.push(1);
    scratch second = pair.get(first);
    second.push(1);
    BOOST_TEST(sink.told() == "grow push grow push");
  }
  sink.told();
  {
    scratch outer = pair.get();
    outer.push(64);
    BOOST_TEST(sink.last().resource == "scratch");
    scratch inner = pair.get(outer);
    inner.push(64);
    inner.deallocate(inner.allocate(8), 8);
  }
  BOOST_TEST(sink.told() == "mark push mark push allocate deallocate rewind rewind");
  scratch one = pair.get();
  BOOST_TEST(one.tell_events_to(nullptr));
  one.push(1);
  BOOST_TEST(sink.told() == "");
}

BOOST_AUTO_TEST_CASE(inner_scratch_tells_what_it_keeps) {
  collecting_sink sink;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena arena(memory.data(), memory.size(), named("frame"));
  arena.tell_events_to(&sink);
  arena.push(16);
  sink.told();
  {
    inner_scratch inner(arena, 128);
    arena.push(64);
    inner.keep(32);
  }
  BOOST_TEST(is(sink.last(), kind::rewind, memory.data() + 48, 160, 0, 48));
  BOOST_TEST(sink.told() == "mark push push rewind");
}

BOOST_AUTO_TEST_CASE(a_sub_arena_has_a_sink_of_its_own) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  collecting_sink of_parent;
  collecting_sink of_slice;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena parent(memory.data(), memory.size(), named("parent"));
  parent.tell_events_to(&of_parent);
  {
    monotonic_arena slice = parent.carve(256, 16, "slice");
    BOOST_TEST(is(of_parent.last(), kind::push, memory.data(), 256, 16, 256));
    slice.push(8);
    BOOST_TEST(of_parent.told() == "push");
    slice.tell_events_to(&of_slice);
    slice.push(8);
    BOOST_TEST(is(of_slice.last(), kind::push, memory.data() + 16, 8, 16, 24));
    BOOST_TEST(of_slice.last().resource == "slice");
    monotonic_arena moved = std::move(slice);
    moved.push(8);
    BOOST_TEST(of_slice.told() == "push push");
  }
  BOOST_TEST(of_slice.told() == "release");
  parent.push(8);
  parent.clear();
  BOOST_TEST(of_parent.told() == "push clear");
}

BOOST_AUTO_TEST_CASE(a_sink_that_wants_growth_leaves_the_inline_path_open) {
  collecting_sink sink({kind::grow, kind::clear});
  chained_arena_options options;
  options.checked = false;
  chained_arena arena(options);
  arena.tell_events_to(&sink);
  for (int i = 0; i < 100; ++i) arena.push(100);
  arena.clear();
  const std::string told = sink.told();
  BOOST_TEST(told.find("push") == std::string::npos);
  BOOST_TEST(told.substr(told.size() - 5) == "clear");
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(events_begin_and_end_with_the_next_allocation) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  collecting_sink first;
  collecting_sink second;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena arena(memory.data(), memory.size(), named("frame"));
  arena.push(1);
  arena.tell_events_to(&first);
  arena.push(1);
  arena.tell_events_to(&second);
  arena.push(1);
  arena.tell_events_to(nullptr);
  arena.push(1);
  BOOST_TEST(first.told() == "push");
  BOOST_TEST(second.told() == "push");
  BOOST_TEST(arena.position() == 49u);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(a_sink_that_throws_changes_nothing_and_is_counted) {
  collecting_sink sink;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena told(memory.data(), memory.size() / 2, named("told"));
  monotonic_arena twin(memory.data() + room / 2, memory.size() / 2, named("twin"));
  sink.throws = true;
  told.tell_events_to(&sink);
  for (monotonic_arena* arena : {&told, &twin}) {
    const arena_mark mark = arena->mark();
    arena->push(24);
    void* const p = arena->allocate(10);
    arena->deallocate(p, 10);
    BOOST_CHECK_THROW(arena->push(2 * room), allocation_error);
    arena->push(8);
    arena->rewind(mark);
    arena->push(40);
  }
  BOOST_TEST(told.lost_events() == 8u);
  BOOST_TEST((told.usage() == twin.usage()));
  BOOST_TEST(told.position() == twin.position());
  BOOST_TEST(told.check());
}

BOOST_AUTO_TEST_CASE(blocks_lie_where_they_lie_without_a_sink) {
  collecting_sink sink;
  alignas(64) std::array<std::byte, 2 * room> memory;
  monotonic_arena told(memory.data(), room, named("told"));
  monotonic_arena twin(memory.data() + room, room, named("twin"));
  told.tell_events_to(&sink);
  for (std::size_t i = 1; i < 20; ++i) {
    const auto* const here = static_cast<std::byte*>(told.allocate(i, 1));
    const auto* const there = static_cast<std::byte*>(twin.allocate(i, 1));
    BOOST_TEST(here - memory.data() == there - memory.data() - static_cast<std::ptrdiff_t>(room));
  }
  BOOST_TEST(told.position() == twin.position());
}

BOOST_AUTO_TEST_CASE(a_misused_arena_tells_and_reports) {
  collecting_sink sink;
  test::misuse_watch watch;
  alignas(16) std::array<std::byte, room> memory;
  monotonic_arena_options options = named("frame");
  options.checked = true;
  monotonic_arena arena(memory.data(), memory.size(), options);
  arena.tell_events_to(&sink);
  const arena_mark mark = arena.mark();
  void* const p = arena.push(8);
  BOOST_TEST(p == memory.data());
  arena.pop(8);
  BOOST_TEST(sink.told() == "mark push pop");
  arena.pop(100);
  BOOST_TEST(watch.only(misuse_kind::invalid_position));
  BOOST_TEST(sink.told() == "");
  arena.rewind(mark);
  BOOST_TEST(sink.told() == "rewind");
}

BOOST_AUTO_TEST_CASE(switching_from_another_thread_reaches_an_arena_that_only_pushes_inline) {
  class counting_sink final : public event_sink {
   public:
    std::atomic<std::size_t> events{0};
    void write(const memory_event&) override { ++events; }
  };
  counting_sink sink;
  monotonic_arena arena(std::size_t{64} << 20);
  std::atomic<bool> done{false};
  std::size_t pushes = 0;
  test::worker owner;
  owner.start([&] {
    while (!done) {
      const scope here(arena);
      for (int i = 0; i < 100; ++i) {
        *static_cast<int*>(arena.push(16)) = i;
        ++pushes;
      }
      (void)arena.mark();
    }
  });
  for (int i = 0; i < 200; ++i) {
    const std::size_t before = sink.events;
    arena.tell_events_to(&sink);
    while (sink.events == before) {
    }
    arena.tell_events_to(nullptr);
  }
  done = true;
  owner.wait();
  BOOST_TEST(sink.events >= 200u);
  const std::size_t told = sink.events;
  arena.push(16);
  arena.push(16);
  BOOST_TEST(sink.events == told);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(arenas_that_tell_conform) {
  class forgetting_sink final : public event_sink {
   public:
    void write(const memory_event& event) override {
      if (++seen_ % 3 == 0) throw std::runtime_error(std::string(name_of(event.kind)));
    }

   private:
    std::size_t seen_ = 0;
  };
  static forgetting_sink sink;
  test::expect_conforms(testing::make_subject("chained_arena that tells", [](std::pmr::memory_resource& upstream) {
    auto made = std::make_unique<chained_arena>(&upstream);
    made->tell_events_to(&sink);
    return made;
  }));
  static constexpr std::size_t capacity = std::size_t{1} << 20;
  test::expect_conforms(testing::make_subject(
      "monotonic_arena that tells",
      [](std::pmr::memory_resource& upstream) {
        auto made = std::make_unique<monotonic_arena>(capacity, &upstream);
        made->tell_events_to(&sink);
        return made;
      },
      memory_tools::active() ? capacity / 64 : capacity));
}

BOOST_AUTO_TEST_SUITE_END()
