// What holds for every arena, whatever it stands on.

#include <allot/arena/scope.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "arena/arena_kinds.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::literals;
using test::arena_kind;
using test::arena_room;
using test::for_each_arena;
using test::for_each_kind;
using test::misuse_watch;

namespace {

constexpr std::size_t max = std::numeric_limits<std::size_t>::max();

/// Under a tool that slows the program down, or poisons, fewer rounds do.
std::size_t rounds(std::size_t plain) {
  return memory_tools::active() || test::under_thread_sanitizer() ? plain / 10 : plain;
}

/// Whether bytes pushed one after the other lie one after the other, from the cursor on.
bool contiguous(const arena_kind& kind) { return !kind.grows; }

template <class Call>
bool throws_bad_alloc(Call call) {
  try {
    call();
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

template <class Call>
bool fails_with(memory_errc code, Call call) {
  try {
    call();
  } catch (const allocation_error& error) {
    return error.code() == code;
  }
  return false;
}

struct thrown_by_constructor {};

struct picky {
  static inline int left = 0;  // how many more may be made
  static inline int alive = 0;
  picky() {
    if (left-- == 0) throw thrown_by_constructor{};
    ++alive;
  }
  explicit picky(int) : picky() {}
  picky(const picky&) = delete;
  ~picky() { --alive; }
  std::array<char, 24> bytes{};
};

struct alignas(256) wide {
  char bytes[256];
};

constexpr std::array<std::size_t, 6> huge_sizes{
    max, max - 1, max - 15, (max >> 1) + 1, (max >> 1) - 20, test::narrow ? max - 31 : (max >> 2) + 5};

}  // namespace

BOOST_AUTO_TEST_SUITE(arena_vocabulary)

BOOST_AUTO_TEST_CASE(pushing_nothing_gives_an_aligned_address_and_leaves_the_position_alone) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    for (const std::size_t before : {std::size_t{0}, std::size_t{3}}) {
      if (before != 0) (void)memory->push(before, 1);
      for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        const void* const p = memory->push(0, alignment);
        BOOST_TEST(p != nullptr);
        BOOST_TEST(is_aligned(p, alignment), alignment);
        BOOST_TEST(memory->push_zeroed(0, alignment) != nullptr);
      }
      BOOST_TEST(memory->push(0) != nullptr);
      BOOST_TEST(memory->push_zeroed(0) != nullptr);
      BOOST_TEST(is_aligned(memory->push_array<wide>(0), 256));
      BOOST_TEST(memory->position() == before);
    }
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(allocations_of_nothing_are_distinct) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    void* const a = memory->allocate(0);
    void* const b = memory->allocate(0, 1);
    void* const c = memory->allocate(0, 1);
    BOOST_TEST(a != nullptr);
    BOOST_TEST(a != b);
    BOOST_TEST(b != c);
    BOOST_TEST(is_aligned(a, alignof(std::max_align_t)));
    const misuse_watch watch;
    memory->deallocate(c, 0, 1);
    memory->deallocate(b, 0, 1);
    memory->deallocate(a, 0);
    BOOST_TEST(watch.nothing());
  });
}

BOOST_AUTO_TEST_CASE(every_push_is_aligned_apart_from_the_others_and_within_the_position) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    std::vector<std::pair<std::byte*, std::size_t>> pushed;
    std::size_t sum = 0;
    for (std::size_t alignment = 1; alignment <= 1024; alignment *= 2) {
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{7}, std::size_t{100}, std::size_t{700}}) {
        auto* const p = static_cast<std::byte*>(memory->push(bytes, alignment));
        BOOST_TEST(is_aligned(p, alignment));
        test::fill(p, bytes, static_cast<unsigned>(pushed.size()));
        pushed.emplace_back(p, bytes);
        sum += bytes;
        BOOST_TEST(memory->position() >= sum);
      }
    }
    for (std::size_t i = 0; i < pushed.size(); ++i)
      BOOST_TEST(test::all_are(pushed[i].first, pushed[i].second, static_cast<unsigned>(i)));
    if (contiguous(kind)) {
      const auto span = static_cast<std::size_t>(pushed.back().first + pushed.back().second - pushed.front().first);
      BOOST_TEST(span <= memory->position());
    }
  });
}

BOOST_AUTO_TEST_CASE(an_alignment_nothing_can_have_fails_and_changes_nothing) {
  for_each_arena([](const arena_kind& kind) {
    for (const bool fresh : {true, false}) {
      const auto memory = kind.make();
      if (!fresh) (void)memory->push(10);
      const std::size_t before = memory->position();
      for (std::size_t alignment = test::two_to(48); alignment != 0; alignment *= 2) {
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push(1, alignment); }), alignment);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push_zeroed(1, alignment); }), alignment);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->allocate(1, alignment); }), alignment);
        BOOST_TEST(memory->try_allocate(1, alignment) == nullptr, alignment);
        BOOST_TEST(memory->position() == before);
        BOOST_TEST(is_aligned(memory->push(0, alignment), alignment));
      }
      BOOST_TEST(memory->check());
      BOOST_TEST(memory->push(16) != nullptr);
    }
  });
}

