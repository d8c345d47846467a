// What a program does wrong with a heap's blocks, and what is said of it.

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "heap/heaps.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"

using namespace allot;
using test::ground;
using test::grounded_heap;
using test::heap_named;
using test::held_block;
using test::misuse_watch;
using test::state_of;

namespace {

struct thrown_misuse : std::runtime_error {
  explicit thrown_misuse(misuse_kind which) : std::runtime_error("misuse"), kind(which) {}
  misuse_kind kind;
};
void throw_misuse(const misuse_report& report) { throw thrown_misuse(report.kind); }

std::byte* bytes_at(void* p, std::ptrdiff_t offset) { return static_cast<std::byte*>(p) + offset; }

/// What is to be said of a call.
struct finding {
  misuse_kind kind;
  const void* address;
  std::size_t claimed;
  std::size_t actual;
  bool exact;
};

/// Frees what must not be freed, and looks for one report with these words and nothing else changed.
void expect_report(const misuse_watch& watch, coalescing_heap& heap, void* p, std::size_t bytes,
                   const finding& expected, std::size_t alignment = alignof(std::max_align_t)) {
  const test::heap_state before = state_of(heap);
  heap.deallocate(p, bytes, alignment);
  BOOST_TEST_REQUIRE(watch.count() == 1u);
  BOOST_TEST((watch[0].kind == expected.kind), static_cast<int>(watch[0].kind));
  BOOST_TEST(watch[0].resource == heap.name());
  BOOST_TEST(watch[0].address == expected.address);
  BOOST_TEST(watch[0].claimed == expected.claimed);
  BOOST_TEST(watch[0].fatal);
  if (expected.actual != 0) {
    BOOST_TEST(watch[0].actual == expected.actual);
    BOOST_TEST(watch[0].exact == expected.exact);
  }
  watch.forget();
  BOOST_TEST((state_of(heap) == before));
  BOOST_TEST(heap.check());
  // The same may be said of a block that is to grow.
  BOOST_TEST(!heap.try_expand(p, bytes, bytes + 1, alignment));
  BOOST_TEST(watch.only(expected.kind));
  BOOST_TEST((state_of(heap) == before));
}

std::string line_of(const misuse_report& report) {
  std::array<char, 256> text{};
  return {text.data(), format_misuse(report, text.data(), text.size())};
}

const test::child_program twice{"heap_double_free", [] {
                                  coalescing_heap heap(heap_named("mine"));
                                  void* const p = heap.allocate(100);
                                  (void)heap.allocate(100);
                                  heap.deallocate(p, 100);
                                  heap.deallocate(p, 100);
                                }};
const test::child_program inside{"heap_interior_pointer", [] {
                                   coalescing_heap heap(heap_named("mine"));
                                   heap.deallocate(bytes_at(heap.allocate(100), 16), 84);
                                 }};
const test::child_program foreign{"heap_foreign_pointer", [] {
                                    coalescing_heap heap(heap_named("mine"));
                                    (void)heap.allocate(100);
                                    static int nobodys = 0;
                                    heap.deallocate(&nobodys, 100);
                                  }};
const test::child_program too_long{"heap_wrong_size", [] {
                                     coalescing_heap heap(heap_named("mine"));
                                     heap.deallocate(heap.allocate(96), 200);
                                   }};
const test::child_program overrun{"heap_overrun", [] {
                                    coalescing_heap heap(heap_named("mine", true));
                                    void* const p = heap.allocate(100);
                                    (void)heap.allocate(100);
                                    static_cast<volatile char*>(p)[100] = 1;
                                    heap.deallocate(p, 100);
                                  }};

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_misuse)

