// A replay does to another resource what the trace says was done.

#include <algorithm>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/trace/replay.hpp>
#include <allot/trace/trace_sink.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/worker.hpp"
#include "trace/trace_files.hpp"

using namespace allot;
using namespace allot::test;
using testing::counting_resource;
using order = replay_options::order;
using content = replay_options::content;

namespace {

/// What a piece of code does to a traced pool, made ready.
replay_program recorded(const std::function<void(tracing_resource&)>& code) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    trace_sink sink(trace, "recorded");
    concurrent_pool pool;
    tracing_resource memory(pool, sink);
    code(memory);
    trace.close();
  }
  trace_reader reader(file.path());
  return replay_program(reader);
}

/// As many blocks of many sizes and alignments come, grow and go; some are left.
void churn(std::pmr::memory_resource& memory, std::size_t count, unsigned seed = 1) {
  struct block {
    void* address;
    std::size_t bytes;
    std::size_t alignment;
  };
  std::vector<block> live;
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    if (live.size() < 50 || random() % 2 == 0) {
      const std::size_t bytes = random() % 300;
      const std::size_t alignment = std::size_t{1} << random() % 7;
      live.push_back({memory.allocate(bytes, alignment), bytes, alignment});
      continue;
    }
    std::swap(live[random() % live.size()], live.back());
    memory.deallocate(live.back().address, live.back().bytes, live.back().alignment);
    live.pop_back();
  }
}

/// A resource that others are told of, and outlives its replay.
class lent final : public std::pmr::memory_resource {
 public:
  explicit lent(std::pmr::memory_resource& to) : to_(to) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return to_.allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    to_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource& to_;
};

replay_candidate on(std::pmr::memory_resource& memory) {
  return {"counted", [&](std::string_view) { return std::make_unique<lent>(memory); }};
}

template <class Resource>
replay_candidate fresh(const char* name) {
  return {name, [](std::string_view) { return std::make_unique<Resource>(); }};
}

replay_options looking(content blocks) {
  replay_options options;
  options.blocks = blocks;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(replays)

BOOST_AUTO_TEST_CASE(every_block_comes_and_goes_as_recorded) {
  const replay_program program = recorded([](tracing_resource& memory) { churn(memory, 5000); });
  BOOST_TEST(program.threads() == 1u);
  BOOST_TEST(program.mended() == 0u);
  BOOST_TEST_REQUIRE(program.resources().size() == 1u);
  BOOST_TEST(program.resources().front() == "recorded");
  BOOST_TEST(program.frees_at_end().size() == 2 * program.blocks() - program.operations().size());
  for (const content blocks : {content::untouched, content::touched, content::checked}) {
    counting_resource counted;
    const replay_result result = replay(program, on(counted), looking(blocks));
    BOOST_TEST(result.operations == program.operations().size());
    BOOST_TEST(result.refused == 0u);
    BOOST_TEST(result.damaged == 0u);
    BOOST_TEST(counted.allocations() == program.blocks());
    BOOST_TEST(counted.live_blocks() == 0u);
    BOOST_TEST(counted.mismatches().empty());
    BOOST_TEST(counted.peak_bytes() == program.peak_live());
    BOOST_TEST(result.peak_live == program.peak_live());
    BOOST_TEST(result.seconds > 0);
  }
}

BOOST_AUTO_TEST_CASE(strategies_are_measured_alike) {
  const replay_program program = recorded([](tracing_resource& memory) { churn(memory, 20000); });
  for (const replay_candidate& each : {fresh<pool_resource>("pool_resource"), fresh<coalescing_heap>("coalescing_heap"),
                                       fresh<chained_arena>("chained_arena")}) {
    const replay_result result = replay(program, each, looking(content::checked));
    BOOST_TEST(result.damaged == 0u, each.name);
    BOOST_TEST(result.peak_committed >= result.peak_live, each.name);
    BOOST_TEST(result.average_committed <= result.peak_committed, each.name);
    BOOST_TEST(result.average_committed > 0u, each.name);
    BOOST_TEST(result.pages_at_peak >= result.peak_live, each.name);
    BOOST_TEST(result.waste() >= 0, each.name);
    BOOST_TEST(result.waste() < 1, each.name);
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_resized_in_place_or_by_moving) {
  const replay_program program = recorded([](tracing_resource& memory) {
    for (int i = 0; i < 100; ++i) {
      void* const p = memory.allocate(100, 8);
      BOOST_TEST_REQUIRE(memory.try_expand(p, 100, 98, 8));
      BOOST_TEST_REQUIRE(memory.try_expand(p, 98, 104, 8));
      memory.deallocate(p, 104, 8);
    }
  });
  counting_resource foreign;
  BOOST_TEST(replay(program, on(foreign), looking(content::checked)).damaged == 0u);
  BOOST_TEST(foreign.allocations() == 300u);
  BOOST_TEST(foreign.mismatches().empty());
  BOOST_TEST(replay(program, fresh<pool_resource>("pool"), looking(content::checked)).damaged == 0u);
  BOOST_TEST(program.peak_live() == 104u);
}

BOOST_AUTO_TEST_CASE(a_release_takes_all_blocks_along) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    trace_sink first(trace, "arena");
    trace_sink second(trace, "other");
    chained_arena arena;
    pool_resource pool;
    tracing_resource frames(arena, first);
    tracing_resource others(pool, second);
    for (int frame = 0; frame < 10; ++frame) {
      for (std::size_t i = 1; i <= 100; ++i) (void)frames.allocate(i, 8);
      (void)others.allocate(7);
      frames.release();
    }
    trace.close();
  }
  trace_reader reader(file.path());
  const replay_program program(reader);
  BOOST_TEST(program.resources().size() == 2u);
  BOOST_TEST(program.frees_at_end().size() == 10u);
  counting_resource foreign;
  BOOST_TEST(replay(program, on(foreign)).refused == 0u);
  BOOST_TEST(foreign.allocations() == 1010u);
  BOOST_TEST(foreign.live_blocks() == 0u);
  BOOST_TEST(foreign.peak_bytes() == 5050u + 70);
  BOOST_TEST(foreign.mismatches().empty());
  const replay_result result = replay(program, fresh<pool_resource>("pool"), looking(content::checked));
  BOOST_TEST(result.damaged == 0u);
}

