#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/inner_scratch.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/block/page_block.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <memory_resource>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::all_are;
using test::fill;
using test::misuse_watch;
using test::with_code;
using testing::counting_resource;

namespace {

/// Runs `use` on an arena over each kind of memory, each of 64 KiB or more, empty and with something in it, checked and
/// not. Nothing may be reported.
void on_each_arena(const std::function<void(arena&)>& use) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    for (const std::size_t before : {std::size_t{0}, std::size_t{77}}) {
      const auto run = [&](const char* what, arena& memory) {
        BOOST_TEST_CONTEXT(what << (checked ? ", checked, " : ", ") << before << " bytes before") {
          BOOST_REQUIRE(memory.checked() == checked);
          void* const old = before != 0 ? memory.push(before, 1) : nullptr;
          if (old != nullptr) fill(old, before, 0x3c);
          use(memory);
          BOOST_TEST((old == nullptr || all_are(old, before, 0x3c)));
          BOOST_TEST(memory.position() >= before);
          BOOST_TEST(memory.check());
          BOOST_TEST(watch.nothing());
        }
      };
      monotonic_arena_options options;
      options.checked = checked;
      {
        monotonic_arena reservation(options);
        run("own reservation", reservation);
      }
      {
        counting_resource upstream;
        options.upstream = &upstream;
        options.size = 64_KiB;
        monotonic_arena from_upstream(options);
        run("upstream", from_upstream);
      }
      {
        alignas(16) std::array<std::byte, 64_KiB> buffer;
        monotonic_arena on_buffer(buffer.data(), buffer.size(), options);
        run("buffer", on_buffer);
      }
      {
        monotonic_arena owned(page_block(64_KiB), options);
        run("owned block", owned);
        const page_block block(64_KiB);
        monotonic_arena viewed(block, options);
        run("viewed block", viewed);
      }
      {
        options.upstream = nullptr;
        options.size = 1_MiB;
        monotonic_arena parent(options);
        (void)parent.push(3, 1);
        monotonic_arena slice = parent.carve(64_KiB);
        run("slice", slice);
      }
      {
        local_arena<64_KiB> local(options);
        run("local_arena", local);
      }
      chained_arena_options chained;
      chained.checked = checked;
      {
        chained.first_block = 256;
        chained.growth_percent = 100;
        counting_resource upstream;
        chained.upstream = &upstream;
        chained_arena small_blocks(chained);
        run("chained_arena, small blocks", small_blocks);
      }
      {
        std::array<std::byte, 500> buffer;
        chained.upstream = nullptr;
        chained_arena with_buffer(buffer.data(), buffer.size(), chained);
        run("chained_arena, buffer", with_buffer);
      }
      {
        chained.virtual_blocks = true;
        chained.reserve = 128_KiB;
        chained_arena virtual_blocks(chained);
        run("chained_arena, virtual blocks", virtual_blocks);
      }
      {
        scratch_options scratch;
        scratch.checked = checked;
        scratch_pair pair(scratch);
        run("scratch", pair.pick());
      }
    }
  }
}

/// Temporary data that fills several small blocks.
void make_temporary(arena& memory, unsigned value) {
  std::pmr::vector<int> numbers(&memory);
  for (int i = 0; i < 500; ++i) numbers.push_back(i);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{240}, std::size_t{1000}})
    fill(memory.push(bytes, 1), bytes, value);
  fill(memory.allocate(200, 64), 200, value);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(inner_scratches)

BOOST_AUTO_TEST_CASE(the_result_stays_and_the_temporary_memory_goes) {
  on_each_arena([](arena& memory) {
    for (unsigned round = 1; round <= 3; ++round) {
      const std::size_t before = memory.position();
      std::size_t behind = 0;
      void* result = nullptr;
      {
        inner_scratch inner(memory, 1000);
        behind = memory.position();
        BOOST_TEST(behind >= before + 1000);
        BOOST_TEST(inner.room() == 1000u);
        result = inner.result();
        make_temporary(memory, 0xee);
        fill(result, 1000, round);
        make_temporary(memory, 0xdd);
        BOOST_TEST(inner.keep(300) == result);
      }
      BOOST_TEST(memory.position() == behind - 1000 + 300);
      BOOST_TEST(all_are(result, 300, round));
      void* const next = memory.push(100, 1);
      fill(next, 100, 0x11);
      BOOST_TEST(all_are(result, 300, round));
    }
  });
}