BOOST_AUTO_TEST_CASE(a_double_free_is_reported_wherever_the_block_went) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{3000}, std::size_t{200'000}}) {
        for (unsigned merged = 0; merged < 8; ++merged) {
          grounded_heap heap(where, heap_named("twice", checked));
          // With a last one, so that nothing merges with the free end, but where it should.
          std::vector<held_block> blocks = test::take_many(*heap, merged < 4 ? 4 : 3, bytes, 8);
          if ((merged & 1U) != 0) test::give(*heap, blocks[0]);
          if ((merged & 2U) != 0) test::give(*heap, blocks[2]);
          test::give(*heap, blocks[1]);
          BOOST_TEST(watch.nothing());
          expect_report(watch, *heap, blocks[1].p, bytes, {misuse_kind::double_free, blocks[1].p, bytes, 0, false}, 8);
          // Freed again with any size.
          heap->deallocate(blocks[1].p, bytes + 16, 8);
          BOOST_TEST(watch.only(misuse_kind::double_free));
          if ((merged & 1U) == 0) test::give(*heap, blocks[0]);
          if ((merged & 2U) == 0) test::give(*heap, blocks[2]);
          if (merged < 4) test::give(*heap, blocks[3]);
          BOOST_TEST(watch.nothing());
          BOOST_TEST(heap->usage().used == 0u);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_double_free_is_not_handed_out_twice) {
  const misuse_watch watch;
  grounded_heap heap(ground::buffer);
  const std::vector<held_block> blocks = test::take_many(*heap, 3, 64);
  test::give(*heap, blocks[1]);
  test::give(*heap, blocks[1]);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  BOOST_TEST(heap->allocate(64) == blocks[1].p);
  BOOST_TEST(heap->allocate(64) != blocks[1].p);
}

BOOST_AUTO_TEST_CASE(a_pointer_into_a_block_is_reported) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    grounded_heap heap(ground::upstream, heap_named("inside", checked));
    for (const std::size_t bytes : {std::size_t{32}, std::size_t{1000}, std::size_t{40'000}}) {
      const held_block block = test::take(*heap, bytes);
      const std::size_t actual = test::request_for(test::block_bytes(bytes, checked), checked);
      for (const std::size_t offset : {std::size_t{1}, std::size_t{8}, std::size_t{16}, bytes / 2, bytes - 1}) {
        std::byte* const p = bytes_at(block.p, static_cast<std::ptrdiff_t>(offset));
        expect_report(watch, *heap, p, bytes - offset,
                      {misuse_kind::interior_pointer, p, bytes - offset, actual, false}, 1);
      }
      test::give(*heap, block);
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_foreign_pointer_is_reported) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      grounded_heap heap(where, heap_named("foreign", checked));
      alignas(16) std::array<std::byte, 64> local{};
      expect_report(watch, *heap, local.data(), 64, {misuse_kind::foreign_pointer, local.data(), 64, 0, false});
      const held_block block = test::take(*heap, 1000);
      const held_block gone = test::take(*heap, 1000);
      const held_block last = test::take(*heap, 1000);
      test::give(*heap, gone);
      const std::array<void*, 5> wrong{nullptr, local.data(), &*heap, local.data() + 1,
                                       bytes_at(gone.p, 40)};  // no granule starts there
      for (void* const p : wrong)
        for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{1'000'000}})
          expect_report(watch, *heap, p, bytes, {misuse_kind::foreign_pointer, p, bytes, 0, false}, 1);
      // Right before the first block, and far behind the last.
      void* const before = bytes_at(block.p, -16);
      expect_report(watch, *heap, before, 16, {misuse_kind::foreign_pointer, before, 16, 0, false});
      void* const behind = bytes_at(block.p, std::ptrdiff_t{1} << (sizeof(void*) > 4 ? 40 : 29));
      expect_report(watch, *heap, behind, 16, {misuse_kind::foreign_pointer, behind, 16, 0, false});
      BOOST_TEST(test::all_are(local.data(), local.size(), 0));
      test::give(*heap, block);
      test::give(*heap, last);
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_block_freed_into_another_heap_is_reported_by_that) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    grounded_heap heap(where, heap_named("right"));
    grounded_heap other(where, heap_named("wrong"));
    const held_block block = test::take(*heap, 100);
    const held_block others = test::take(*other, 100);
    expect_report(watch, *other, block.p, 100, {misuse_kind::foreign_pointer, block.p, 100, 0, false});
    test::give(*heap, block);
    test::give(*other, others);
    // One that lies in memory of the other.
    if (where != ground::buffer) continue;
    const held_block memory = test::take(*other, 10'000);
    coalescing_heap inner(memory.p, 10'000, heap_named("inner"));
    void* const p = inner.allocate(100);
    const std::size_t actual = test::request_for(test::block_bytes(10'000));
    expect_report(watch, *other, p, 100, {misuse_kind::interior_pointer, p, 100, actual, false});
    expect_report(watch, inner, memory.p, 10'000, {misuse_kind::foreign_pointer, memory.p, 10'000, 0, false});
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_reported_from_one_granule_up_and_down) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    for (std::size_t bytes = 32; bytes <= (std::size_t{1} << 20); bytes = bytes * 3 / 2 / 16 * 16) {
      grounded_heap heap(where, heap_named("sizes"));
      const held_block left = test::take(*heap, 64);
      const held_block block = test::take(*heap, bytes);
      const held_block right = test::take(*heap, 64);
      for (const std::size_t claimed : {bytes - 16, bytes + 16, bytes + 1, std::size_t{0}, std::size_t{1}, bytes / 2,
                                        bytes * 2, test::beyond_addresses, static_cast<std::size_t>(-1)}) {
        if (test::block_bytes(claimed < bytes * 4 ? claimed : 8 * bytes) == test::block_bytes(bytes)) continue;
        expect_report(watch, *heap, block.p, claimed, {misuse_kind::wrong_size, block.p, claimed, bytes, false});
      }
      test::give(*heap, block);
      test::give(*heap, left);
      test::give(*heap, right);
      BOOST_TEST(watch.nothing());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_size_too_long_by_just_the_neighbours_is_reported) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    for (const bool neighbour_used : {false, true}) {
      for (std::size_t bytes = 32; bytes <= (std::size_t{1} << 20); bytes *= 2) {
        for (const std::size_t next : {std::size_t{32}, std::size_t{1024}, std::size_t{100'000}}) {
          grounded_heap heap(ground::buffer, heap_named("both", checked));
          const std::size_t asked = test::request_for(bytes, checked);
          const held_block block = test::take(*heap, asked);
          const held_block neighbour = test::take(*heap, test::request_for(next, checked));
          const held_block behind = test::take(*heap, 64);
          if (!neighbour_used) test::give(*heap, neighbour);
          expect_report(watch, *heap, block.p, asked + next,
                        {misuse_kind::wrong_size, block.p, asked + next, asked, checked});
          expect_report(watch, *heap, block.p, asked + next + 64 + 32,
                        {misuse_kind::wrong_size, block.p, asked + next + 64 + 32, asked, checked});
          test::give(*heap, block);
          test::give(*heap, behind);
        }
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_checked_heap_finds_sizes_that_are_wrong_by_one_byte) {
  const misuse_watch watch;
  for (std::size_t bytes = 1; bytes <= 70; ++bytes) {
    grounded_heap heap(ground::buffer, heap_named("exact", true));
    const held_block block = test::take(*heap, bytes, 1);
    const held_block next = test::take(*heap, bytes, 1);
    for (std::size_t claimed = 1; claimed <= 100; ++claimed) {
      if (claimed == bytes) continue;
      expect_report(watch, *heap, block.p, claimed, {misuse_kind::wrong_size, block.p, claimed, bytes, true}, 1);
    }
    test::give(*heap, block);
    test::give(*heap, next);
    BOOST_TEST(watch.nothing());
  }
}

BOOST_AUTO_TEST_CASE(a_checked_heap_finds_one_byte_written_behind_a_block) {
  const misuse_watch watch;
  for (std::size_t bytes = 1; bytes <= 100; ++bytes) {
    grounded_heap heap(ground::upstream, heap_named("fenced", true));
    const held_block block = test::take(*heap, bytes, 1);
    const held_block next = test::take(*heap, bytes, 1);
    const std::size_t end = test::block_bytes(bytes, true);
    for (std::size_t at = bytes; at < end; ++at) {
      for (const unsigned value : {0x00U, 0xffU, 0x01U, 0xfdU, 0x10U}) {
        auto* const byte = static_cast<unsigned char*>(block.p) + at;
        memory_tools::unpoison(byte, 1);
        const unsigned char before = *byte;
        if (before == value) continue;
        *byte = static_cast<unsigned char>(value);
        const test::heap_state was = state_of(*heap);
        heap->deallocate(block.p, bytes, 1);
        BOOST_TEST_REQUIRE(watch.count() == 1u, bytes << " bytes, byte " << at);
        // The last byte says how much was asked for.
        const bool last_alone = at + 1 == end && value > 0 && value <= 16;
        if (!last_alone) BOOST_TEST((watch[0].kind == misuse_kind::overrun));
        BOOST_TEST(watch[0].address == block.p);
        BOOST_TEST(watch[0].resource == "fenced");
        BOOST_TEST(watch[0].claimed == bytes);
        watch.forget();
        BOOST_TEST((state_of(*heap) == was));
        memory_tools::unpoison(byte, 1);
        *byte = before;
      }
    }
    test::give(*heap, block);
    test::give(*heap, next);
    BOOST_TEST(watch.nothing());
  }
}

BOOST_AUTO_TEST_CASE(an_overrun_is_found_when_a_block_is_to_grow_and_with_a_wrong_size_too) {
  const misuse_watch watch;
  grounded_heap heap(ground::buffer, heap_named("fenced", true));
  const held_block block = test::take(*heap, 100);
  auto* const behind = static_cast<unsigned char*>(block.p) + 100;
  memory_tools::unpoison(behind, 1);
  *behind = 0;
  BOOST_TEST(!heap->try_expand(block.p, 100, 50, 16));
  BOOST_TEST(watch.only(misuse_kind::overrun));
  heap->deallocate(block.p, 1000);
  BOOST_TEST(watch.only(misuse_kind::overrun));
  BOOST_TEST(heap->check());
}

BOOST_AUTO_TEST_CASE(an_unchecked_heap_takes_any_size_of_the_same_granules) {
  const misuse_watch watch;
  grounded_heap heap(ground::buffer, heap_named("granules"));
  const std::size_t most = test::request_for(64);
  for (std::size_t claimed = most - 15; claimed <= most; ++claimed) heap->deallocate(heap->allocate(most - 3), claimed);
  BOOST_TEST(watch.nothing());
  BOOST_TEST(heap->usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_wrong_alignment_is_reported) {
  const misuse_watch watch;
  grounded_heap heap(ground::buffer, heap_named("aligned"));
  const held_block padding = test::take(*heap, 16, 4096);
  const held_block block = test::take(*heap, 100);  // at no page's start
  const std::uintptr_t at = test::number_of(block.p);
  const std::size_t actual = at & (~at + 1);
  for (std::size_t alignment = actual * 2; alignment != 0; alignment *= 2)
    expect_report(watch, *heap, block.p, 100, {misuse_kind::wrong_alignment, block.p, alignment, actual, false},
                  alignment);
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{24}, static_cast<std::size_t>(-1)})
    expect_report(watch, *heap, block.p, 100, {misuse_kind::invalid_alignment, block.p, alignment, 0, false},
                  alignment);
  test::give(*heap, block);
  test::give(*heap, padding);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_no_power_of_two_is_reported_and_refused) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    grounded_heap heap(where, heap_named("odd"));
    const test::heap_state before = state_of(*heap);
    for (const std::size_t alignment :
         {std::size_t{0}, std::size_t{3}, std::size_t{48}, static_cast<std::size_t>(-1)}) {
      BOOST_CHECK_EXCEPTION((void)heap->allocate(10, alignment), allocation_error,
                            test::with_code(memory_errc::invalid_alignment));
      BOOST_TEST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].claimed == alignment);
      BOOST_TEST(watch[0].resource == "odd");
      BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
      BOOST_TEST(heap->try_allocate(10, alignment) == nullptr);
      BOOST_TEST(watch.nothing());
    }
    BOOST_TEST((state_of(*heap) == before));
  }
}