BOOST_AUTO_TEST_CASE(what_an_arena_gives_up_by_position_is_freed_the_newest_first) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    trace_sink sink(trace, "arena");
    chained_arena arena;
    tracing_resource memory(arena, sink);
    arena.push(10);
    (void)memory.allocate(20, 1);
    const arena_mark mark = arena.mark();
    arena.push(30);
    (void)memory.allocate(40, 1);
    arena.push(0);
    arena.rewind(mark);
    arena.push(50);
    arena.pop(50);
    arena.push(60);
    arena.clear();
    arena.push(70);
    trace.close();
  }
  trace_reader reader(file.path());
  const replay_program program(reader);
  std::string told;
  for (const replay_program::operation& each : program.operations())
    told += (each.what == replay_program::action::allocate ? "+" : "-") + std::to_string(each.bytes) + " ";
  BOOST_TEST(told == "+10 +20 +30 +40 -40 -30 +50 -50 +60 -60 -20 -10 +70 ");
  BOOST_TEST(program.frees_at_end().size() == 1u);
  BOOST_TEST(program.mended() == 0u);
  counting_resource counted;
  (void)replay(program, on(counted));
  BOOST_TEST(counted.mismatches().empty());
  BOOST_TEST(counted.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(threads_replay_together_what_they_did_to_each_others_blocks) {
  const replay_program program = recorded([](tracing_resource& memory) {
    std::mutex mutex;
    std::vector<void*> handed_on;
    in_threads(4, [&](std::size_t) {
      for (int i = 0; i < 2000; ++i) {
        void* const mine = memory.allocate(48);
        void* others = nullptr;
        {
          const std::lock_guard lock(mutex);
          handed_on.push_back(mine);
          if (handed_on.size() > 20) {
            others = handed_on.front();
            handed_on.erase(handed_on.begin());
          }
        }
        if (others != nullptr) memory.deallocate(others, 48);
      }
    });
    for (void* const left : handed_on) memory.deallocate(left, 48);
  });
  BOOST_TEST(program.threads() == 5u);  // the last blocks are freed by the first thread
  BOOST_TEST(program.frees_at_end().empty());
  for (const order keep : {order::of_blocks, order::recorded}) {
    replay_options options = looking(content::checked);
    options.keep = keep;
    const replay_result result = replay(program, fresh<concurrent_pool>("concurrent_pool"), options);
    BOOST_TEST(result.operations == 16000u);
    BOOST_TEST(result.refused == 0u);
    BOOST_TEST(result.damaged == 0u);
  }
}

BOOST_AUTO_TEST_CASE(the_recorded_order_is_kept_where_that_is_wanted) {
  const replay_program program = recorded([](tracing_resource& memory) {
    in_threads(4, [&](std::size_t thread) {
      for (std::size_t i = 1; i <= 300; ++i)
        memory.deallocate(memory.allocate(1 + thread * 1000 + i), 1 + thread * 1000 + i);
    });
  });
  std::vector<std::size_t> recorded_sizes;
  for (const replay_program::operation& each : program.operations())
    if (each.what == replay_program::action::allocate) recorded_sizes.push_back(static_cast<std::size_t>(each.bytes));

  class listening final : public std::pmr::memory_resource {
   public:
    explicit listening(std::vector<std::size_t>& sizes) : sizes_(sizes) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      const std::lock_guard lock(mutex_);
      sizes_.push_back(bytes);
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
      std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::mutex mutex_;
    std::vector<std::size_t>& sizes_;
  };
  for (const bool threads : {true, false}) {
    std::vector<std::size_t> sizes;
    replay_options options;
    options.threads = threads;
    options.keep = order::recorded;
    (void)replay(program, {"listening", [&](std::string_view) { return std::make_unique<listening>(sizes); }}, options);
    BOOST_TEST((sizes == recorded_sizes));
  }
}

BOOST_AUTO_TEST_CASE(what_a_candidate_refuses_is_counted_and_left_out) {
  const replay_program program = recorded([](tracing_resource& memory) {
    void* blocks[10];
    for (void*& p : blocks) p = memory.allocate(100);
    (void)memory.try_expand(blocks[9], 100, 104, 16);
    for (void* const p : blocks) memory.deallocate(p, 100);
  });
  counting_resource counted;
  limiting_resource limited(500, counted);
  const replay_result result = replay(program, on(limited));
  BOOST_TEST(result.refused == 5u);
  BOOST_TEST(counted.allocations() == 5u);
  BOOST_TEST(counted.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_candidate_that_hands_bytes_out_twice_is_found) {
  class broken final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t, std::size_t) override { return memory_; }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
    alignas(64) unsigned char memory_[400];
  };
  const replay_program program = recorded([](tracing_resource& memory) {
    void* const a = memory.allocate(10, 8);
    void* const b = memory.allocate(10, 8);
    memory.deallocate(a, 10, 8);
    memory.deallocate(b, 10, 8);
  });
  BOOST_TEST(replay(program, fresh<broken>("broken"), looking(content::checked)).damaged == 1u);
  BOOST_TEST(replay(program, fresh<broken>("broken"), looking(content::touched)).damaged == 0u);
}