BOOST_AUTO_TEST_CASE(in_contiguous_memory_the_next_bytes_follow_the_result) {
  local_arena<4096> memory;
  void* result = nullptr;
  {
    inner_scratch inner(memory, 1000);
    result = inner.result();
    BOOST_TEST(memory.push(8, 1) == static_cast<char*>(result) + 1000);
    (void)inner.keep(123);
  }
  BOOST_TEST(memory.push(8, 1) == static_cast<char*>(result) + 123);
}

BOOST_AUTO_TEST_CASE(without_keep_nothing_stays) {
  on_each_arena([](arena& memory) {
    const std::size_t before = memory.position();
    {
      const inner_scratch inner(memory, 1000);
      fill(inner.result(), 1000, 1);
      make_temporary(memory, 2);
    }
    BOOST_TEST(memory.position() == before);
    BOOST_TEST(all_are(memory.push_zeroed(3000), 3000, 0));
  });
}

BOOST_AUTO_TEST_CASE(nothing_is_kept_on_request) {
  on_each_arena([](arena& memory) {
    const std::size_t before = memory.position();
    {
      inner_scratch inner(memory, 1000);
      make_temporary(memory, 2);
      BOOST_TEST(inner.keep(500) == inner.result());
      BOOST_TEST(inner.keep(0) == inner.result());
    }
    BOOST_TEST(memory.position() == before);
  });
}

BOOST_AUTO_TEST_CASE(all_the_room_can_be_kept) {
  on_each_arena([](arena& memory) {
    void* result = nullptr;
    std::size_t behind = 0;
    {
      inner_scratch inner(memory, 600);
      behind = memory.position();
      result = inner.result();
      fill(result, 600, 5);
      make_temporary(memory, 2);
      (void)inner.keep(600);
    }
    BOOST_TEST(memory.position() == behind);
    fill(memory.push(10, 1), 10, 6);
    BOOST_TEST(all_are(result, 600, 5));
  });
}

BOOST_AUTO_TEST_CASE(of_several_keeps_the_last_counts_and_too_much_is_refused) {
  on_each_arena([](arena& memory) {
    std::size_t behind = 0;
    {
      inner_scratch inner(memory, 600);
      behind = memory.position();
      (void)inner.keep(600);
      (void)inner.keep(10);
      (void)inner.keep(40);
      try {
        (void)inner.keep(601);
        BOOST_ERROR("more than the room was kept");
      } catch (const allocation_error& error) {
        BOOST_TEST((error.code() == memory_errc::limit_reached));
        BOOST_TEST(error.bytes() == 601u);
        BOOST_TEST(error.limit() == 600u);
      }
      BOOST_CHECK_THROW((void)inner.keep(static_cast<std::size_t>(-1)), allocation_error);
    }
    BOOST_TEST(memory.position() == behind - 600 + 40);
  });
}

BOOST_AUTO_TEST_CASE(a_refused_keep_alone_keeps_nothing) {
  local_arena<1024> memory;
  {
    inner_scratch inner(memory, 100);
    BOOST_CHECK_THROW((void)inner.keep(101), allocation_error);
  }
  BOOST_TEST(memory.position() == 0u);
}