BOOST_AUTO_TEST_CASE(an_alignment_beyond_a_bounded_arena_is_met_or_fails_cleanly) {
  for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto memory = kind.make();
    (void)memory->push(1, 1);
    for (std::size_t alignment = arena_room; alignment < test::two_to(48); alignment *= 2) {
      const std::size_t before = memory->position();
      try {
        BOOST_TEST(is_aligned(memory->push(1, alignment), alignment));
        memory->pop_to(before);
      } catch (const allocation_error& error) {
        BOOST_TEST((error.code() == memory_errc::limit_reached));
        BOOST_TEST(error.alignment() == alignment);
      }
      BOOST_TEST(memory->position() == before);
      (void)memory->push(1, 1);
    }
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(huge_sizes_fail_with_any_alignment_and_change_nothing) {
  for_each_arena([](const arena_kind& kind) {
    for (const bool fresh : {true, false}) {
      const std::size_t step = fresh || rounds(10) == 1 ? 16 : 2;
      const auto memory = kind.make();
      if (!fresh) (void)memory->push(10);
      const std::size_t before = memory->position();
      const memory_usage usage = memory->usage();
      auto* const monotonic = kind.grows ? nullptr : static_cast<monotonic_arena*>(memory.get());
      for (const std::size_t bytes : huge_sizes) {
        for (std::size_t alignment = 1; alignment != 0; alignment *= step) {
          const std::string request = std::to_string(bytes) + " at " + std::to_string(alignment);
          BOOST_TEST(throws_bad_alloc([&] { (void)memory->push(bytes, alignment); }), request);
          BOOST_TEST(throws_bad_alloc([&] { (void)memory->push_zeroed(bytes, alignment); }), request);
          BOOST_TEST(throws_bad_alloc([&] { (void)memory->allocate(bytes, alignment); }), request);
          if (monotonic != nullptr)
            BOOST_TEST(throws_bad_alloc([&] { (void)monotonic->carve(bytes, alignment); }), request);
        }
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push(bytes); }), bytes);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push_zeroed(bytes); }), bytes);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push_array<char>(bytes); }), bytes);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push_array_zeroed<char>(bytes); }), bytes);
        memory->auto_align(arena::natural);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push(bytes); }), bytes);
        memory->auto_align(1);
        BOOST_TEST(throws_bad_alloc([&] { (void)memory->push(bytes); }), bytes);
        memory->auto_align(16);
      }
      BOOST_TEST(memory->position() == before);
      BOOST_TEST((memory->usage() == usage));
      BOOST_TEST(memory->check());
      BOOST_TEST(memory->push(16) != nullptr);
    }
  });
}