BOOST_AUTO_TEST_CASE(events_without_those_they_belong_to_are_mended) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    trace_record event;
    event.alignment = 8;
    const auto write = [&](memory_event_kind kind, std::uint64_t address, std::uint64_t bytes) {
      event.kind = kind;
      event.address = address;
      event.bytes = bytes;
      trace.write(event);
    };
    write(memory_event_kind::deallocate, 0x1000, 8);  // before the recording
    write(memory_event_kind::allocate, 0x2000, 16);
    write(memory_event_kind::allocate, 0x2000, 24);  // the free was lost
    write(memory_event_kind::expand, 0x3000, 8);
    write(memory_event_kind::refuse, 0, 1000);
    trace.close();
  }
  trace_reader reader(file.path());
  const replay_program program(reader);
  BOOST_TEST(program.mended() == 3u);
  BOOST_TEST(program.refused() == 1u);
  BOOST_TEST(program.operations().size() == 3u);
  BOOST_TEST(program.peak_live() == 24u);
  counting_resource counted;
  (void)replay(program, on(counted));
  BOOST_TEST(counted.live_blocks() == 0u);
  BOOST_TEST(counted.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(a_resource_of_one_thread_stays_with_its_thread) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    in_threads(4, [&](std::size_t thread) {
      trace_sink sink(trace, "arena " + std::to_string(thread));
      chained_arena arena;
      tracing_resource memory(arena, sink);
      for (int frame = 0; frame < 20; ++frame) {
        for (std::size_t i = 0; i < 300; ++i) (void)memory.allocate(1 + i % 50, 8);
        memory.release();
      }
    });
    trace.close();
  }
  trace_reader reader(file.path());
  const replay_program program(reader);
  replay_options options = looking(content::checked);
  options.sample_every = 10;
  for (int i = 0; i < 5; ++i) {
    const replay_result result = replay(program, fresh<chained_arena>("chained_arena"), options);
    BOOST_TEST(result.damaged == 0u);
    BOOST_TEST(result.peak_committed > 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_release_of_what_threads_share_takes_only_what_was_there) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    trace_sink sink(trace, "shared");
    coalescing_heap heap;
    std::mutex mutex;
    tracing_resource memory(heap, sink);
    in_threads(4, [&](std::size_t thread) {
      for (std::size_t i = 0; i < 300; ++i) {
        const std::lock_guard lock(mutex);
        (void)memory.allocate(1 + i % 50, 8);
        if (thread == 0 && i % 50 == 49) memory.release();
      }
    });
    trace.close();
  }
  trace_reader reader(file.path());
  const replay_program program(reader);
  const replay_candidate shared{"shared heap", [](std::string_view) {
                                  static coalescing_heap heap;
                                  heap.release();
                                  return std::make_unique<synchronized_resource<>>(heap);
                                }};
  for (int i = 0; i < 5; ++i) BOOST_TEST(replay(program, shared, looking(content::checked)).damaged == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_candidate_throws_in_a_thread_comes_through) {
  class failing final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t, std::size_t) override { throw std::runtime_error("never"); }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  };
  const replay_program program = recorded(
      [](tracing_resource& memory) { in_threads(3, [&](std::size_t) { memory.deallocate(memory.allocate(8), 8); }); });
  for (const bool threads : {true, false}) {
    replay_options options;
    options.threads = threads;
    BOOST_CHECK_THROW((void)replay(program, fresh<failing>("failing"), options), std::runtime_error);
  }
}