BOOST_AUTO_TEST_CASE(a_throwing_handler_leaves_the_heap_as_it_was) {
  const misuse_watch watch(&throw_misuse);
  for (const bool checked : {false, true}) {
    grounded_heap heap(ground::upstream, heap_named("thrown", checked));
    const held_block block = test::take(*heap, 100);
    const held_block gone = test::take(*heap, 100);
    const held_block last = test::take(*heap, 100);
    test::give(*heap, gone);
    const test::heap_state before = state_of(*heap);
    const auto is = [](misuse_kind kind) {
      return [kind](const thrown_misuse& thrown) { return thrown.kind == kind; };
    };
    BOOST_CHECK_EXCEPTION(heap->deallocate(gone.p, 100), thrown_misuse, is(misuse_kind::double_free));
    BOOST_CHECK_EXCEPTION(heap->deallocate(&heap, 100), thrown_misuse, is(misuse_kind::foreign_pointer));
    BOOST_CHECK_EXCEPTION(heap->deallocate(block.p, 300), thrown_misuse, is(misuse_kind::wrong_size));
    BOOST_CHECK_EXCEPTION(heap->deallocate(bytes_at(block.p, 32), 50), thrown_misuse,
                          is(misuse_kind::interior_pointer));
    BOOST_CHECK_EXCEPTION(heap->deallocate(block.p, 100, 24), thrown_misuse, is(misuse_kind::invalid_alignment));
    BOOST_CHECK_EXCEPTION(heap->deallocate(block.p, 100, test::beyond_addresses), thrown_misuse,
                          is(misuse_kind::wrong_alignment));
    BOOST_CHECK_EXCEPTION((void)heap->allocate(8, 3), thrown_misuse, is(misuse_kind::invalid_alignment));
    if (checked) BOOST_CHECK_EXCEPTION(heap->deallocate(block.p, 99), thrown_misuse, is(misuse_kind::wrong_size));
    BOOST_TEST((state_of(*heap) == before));
    BOOST_TEST(heap->check());
    test::give(*heap, block);
    test::give(*heap, last);
    BOOST_TEST(heap->usage().used == 0u);
  }
}