BOOST_AUTO_TEST_CASE(an_array_whose_size_overflows_is_refused_as_such) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    for (const std::size_t count : {max, max / 2, max / sizeof(wide) + 1}) {
      BOOST_TEST(fails_with(memory_errc::size_overflow, [&] { (void)memory->push_array<wide>(count); }));
      BOOST_TEST(fails_with(memory_errc::size_overflow, [&] { (void)memory->push_array_zeroed<wide>(count); }));
    }
    // 2^64 / 16 + 1 elements of 16 bytes: the product wraps to 16
    BOOST_TEST(throws_bad_alloc([&] { (void)memory->push_array<std::array<char, 16>>(max / 16 + 2); }));
    BOOST_TEST(memory->position() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(padding_that_cannot_be_had_is_refused_and_changes_nothing) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    (void)memory->push(1, 1);
    for (std::size_t alignment = test::two_to(48); alignment != 0; alignment *= 2) {
      BOOST_TEST(throws_bad_alloc([&] { memory->align_to(alignment); }), alignment);
      BOOST_TEST(memory->position() == 1u);
    }
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(padding_aligns_the_next_address) {
  for_each_arena([](const arena_kind& kind) {
    for (const std::size_t pushed : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
      for (std::size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        const auto memory = kind.make();
        if (pushed != 0) (void)memory->push(pushed, 1);
        memory->align_to(alignment);
        const std::size_t after = memory->position();
        BOOST_TEST(after < pushed + alignment);
        BOOST_TEST(is_aligned(memory->push(1, 1), alignment), pushed << " then " << alignment);
        BOOST_TEST(memory->position() == after + 1);
        memory->align_to(alignment);
        memory->align_to(alignment);  // twice is once
        BOOST_TEST(is_aligned(memory->push(1, 1), alignment), alignment);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_changes_nothing) {
  for_each_arena([](const arena_kind& kind) {
    for (const bool fresh : {true, false}) {
      const auto memory = kind.make();
      if (!fresh) (void)memory->push(1, 1);
      const std::size_t before = memory->position();
      const misuse_watch watch;
      const auto refused = [&](auto call) {
        return fails_with(memory_errc::invalid_alignment, call) && watch.only(misuse_kind::invalid_alignment) &&
               memory->position() == before;
      };
      BOOST_TEST(refused([&] { (void)memory->allocate(8, 0); }));
      BOOST_TEST(refused([&] { (void)memory->allocate(0, 0); }));
      BOOST_TEST(refused([&] { memory->align_to(0); }));
      BOOST_TEST(refused([&] { memory->align_to(24); }));
      BOOST_TEST(refused([&] { (void)memory->push(0, 3); }));
      BOOST_TEST(memory->try_allocate(8, 0) == nullptr);
      if (!kind.checked) continue;
      for (const std::size_t alignment : {std::size_t{3}, std::size_t{24}, max, (max >> 1) + 2}) {
        watch.forget();
        BOOST_TEST(refused([&] { (void)memory->allocate(8, alignment); }), alignment);
        BOOST_TEST(refused([&] { (void)memory->push(8, alignment); }), alignment);
        BOOST_TEST(refused([&] { (void)memory->push_zeroed(8, alignment); }), alignment);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(the_automatic_alignment_is_that_of_pushes_that_give_none) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    BOOST_TEST(memory->auto_align() == alignof(std::max_align_t));
    BOOST_TEST(is_aligned(memory->push(1), alignof(std::max_align_t)));
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
      memory->auto_align(alignment);
      BOOST_TEST(memory->auto_align() == alignment);
      (void)memory->push(1, 1);
      for (const std::size_t bytes : {std::size_t{3}, std::size_t{1}, std::size_t{5}}) {
        BOOST_TEST(is_aligned(memory->push(bytes), alignment), alignment);
        BOOST_TEST(is_aligned(memory->push_zeroed(bytes), alignment), alignment);
      }
    }
    // one given wins
    BOOST_TEST(is_aligned(memory->push(1, 8), 8));
    if (!contiguous(kind)) return;
    memory->auto_align(1);
    auto* const a = static_cast<std::byte*>(memory->push(3));
    auto* const b = static_cast<std::byte*>(memory->push(5));
    auto* const c = static_cast<std::byte*>(memory->push(1, 1));
    BOOST_TEST(b == a + 3);
    BOOST_TEST(c == b + 5);
  });
}

BOOST_AUTO_TEST_CASE(a_natural_alignment_is_the_largest_power_of_two_that_divides_the_size) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    memory->auto_align(arena::natural);
    BOOST_TEST(memory->auto_align() == arena::natural);
    (void)memory->push(16, 16);
    for (std::size_t bytes = 0; bytes <= 64; ++bytes) {
      std::size_t expected = 1;
      while (bytes != 0 && expected < alignof(std::max_align_t) && bytes % (2 * expected) == 0) expected *= 2;
      for (const bool zeroed : {false, true}) {
        const auto* const odd = static_cast<std::byte*>(memory->push(1, 1));
        const void* const p = zeroed ? memory->push_zeroed(bytes) : memory->push(bytes);
        const void* const q = memory->push(bytes, arena::natural);
        BOOST_TEST(is_aligned(p, expected), bytes);
        BOOST_TEST(is_aligned(q, expected), bytes);
        // and no more than that
        if (contiguous(kind) && bytes != 0)
          BOOST_TEST(p == odd + 1 + padding_for(address_of(odd + 1), expected), bytes);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(an_automatic_alignment_that_is_none_is_misuse_and_changes_nothing) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    memory->auto_align(64);
    const misuse_watch watch;
    for (const std::size_t alignment : {std::size_t{3}, std::size_t{12}, max, (max >> 1) + 2}) {
      memory->auto_align(alignment);
      BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
      BOOST_TEST(memory->auto_align() == 64u);
      BOOST_TEST(is_aligned(memory->push(1), 64));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_pop_takes_back_exactly_what_was_pushed) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    auto* const first = static_cast<std::byte*>(memory->push(100));
    test::fill(first, 100, 0x5a);
    const std::size_t before = memory->position();
    const arena_mark outer = memory->mark();
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{3000}}) {
      (void)memory->push(bytes, 1);
      const arena_mark inner = memory->mark();
      (void)memory->allocate(bytes);
      (void)memory->push(7, 64);
      memory->rewind(inner);
      BOOST_TEST(memory->position() == before + bytes);
      memory->pop(bytes);
      BOOST_TEST(memory->position() == before);
      memory->pop(0);
      memory->pop_to(before);
      BOOST_TEST(memory->position() == before);
    }
    (void)memory->push(10);
    memory->rewind(outer);
    BOOST_TEST(memory->position() == before);
    BOOST_TEST(test::all_are(first, 100, 0x5a));
    memory->pop(before);
    BOOST_TEST(memory->position() == 0u);
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(taking_back_more_than_there_is_is_misuse_and_changes_nothing) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    const misuse_watch watch;
    memory->pop(1);
    BOOST_TEST(watch.only(misuse_kind::invalid_position));
    memory->pop_to(1);
    BOOST_TEST(watch.only(misuse_kind::invalid_position));
    void* const p = memory->push(100);
    test::fill(p, 100, 1);
    const std::size_t before = memory->position();
    for (const std::size_t beyond : {before + 1, before + 1000, max / 2, max}) {
      memory->pop(beyond);
      BOOST_TEST(watch.only(misuse_kind::invalid_position));
      memory->pop_to(beyond);
      BOOST_TEST(watch.only(misuse_kind::invalid_position));
    }
    BOOST_TEST(memory->position() == before);
    BOOST_TEST(test::all_are(p, 100, 1));
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(going_back_to_every_earlier_position_leaves_what_is_below_intact) {
  for_each_arena([](const arena_kind& kind) {
    std::mt19937 random(7);
    struct pushed {
      void* p;
      std::size_t bytes;
      std::size_t end;  // the position behind it
    };
    const auto memory = kind.make();
    std::vector<pushed> all;
    const auto intact = [&] {
      bool good = true;
      for (std::size_t i = 0; i < all.size(); ++i)
        good = good && test::all_are(all[i].p, all[i].bytes, static_cast<unsigned>(i));
      return good;
    };
    std::size_t sum = 0;
    while (sum < arena_room / 2) {
      const std::size_t bytes = random() % 12 == 0 ? 300 + random() % 2000 : 1 + random() % 90;
      const std::size_t alignment = std::size_t{1} << random() % 7;
      void* const p = random() % 2 == 0 ? memory->push(bytes, alignment) : memory->allocate(bytes, alignment);
      test::fill(p, bytes, static_cast<unsigned>(all.size()));
      all.push_back({p, bytes, memory->position()});
      sum += bytes + alignment + 80;
    }
    while (!all.empty()) {
      const bool inside = random() % 4 == 0;
      all.pop_back();
      const std::size_t target = all.empty() ? 0 : all.back().end;
      if (random() % 2 == 0) {
        memory->pop(memory->position() - target);
      } else {
        memory->pop_to(target);
      }
      BOOST_REQUIRE(memory->position() == target);
      if (inside && !all.empty()) {  // into the middle of one, and forget it
        memory->pop(1);
        BOOST_REQUIRE(memory->position() == target - 1);
        all.pop_back();
      }
      BOOST_REQUIRE(intact());
      if (random() % 3 == 0) {  // what comes now lies elsewhere
        void* const p = memory->push(50, 1);
        test::fill(p, 50, static_cast<unsigned>(all.size()));
        BOOST_REQUIRE(intact());
        memory->pop(50);
      }
      BOOST_REQUIRE(memory->check());
    }
  });
}

BOOST_AUTO_TEST_CASE(after_clear_the_same_bytes_are_used_again) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    void* const a = memory->push(40);
    void* const b = memory->allocate(40);
    memory->clear();
    BOOST_TEST(memory->position() == 0u);
    BOOST_TEST(memory->push(40) == a);
    BOOST_TEST(memory->allocate(40) == b);
    memory->clear();
    memory->clear();
    BOOST_TEST(memory->position() == 0u);
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(zeroed_memory_is_zero_whatever_lay_there_before) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    const auto dirty = [&](std::size_t bytes) { test::fill(memory->push(bytes), bytes, 0xa5); };
    const auto zero = [&](std::size_t bytes) { return test::all_are(memory->push_zeroed(bytes), bytes, 0); };
    BOOST_TEST(zero(100));
    const arena_mark start = memory->mark();
    dirty(5000);
    memory->rewind(start);
    BOOST_TEST(zero(6000));
    dirty(3000);
    memory->pop(3000);
    BOOST_TEST(zero(4000));
    memory->clear();
    BOOST_TEST(zero(9000));
    memory->clear();
    {
      const scope inside(*memory);
      dirty(12000);
    }
    BOOST_TEST(zero(13000));
    memory->clear();

    void* block = memory->allocate(2000);
    test::fill(block, 2000, 0xa5);
    memory->deallocate(block, 2000);
    BOOST_TEST(zero(3000));
    memory->clear();
    block = memory->allocate(2000);
    test::fill(block, 2000, 0xa5);
    BOOST_TEST(memory->try_expand(block, 2000, 10, alignof(std::max_align_t)));
    BOOST_TEST(zero(3000));
    memory->clear();
    block = memory->allocate(2000);
    if (memory->try_expand(block, 2000, 4000, alignof(std::max_align_t))) test::fill(block, 4000, 0xa5);
    memory->clear();
    BOOST_TEST(zero(5000));
    if (!kind.grows) {
      auto* const monotonic = static_cast<monotonic_arena*>(memory.get());
      for (const std::size_t retained : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, arena_room}) {
        dirty(20000);
        monotonic->clear(retained);
        BOOST_TEST(zero(30000));
        monotonic->clear(retained);
      }
      dirty(30000);
      monotonic->clear();
      (void)memory->trim();
      BOOST_TEST(zero(40000));
    }
    memory->release();
    if (!memory->owns(memory->try_allocate(1))) return;  // a slice is dead now
    dirty(20000);
    memory->release();
    BOOST_TEST(zero(30000));
    BOOST_TEST(zero(1));
    auto* const array = memory->push_array_zeroed<std::uint64_t>(100);
    BOOST_TEST(is_aligned(array, alignof(std::uint64_t)));
    BOOST_TEST(test::all_are(array, 800, 0));
  });
}

BOOST_AUTO_TEST_CASE(an_object_is_constructed_in_place_and_a_throwing_constructor_leaves_no_trace) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    BOOST_TEST(*memory->push<int>(42) == 42);
    auto* const pair = memory->push<std::pair<int, double>>(1, 2.5);
    BOOST_TEST(pair->second == 2.5);
    BOOST_TEST(is_aligned(memory->push<wide>(), 256));
    const std::size_t before = memory->position();
    picky::alive = 0;
    picky::left = 0;
    BOOST_CHECK_THROW(memory->push<picky>(), thrown_by_constructor);
    picky::left = 0;
    BOOST_CHECK_THROW(memory->push<picky>(1), thrown_by_constructor);
    BOOST_TEST(memory->position() == before);
    for (const int good : {0, 1, 9}) {
      picky::left = good;
      BOOST_CHECK_THROW(memory->push_array<picky>(10), thrown_by_constructor);
      BOOST_TEST(picky::alive == 0);
      BOOST_TEST(memory->position() == before);
    }
    picky::left = 11;
    BOOST_TEST(memory->push_array<picky>(10) != nullptr);
    BOOST_TEST(picky::alive == 10);
    memory->clear();
    BOOST_TEST(picky::alive == 10);  // no destructor is ever run
  });
}