BOOST_AUTO_TEST_CASE(odd_wishes) {
  const replay_program program = recorded([](tracing_resource& memory) { churn(memory, 100); });
  replay_options options;
  options.sample_every = 0;
  BOOST_TEST(replay(program, fresh<pool_resource>("pool"), options).refused == 0u);
  const replay_candidate null{"null", [](std::string_view) { return std::unique_ptr<std::pmr::memory_resource>(); }};
  BOOST_CHECK_THROW((void)replay(program, null), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(what_a_candidate_throws_while_it_is_made_comes_through) {
  const replay_program program = recorded([](tracing_resource& memory) { churn(memory, 100); });
  const replay_candidate none{"none", [](std::string_view) -> std::unique_ptr<std::pmr::memory_resource> {
                                throw std::runtime_error("not today");
                              }};
  BOOST_CHECK_THROW((void)replay(program, none), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(an_empty_trace_is_replayed_in_no_time) {
  const replay_program program = recorded([](tracing_resource&) {});
  const replay_result result = replay(program, fresh<pool_resource>("pool"));
  BOOST_TEST(result.operations == 0u);
  BOOST_TEST(result.peak_live == 0u);
}

BOOST_AUTO_TEST_CASE(resources_of_the_trace_on_the_same_memory_are_counted_once_and_not_released_for_others) {
  const temporary_file file("replay");
  {
    trace_writer trace(file.path());
    trace_sink one_sink(trace, "one");
    trace_sink two_sink(trace, "two");
    chained_arena one_arena;
    chained_arena two_arena;
    tracing_resource one(one_arena, one_sink);
    tracing_resource two(two_arena, two_sink);
    void* const kept = two.allocate(1000);
    (void)one.allocate(1000);
    one.release();
    for (int i = 0; i < 100; ++i) (void)one.allocate(1000);
    one.release();
    two.deallocate(kept, 1000);
  }
  trace_reader reader(file.path());
  const replay_program program(reader);
  const auto result = [&](const replay_candidate& candidate) {
    replay_options options;
    options.blocks = content::checked;
    options.sample_every = 1;
    return replay(program, candidate, options);
  };
  const auto shared = std::make_shared<chained_arena>();
  const replay_result both = result({"both", [&](std::string_view) { return shared; }});
  BOOST_TEST(both.damaged == 0u);
  BOOST_TEST(both.peak_committed == shared->usage().committed);
}

BOOST_AUTO_TEST_SUITE_END()