BOOST_AUTO_TEST_CASE(the_line_of_a_report_has_both_sides) {
  const misuse_watch watch;
  grounded_heap heap(ground::buffer, heap_named("lines", true));
  const held_block block = test::take(*heap, 100);
  const held_block next = test::take(*heap, 100);
  const auto says = [&](std::initializer_list<const char*> words) {
    const std::string line = line_of(watch[0]);
    for (const char* word : words) BOOST_TEST(line.find(word) != std::string::npos, line << ": " << word);
    watch.forget();
  };
  heap->deallocate(block.p, 60);
  says({"lines", "wrong size", "0x", "bytes claimed 60", "bytes allocated 100"});
  heap->deallocate(bytes_at(block.p, 16), 84);
  says({"lines", "inside a live block", "bytes claimed 84", "at most"});
  heap->deallocate(&heap, 84);
  says({"lines", "not a live block of this resource"});
  test::give(*heap, block);
  test::give(*heap, block);
  says({"lines", "double free"});
  auto* const behind = static_cast<unsigned char*>(next.p) + 100;
  memory_tools::unpoison(behind, 1);
  *behind = 0;
  test::give(*heap, next);
  says({"lines", "written behind the end of a block", "100"});
}

BOOST_AUTO_TEST_CASE(without_a_name_a_report_says_the_kind) {
  const misuse_watch watch;
  coalescing_heap heap;
  heap.deallocate(&heap, 10);
  BOOST_TEST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].resource == "coalescing_heap");
}

BOOST_AUTO_TEST_CASE(without_a_handler_misuse_ends_the_program_with_one_line) {
  const auto ends_with = [](const char* name, const char* words) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.aborted(), outcome.output);
    BOOST_TEST(outcome.says("mine"), outcome.output);
    BOOST_TEST(outcome.says(words), outcome.output);
  };
  ends_with("heap_double_free", "double free");
  ends_with("heap_interior_pointer", "a pointer inside a live block");
  ends_with("heap_foreign_pointer", "not a live block of this resource");
  ends_with("heap_wrong_size", "wrong size");
  if (test::plain()) ends_with("heap_overrun", "written behind the end of a block");
}

BOOST_AUTO_TEST_SUITE_END()