BOOST_AUTO_TEST_CASE(a_bounded_arena_is_filled_exactly_and_then_refuses) {
  for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{16}, std::size_t{1000}, arena_room}) {
      const auto memory = kind.make_monotonic();
      std::size_t pushed = 0;
      bool good = true;
      while (arena_room - pushed >= step) {
        good = good && memory->available() == arena_room - pushed;
        test::fill(memory->push(step, 1), step, 0x5a);
        pushed += step;
        good = good && memory->position() == pushed;
      }
      BOOST_TEST(good);
      if (pushed != arena_room) test::fill(memory->push(arena_room - pushed, 1), arena_room - pushed, 0x5a);
      BOOST_TEST(memory->available() == 0u);
      BOOST_TEST(memory->size() == arena_room);
      BOOST_TEST(test::all_are(memory->data(), arena_room, 0x5a));
      BOOST_TEST(fails_with(memory_errc::limit_reached, [&] { (void)memory->push(1, 1); }));
      BOOST_TEST(fails_with(memory_errc::limit_reached, [&] { (void)memory->push(1); }));
      BOOST_TEST(fails_with(memory_errc::limit_reached, [&] { (void)memory->push_zeroed(1, 1); }));
      BOOST_TEST(fails_with(memory_errc::limit_reached, [&] { (void)memory->allocate(0, 1); }));
      BOOST_TEST(memory->try_allocate(1, 1) == nullptr);
      BOOST_TEST(memory->push(0, 1) != nullptr);
      BOOST_TEST(memory->position() == arena_room);
      BOOST_TEST(memory->check());
      memory->pop(1);
      BOOST_TEST(memory->push(1, 1) == memory->data() + arena_room - 1);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_bounded_arena_gives_its_whole_size_to_one_allocation) {
  for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto memory = kind.make_monotonic();
    void* const p = memory->allocate(arena_room);
    BOOST_TEST(p == memory->data());
    test::fill(p, arena_room, 1);
    BOOST_TEST(memory->position() == arena_room);
    const misuse_watch watch;
    memory->deallocate(p, arena_room);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory->position() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(the_last_block_freed_gives_its_bytes_back) {
  for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto memory = kind.make_monotonic();
    const misuse_watch watch;
    void* const kept = memory->allocate(100);
    const std::size_t before = memory->position();
    for (const std::size_t bytes : {std::size_t{16}, std::size_t{13}, std::size_t{0}, std::size_t{5000}}) {
      void* const p = memory->allocate(bytes);
      test::fill(p, bytes, 1);
      memory->deallocate(p, bytes);
      BOOST_TEST(memory->allocate(bytes) == p, bytes);
      static_cast<std::pmr::memory_resource&>(*memory).deallocate(p, bytes);
      BOOST_TEST(memory->position() < before + 16);
    }
    void* const a = memory->allocate(64);
    void* const b = memory->allocate(64);
    const std::size_t both = memory->position();
    memory->deallocate(a, 64);  // not the last
    BOOST_TEST(memory->position() == both);
    memory->deallocate(b, 64);
    BOOST_TEST(memory->position() < both);
    memory->deallocate(kept, 100);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(the_last_block_grows_in_place_up_to_the_end) {
  for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto memory = kind.make_monotonic();
    constexpr std::size_t alignment = alignof(std::max_align_t);
    auto* const p = static_cast<std::byte*>(memory->allocate(16));
    std::size_t bytes = 16;
    for (const std::size_t wanted : {std::size_t{17}, std::size_t{4000}, arena_room - 200}) {
      BOOST_REQUIRE(memory->try_expand(p, bytes, wanted, alignment));
      test::fill(p, wanted, 7);
      bytes = wanted;
    }
    const std::size_t before = memory->position();
    for (const std::size_t wanted : {arena_room + 1, max / 2, max})
      BOOST_TEST(!memory->try_expand(p, bytes, wanted, alignment));
    BOOST_TEST(memory->position() == before);
    BOOST_TEST(memory->try_expand(p, bytes, 1000, alignment));
    BOOST_TEST(memory->position() < 1100u);
    BOOST_TEST(test::all_are(p, 1000, 7));
    auto* const next = static_cast<std::byte*>(memory->allocate(16));
    BOOST_TEST(next >= p + 1000);
    BOOST_TEST(!memory->try_expand(p, 1000, 1001, alignment));
    BOOST_TEST(memory->try_expand(p, 1000, 1, alignment));
    const misuse_watch watch;
    memory->deallocate(next, 16);
    memory->deallocate(p, 1);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(the_position_is_never_above_the_size) {
  for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto memory = kind.make_monotonic();
    std::mt19937 random(3);
    arena_mark mark = memory->mark();
    for (std::size_t i = 0; i < rounds(20000); ++i) {
      const std::size_t bytes = random() % 3 == 0 ? random() % 20000 : random() % 100;
      const std::size_t alignment = std::size_t{1} << random() % 13;
      const std::size_t before = memory->position();
      try {
        switch (random() % 8) {
          case 0:
            (void)memory->allocate(bytes, alignment);
            break;
          case 1:
            memory->align_to(alignment);
            break;
          case 2:
            memory->pop(std::min(bytes, before));
            break;
          case 3:
            mark = memory->mark();
            break;
          case 4:
            (void)memory->try_rewind(mark);
            break;
          case 5:
            if (random() % 20 == 0) memory->clear();
            break;
          default:
            (void)memory->push(bytes, alignment);
        }
      } catch (const allocation_error&) {
        BOOST_REQUIRE(memory->position() == before);
      }
      BOOST_REQUIRE(memory->position() <= memory->size());
      BOOST_REQUIRE(memory->available() == memory->size() - memory->position());
    }
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_small_pushes_make_way_for_one_large) {
  const std::size_t count = rounds(100'000);
  const std::size_t size = count * 16;
  monotonic_arena_options options;
  options.size = size;
  monotonic_arena own(options);
  chained_arena chained;
  for (arena* const memory : {static_cast<arena*>(&own), static_cast<arena*>(&chained)}) {
    const arena_mark start = memory->mark();
    for (std::size_t i = 0; i < count; ++i) test::fill(memory->push(16), 16, static_cast<unsigned>(i));
    BOOST_TEST(memory->position() == size);
    memory->rewind(start);
    BOOST_TEST(memory->position() == 0u);
    test::fill(memory->push(size), size, 1);
    BOOST_TEST(memory->position() == size);
    BOOST_TEST(memory->check());
  }
}

BOOST_AUTO_TEST_CASE(what_an_arena_holds_can_be_seen) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    auto* const p = static_cast<std::byte*>(memory->push(100));
    BOOST_TEST(memory->owns(p));
    BOOST_TEST(memory->owns(p + 99));
    BOOST_TEST(!memory->owns(&kind));
    BOOST_TEST(!memory->owns(nullptr));
    BOOST_TEST((memory->find_block(p + 99).state == block_state::used));
    BOOST_TEST((memory->find_block(&kind).state == block_state::unknown));
    const memory_usage usage = memory->usage();
    BOOST_TEST(usage.used >= 100u);
    BOOST_TEST(usage.used <= usage.committed);
    BOOST_TEST(usage.committed <= usage.reserved);
    BOOST_TEST(usage.peak == usage.used);
    std::size_t bytes = 0;
    auto sum = [&](const block_info& block) { bytes += block.state == block_state::used ? block.bytes : 0; };
    memory->for_each_block(sum);
    BOOST_TEST(bytes == usage.used);
    memory->clear();
    BOOST_TEST(memory->usage().used == 0u);
    BOOST_TEST(memory->usage().peak == usage.peak);
    BOOST_TEST(memory->checked() == kind.checked);
    BOOST_TEST(memory->name() == memory->kind());
  });
}

BOOST_AUTO_TEST_CASE(a_corrupted_position_is_found) {
  for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    BOOST_TEST(memory->check());
    auto* const end = static_cast<std::byte*>(memory->push(48, 16)) + 48;
    BOOST_TEST(memory->check());
    // The cursor is the first pointer in the object that has this value.
    auto* field = reinterpret_cast<std::byte*>(memory.get());
    const auto value_of = [&] {
      std::byte* value = nullptr;
      std::memcpy(&value, field, sizeof value);
      return value;
    };
    while (value_of() != end) field += sizeof(void*);
    const auto is_sound_with = [&](std::uintptr_t value) {
      std::memcpy(field, &value, sizeof value);
      const bool sound = memory->check();
      std::memcpy(field, &end, sizeof end);
      return sound;
    };
    BOOST_TEST(!is_sound_with(0));
    BOOST_TEST(!is_sound_with(address_of(end) - 49));
    BOOST_TEST(!is_sound_with(address_of(end) - 1'000'000'000));
    BOOST_TEST(!is_sound_with(address_of(end) + memory->available() + 1));
    BOOST_TEST(!is_sound_with(address_of(end) + 1'000'000'000));
    BOOST_TEST(!is_sound_with(max));
    BOOST_TEST(memory->check());
    BOOST_TEST(memory->push(1, 1) == end);  // it was the cursor
  });
}

// ---- checked arenas

BOOST_AUTO_TEST_CASE(a_write_past_a_block_of_a_checked_arena_is_found) {
  if (memory_tools::active()) return test::skip("the tool finds it, and ends the program");
  using way = void (*)(std::shared_ptr<arena>&, void*);
  const std::vector<std::pair<const char*, way>> ways{
      {"deallocate", [](auto& memory, void* p) { memory->deallocate(p, 50); }},
      {"pop_to", [](auto& memory, void*) { memory->pop_to(0); }},
      {"pop", [](auto& memory, void*) { memory->pop(memory->position()); }},
      {"clear", [](auto& memory, void*) { memory->clear(); }},
      {"release", [](auto& memory, void*) { memory->release(); }},
      {"destruction", [](auto& memory, void*) { memory.reset(); }},
  };
  for_each_arena([&](const arena_kind& kind) {
    if (!kind.checked) return;
    for (const auto& [name, found_by] : ways) {
      // the first byte behind it, the last before the next block, and what a fence may hold
      for (const std::size_t offset : {std::size_t{50}, std::size_t{57}, std::size_t{65}, std::size_t{80}}) {
        const misuse_watch watch;
        auto memory = kind.make();
        auto* const p = static_cast<unsigned char*>(memory->allocate(50));
        (void)memory->allocate(50);
        BOOST_TEST(memory->check());
        p[offset] = static_cast<unsigned char>(p[offset] + 1);
        BOOST_TEST(!memory->check(), offset);
        found_by(memory, p);
        BOOST_TEST(watch.only(misuse_kind::overrun), name << " with " << offset);
      }
    }
    for (const bool rewind : {false, true}) {
      const misuse_watch watch;
      const auto memory = kind.make();
      const arena_mark mark = memory->mark();
      scope inside(*memory);
      auto* const p = static_cast<unsigned char*>(memory->allocate(50));
      p[50] = 1;
      if (rewind) {
        memory->rewind(mark);
      } else {
        inside.end();
      }
      BOOST_TEST(watch.only(misuse_kind::overrun));
      inside.dismiss();
    }
  });
}

BOOST_AUTO_TEST_CASE(what_is_freed_wrongly_from_a_checked_arena_is_found_and_has_no_effect) {
  for_each_arena([](const arena_kind& kind) {
    if (!kind.checked) return;
    const auto memory = kind.make();
    auto* const a = static_cast<std::byte*>(memory->allocate(100, 64));
    auto* const b = static_cast<std::byte*>(memory->allocate(200, 16));
    std::byte other{};
    const std::size_t before = memory->position();
    const misuse_watch watch;
    memory->deallocate(&other, 1, 1);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    memory->deallocate(a + 1, 99, 1);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    for (const std::size_t wrong : {std::size_t{0}, std::size_t{1}, std::size_t{199}, std::size_t{201}, max}) {
      memory->deallocate(b, wrong, 16);
      BOOST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].claimed == std::max<std::size_t>(wrong, 1));
      BOOST_TEST(watch[0].actual == 200u);
      BOOST_TEST(watch[0].exact);
      BOOST_TEST(watch.only(misuse_kind::wrong_size));
    }
    const std::size_t beyond = (address_of(b) & (~address_of(b) + 1)) * 2;
    memory->deallocate(b, 200, beyond);
    BOOST_TEST(watch.only(misuse_kind::wrong_alignment));
    memory->deallocate(b, 200, 3);
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    memory->deallocate(b, 200, 0);
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_TEST(memory->position() == before);
    test::fill(b, 200, 1);  // still there
    memory->deallocate(a, 100, 64);
    BOOST_TEST(watch.nothing());
    memory->deallocate(a, 100, 64);
    BOOST_TEST(watch.only(misuse_kind::double_free));
    memory->deallocate(b, 200, 16);
    BOOST_TEST(watch.nothing());
    memory->deallocate(b, 200, 16);
    BOOST_TEST(watch.count() == 1u);
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(a_size_given_wrongly_expands_nothing_in_a_checked_arena) {
  for_each_arena([](const arena_kind& kind) {
    if (!kind.checked) return;
    const auto memory = kind.make();
    void* const p = memory->allocate(100);
    const misuse_watch watch;
    BOOST_TEST(!memory->try_expand(p, 99, 50, 16));
    BOOST_TEST(!memory->try_expand(p, 101, 120, 16));
    BOOST_TEST(!memory->try_expand(static_cast<std::byte*>(p) + 1, 99, 50, 1));
    BOOST_TEST(memory->try_expand(p, 100, 50, 16));
    BOOST_TEST(!memory->try_expand(p, 100, 50, 16));
    memory->deallocate(p, 50);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(correct_use_of_a_checked_arena_is_never_reported) {
  for_each_arena([](const arena_kind& kind) {
    if (!kind.checked) return;
    struct block {
      void* p;
      std::size_t bytes;
      std::size_t alignment;
    };
    const auto memory = kind.make();
    const misuse_watch watch;
    std::mt19937 random(11);
    for (int life = 0; life < 20; ++life) {
      std::vector<block> live;
      for (std::size_t i = 0; i < rounds(3000); ++i) {
        const std::size_t bytes = random() % 20 == 0 ? random() % 3000 : random() % 100;
        const std::size_t alignment = std::size_t{1} << random() % 8;
        const unsigned action = random() % 8;
        if (action < 4 || live.empty()) {
          if (void* const p = memory->try_allocate(bytes, alignment)) {
            test::fill(p, bytes, static_cast<unsigned>(address_of(p) >> 4));
            live.push_back({p, bytes, alignment});
          }
          continue;
        }
        const std::size_t chosen = random() % 2 == 0 ? live.size() - 1 : random() % live.size();
        block& one = live[chosen];
        BOOST_REQUIRE(test::all_are(one.p, one.bytes, static_cast<unsigned>(address_of(one.p) >> 4)));
        if (action < 6) {
          memory->deallocate(one.p, one.bytes, one.alignment);
          live.erase(live.begin() + static_cast<std::ptrdiff_t>(chosen));
        } else if (memory->try_expand(one.p, one.bytes, bytes, one.alignment)) {
          test::fill(one.p, bytes, static_cast<unsigned>(address_of(one.p) >> 4));
          one.bytes = bytes;
        }
        if (i % 100 == 0) BOOST_REQUIRE(memory->check());
        BOOST_REQUIRE(watch.nothing());
      }
      if (life % 3 == 0)
        for (const block& one : live) memory->deallocate(one.p, one.bytes, one.alignment);
      memory->clear();
      BOOST_REQUIRE(watch.nothing());
    }
  });
}

// ---- threads

BOOST_AUTO_TEST_CASE(eight_threads_share_an_arena_behind_a_mutex) {
  std::vector<arena_kind> kinds = test::chained_kinds();
  const std::vector<arena_kind> monotonic = test::monotonic_kinds();
  kinds.insert(kinds.end(), monotonic.begin(), monotonic.end());
  for (const arena_kind& kind : kinds) {
    const auto memory = kind.make();
    std::mutex mutex;
    std::vector<std::thread> threads;
    std::array<bool, 8> good{};
    for (unsigned t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        std::vector<void*> mine;
        bool fine = true;
        for (int i = 0; i < 50; ++i) {
          {
            const std::lock_guard lock(mutex);
            const scope outer(*memory);
            const arena_mark mark = memory->mark();
            test::fill(memory->push(300), 300, t);
            fine = fine && memory->try_rewind(mark);
            const scope inner(*memory);
            test::fill(memory->push_zeroed(40), 40, t);
          }
          const std::lock_guard lock(mutex);
          mine.push_back(memory->allocate(64));
          test::fill(mine.back(), 64, t);
        }
        for (const void* p : mine) fine = fine && test::all_are(p, 64, t);  // its own, without the lock
        good[t] = fine;
      });
    }
    for (auto& thread : threads) thread.join();
    for (unsigned t = 0; t < 8; ++t) BOOST_TEST(good[t], kind.name << ", thread " << t);
    BOOST_TEST(memory->check());
  }
}

BOOST_AUTO_TEST_CASE(distinct_arenas_are_independent_in_eight_threads) {
  std::vector<std::thread> threads;
  std::array<bool, 8> good{};
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&good, t] {
      bool fine = true;
      for (int i = 0; i < 20; ++i) {
        for (const bool checked : {false, true}) {
          // buffers on each other, so that the checked ones meet where they know of each other
          alignas(16) std::array<std::byte, 4096> buffer;
          monotonic_arena outer(buffer.data(), buffer.size(), test::monotonic_options(checked));
          monotonic_arena inner(outer.push(1000), 1000, test::monotonic_options(checked));
          fine = fine && !inner.dead();
          const arena_mark mark = inner.mark();
          void* const block = inner.push(500);
          test::fill(block, 500, t);
          monotonic_arena slice = outer.carve(500);
          test::fill(slice.push(500), 500, t + 8);
          fine = fine && test::all_are(block, 500, t) && slice.check();
          fine = fine && inner.try_rewind(mark) && inner.push(500) == block;
        }
      }
      good[t] = fine;
    });
  }
  for (auto& thread : threads) thread.join();
  for (unsigned t = 0; t < 8; ++t) BOOST_TEST(good[t], t);
}

BOOST_AUTO_TEST_SUITE_END()