BOOST_AUTO_TEST_CASE(a_computation_that_throws_keeps_nothing) {
  on_each_arena([](arena& memory) {
    for (const bool said : {false, true}) {
      const std::size_t before = memory.position();
      try {
        inner_scratch inner(memory, 600);
        make_temporary(memory, 2);
        if (said) (void)inner.keep(100);
        throw std::runtime_error("no result");
      } catch (const std::runtime_error&) {
      }
      BOOST_TEST(memory.position() == before, "kept before: " << said);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_result_made_while_another_exception_is_under_way_is_kept) {
  struct computes {
    arena& memory;
    void*& result;
    ~computes() {
      inner_scratch inner(memory, 100);
      result = inner.keep(50);
    }
  };
  local_arena<1024> memory;
  void* result = nullptr;
  try {
    const computes at_the_end{memory, result};
    throw std::runtime_error("elsewhere");
  } catch (const std::runtime_error&) {
  }
  BOOST_TEST(memory.position() == 50u);
  BOOST_TEST(memory.push(1, 1) == static_cast<char*>(result) + 50);
}

BOOST_AUTO_TEST_CASE(the_result_has_the_alignment_asked_for) {
  on_each_arena([](arena& memory) {
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
      const std::size_t before = memory.position();
      std::size_t behind = 0;
      void* result = nullptr;
      {
        inner_scratch inner(memory, 50, alignment);
        behind = memory.position();
        result = inner.result();
        BOOST_TEST(is_aligned(result, alignment));
        fill(result, 50, 3);
        make_temporary(memory, 9);
        (void)inner.keep(7);
      }
      BOOST_TEST(memory.position() == behind - 43);
      BOOST_TEST(memory.position() >= before + 7);
      BOOST_TEST(all_are(result, 7, 3));
    }
    BOOST_TEST(is_aligned(inner_scratch(memory, 8).result(), alignof(std::max_align_t)));
  });
}

BOOST_AUTO_TEST_CASE(an_inner_scratch_may_have_no_room) {
  on_each_arena([](arena& memory) {
    const std::size_t before = memory.position();
    {
      inner_scratch inner(memory, 0);
      BOOST_TEST(inner.result() != nullptr);
      BOOST_TEST(is_aligned(inner.result(), alignof(std::max_align_t)));
      make_temporary(memory, 9);
      (void)inner.keep(0);
      BOOST_CHECK_EXCEPTION((void)inner.keep(1), allocation_error, with_code(memory_errc::limit_reached));
    }
    BOOST_TEST(memory.position() == before);
  });
}

BOOST_AUTO_TEST_CASE(inner_scratches_nest) {
  on_each_arena([](arena& memory) {
    void* outer_result = nullptr;
    std::size_t behind = 0;
    {
      inner_scratch outer(memory, 400);
      behind = memory.position();
      outer_result = outer.result();
      fill(outer_result, 400, 1);
      make_temporary(memory, 9);
      std::size_t inner_behind = 0;
      void* inner_result = nullptr;
      {
        inner_scratch inner(memory, 300);
        inner_behind = memory.position();
        inner_result = inner.result();
        fill(inner_result, 300, 2);
        {
          inner_scratch innermost(memory, 200);
          fill(innermost.result(), 200, 3);
          make_temporary(memory, 8);
          (void)innermost.keep(200);
        }
        (void)inner.keep(150);
      }
      BOOST_TEST(memory.position() == inner_behind - 150);
      BOOST_TEST(all_are(inner_result, 150, 2));
      std::memcpy(outer_result, inner_result, 100);
      (void)outer.keep(200);
    }
    BOOST_TEST(memory.position() == behind - 200);
    BOOST_TEST(all_are(outer_result, 100, 2));
    BOOST_TEST(all_are(static_cast<char*>(outer_result) + 100, 100, 1));
  });
}

BOOST_AUTO_TEST_CASE(inside_a_scope_the_result_lives_until_its_end) {
  on_each_arena([](arena& memory) {
    const std::size_t before = memory.position();
    {
      const scope here(memory);
      void* result = nullptr;
      {
        inner_scratch inner(memory, 400);
        result = inner.result();
        {
          const scope inside(memory);
          make_temporary(memory, 9);
        }
        fill(result, 400, 4);
        (void)inner.keep(300);
      }
      make_temporary(memory, 7);
      BOOST_TEST(all_are(result, 300, 4));
    }
    BOOST_TEST(memory.position() == before);
  });
}

BOOST_AUTO_TEST_CASE(a_scope_may_end_inside_at_the_same_start) {
  on_each_arena([](arena& memory) {
    const std::size_t before = memory.position();
    {
      const scope here(memory);
      inner_scratch inner(memory, 100);
      (void)inner.keep(50);
    }
    BOOST_TEST(memory.position() == before);
  });
}

BOOST_AUTO_TEST_CASE(marks_stay_good_up_to_what_is_kept) {
  on_each_arena([](arena& memory) {
    (void)memory.push(32);
    const arena_mark below = memory.mark();
    (void)memory.push(32);
    const arena_mark before = memory.mark();
    arena_mark at_the_end_of_the_room;
    arena_mark above;
    {
      inner_scratch inner(memory, 100);
      at_the_end_of_the_room = memory.mark();
      make_temporary(memory, 1);
      above = memory.mark();
      (void)memory.push(10);
      BOOST_TEST(memory.try_rewind(above));  // inside, a mark is as good as ever
      make_temporary(memory, 1);
      (void)inner.keep(100);
    }
    const std::size_t position = memory.position();
    (void)memory.push(5000);
    BOOST_TEST(!memory.try_rewind(above));
    BOOST_TEST(memory.try_rewind(at_the_end_of_the_room));
    BOOST_TEST(memory.position() == position);
    {
      inner_scratch inner(memory, 100);
      above = memory.mark();
      (void)inner.keep(99);
    }
    (void)memory.push(5000);
    BOOST_TEST(!memory.try_rewind(above));
    BOOST_TEST(memory.try_rewind(before));
    BOOST_TEST(memory.try_rewind(below));
    BOOST_TEST(!memory.try_rewind(before));
  });
}

BOOST_AUTO_TEST_CASE(going_back_below_its_start_is_reported_and_its_end_does_nothing) {
  for (const bool kept : {false, true}) {
    local_arena<4096> memory;
    (void)memory.push(64);
    const misuse_watch watch;
    {
      inner_scratch inner(memory, 100);
      if (kept) (void)inner.keep(10);
      memory.pop_to(16);
      (void)memory.push(1000);
    }
    BOOST_TEST(watch.only(misuse_kind::stale_mark));
    BOOST_TEST(memory.position() == 1016u);
  }
}

BOOST_AUTO_TEST_CASE(an_arena_too_small_is_as_before) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    monotonic_arena_options options;
    options.checked = checked;
    local_arena<512> memory(options);
    void* const contents = memory.push(100, 1);
    fill(contents, 100, 1);
    const arena_mark mark = memory.mark();
    fill(memory.push(100, 1), 100, 1);
    const memory_usage usage = memory.usage();
    for (const std::size_t room : {std::size_t{313}, std::size_t{100000}, static_cast<std::size_t>(-1)}) {
      BOOST_CHECK_THROW(inner_scratch(memory, room, 1), allocation_error);
      BOOST_TEST(memory.position() == 200u);
      BOOST_TEST((memory.usage() == usage));
    }
    if (test::aligns_to_16)
      BOOST_CHECK_THROW(inner_scratch(memory, 312, 16), allocation_error);  // no room for the padding
    BOOST_TEST(memory.position() == 200u);
    BOOST_TEST(all_are(contents, 200, 1));
    BOOST_TEST(memory.check());
    {
      const inner_scratch fits(memory, 312, 1);
      BOOST_TEST(memory.available() == 0u);
    }
    // what was freed before can still be freed: no scope was left behind
    void* const block = memory.allocate(100, 1);
    memory.deallocate(block, 100, 1);
    BOOST_TEST(memory.try_rewind(mark));
    BOOST_TEST(memory.position() == 100u);
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(an_upstream_that_refuses_leaves_the_arena_as_before) {
  const misuse_watch watch;
  testing::failing_resource upstream;
  chained_arena memory(1024, &upstream);
  void* const contents = memory.push(500);
  fill(contents, 500, 1);
  const memory_usage usage = memory.usage();
  upstream.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW(inner_scratch(memory, 2000), testing::injected_failure);
  BOOST_TEST((memory.usage() == usage));
  BOOST_TEST(all_are(contents, 500, 1));
  upstream.fail_at(0);
  {
    inner_scratch inner(memory, 2000);
    fill(inner.result(), 2000, 2);
    (void)inner.keep(1000);
  }
  BOOST_TEST(all_are(contents, 500, 1));
  BOOST_TEST(memory.check());
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_dead_arena_refuses_without_a_report) {
  const misuse_watch watch;
  page_block block(4096);
  monotonic_arena on_block(block);
  (void)on_block.push(100);
  block.release();
  BOOST_CHECK_EXCEPTION(inner_scratch(on_block, 10), allocation_error, with_code(memory_errc::null_pointer));
  monotonic_arena parent(4096);
  monotonic_arena slice = parent.carve(100);
  slice.release();
  BOOST_CHECK_EXCEPTION(inner_scratch(slice, 10), allocation_error, with_code(memory_errc::null_pointer));
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_result_in_a_block_of_its_own_survives_temporary_memory_in_many) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    {
      chained_arena_options options;
      options.first_block = 256;
      options.growth_percent = 100;
      options.upstream = &upstream;
      options.checked = checked;
      chained_arena memory(options);
      (void)memory.push(20);
      void* result = nullptr;
      {
        inner_scratch inner(memory, 10000);
        result = inner.result();
        fill(result, 10000, 7);
        for (unsigned i = 0; i < 100; ++i) fill(memory.push(200), 200, i);
        (void)inner.keep(9000);
      }
      BOOST_TEST(memory.owns(static_cast<char*>(result) + 8999));
      BOOST_TEST((memory.find_block(static_cast<char*>(result) + 8999).state == block_state::used));
      (void)memory.trim();
      for (unsigned i = 0; i < 100; ++i) fill(memory.push(200), 200, i);
      BOOST_TEST(all_are(result, 9000, 7));
      BOOST_TEST(memory.check());
    }
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(what_lies_behind_the_kept_bytes_cannot_be_read_under_a_memory_tool) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  local_arena<4096> memory;
  char* result = nullptr;
  {
    inner_scratch inner(memory, 1000);
    result = static_cast<char*>(inner.result());
    fill(result, 1000, 1);
    (void)inner.keep(504);
  }
  BOOST_TEST(memory_tools::accessible(result + 503));
  BOOST_TEST(!memory_tools::accessible(result + 504));
  BOOST_TEST(!memory_tools::accessible(result + 999));
}

namespace {

/// A tree of computations: each fills its result and checks those below, which lie in its own temporary memory.
struct computation {
  std::mt19937& random;
  arena& memory;
  std::vector<std::pair<arena_mark, bool>> marks = {};  // and whether they are good
  int broken = 0;

  std::size_t any(std::size_t below) { return random() % below; }

  void went_back_to(std::size_t position) {
    for (auto& [mark, good] : marks) good = good && mark.position() <= position;
  }

  std::pair<void*, std::size_t> run(int depth, unsigned value) {
    const std::size_t room = any(3) == 0 ? any(2000) : any(100);
    const std::size_t alignment = std::size_t{1} << any(8);
    const std::size_t before = memory.position();
    std::size_t start = 0;
    std::size_t kept = 0;
    void* result = nullptr;
    {
      inner_scratch inner(memory, room, alignment);
      result = inner.result();
      start = memory.position() - room;
      if (!is_aligned(result, alignment)) ++broken;
      fill(result, room, value);
      std::vector<std::pair<void*, std::size_t>> parts;
      for (std::size_t i = 0; i < 4; ++i) {
        if (any(2) == 0) marks.emplace_back(memory.mark(), true);
        if (any(3) == 0) make_temporary(memory, 0xff);
        if (any(6) == 0 && !marks.empty() && marks.back().second && marks.back().first.position() >= start + room &&
            parts.empty()) {
          memory.rewind(marks.back().first);
          went_back_to(marks.back().first.position());
        }
        if (depth != 0) {
          parts.push_back(run(depth - 1, value + static_cast<unsigned>(i) + 1));
        } else {
          parts.emplace_back(memory.push(20, 1), 20);
          fill(parts.back().first, 20, value + static_cast<unsigned>(i) + 1);
        }
      }
      for (std::size_t i = 0; i < parts.size(); ++i)
        if (!all_are(parts[i].first, parts[i].second, value + static_cast<unsigned>(i) + 1)) ++broken;
      if (!all_are(result, room, value)) ++broken;
      if (any(4) != 0) kept = any(room + 1);
      (void)inner.keep(kept);
    }
    const std::size_t end = kept != 0 ? start + kept : before;
    if (memory.position() != end) ++broken;
    went_back_to(end);
    return {result, kept};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(trees_of_computations_leave_what_they_kept_and_the_marks_a_model_says) {
  std::mt19937 random(42);
  for (int round = 0; round < 300; ++round) {
    for (const bool small : {false, true}) {
      chained_arena_options options;
      options.checked = true;
      options.virtual_blocks = !small;
      options.first_block = 256;
      options.growth_percent = 120;
      chained_arena memory(options);
      (void)memory.push(1 + random() % 50, 1);
      computation tree{random, memory};
      const auto [result, bytes] = tree.run(round % 4, 1);
      BOOST_REQUIRE(tree.broken == 0);
      BOOST_REQUIRE(all_are(result, bytes, 1));
      (void)memory.push(10000);
      for (const auto& [mark, good] : tree.marks)
        if (!good) BOOST_REQUIRE(!memory.try_rewind(mark));
      BOOST_REQUIRE(memory.position() >= 10000u);
      // the good ones, from above: going back to one makes those above stale
      std::stable_sort(tree.marks.begin(), tree.marks.end(),
                       [](const auto& a, const auto& b) { return a.first.position() > b.first.position(); });
      for (const auto& [mark, good] : tree.marks)
        if (good) BOOST_REQUIRE(memory.try_rewind(mark));
      BOOST_REQUIRE(memory.check());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
