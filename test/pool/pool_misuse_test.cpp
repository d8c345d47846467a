// What a program does wrong, and when a pool says so.

#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool/pools.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"

using namespace allot;
using test::held_block;
using test::misuse_watch;
using testing::counting_resource;

namespace {

pool_options checked_options(const char* name = "checked") {
  pool_options options;
  options.checked = true;
  options.name = name;
  return options;
}

struct thrown_misuse : std::runtime_error {
  explicit thrown_misuse(misuse_kind which) : std::runtime_error("misuse"), kind(which) {}
  misuse_kind kind;
};
void throw_misuse(const misuse_report& report) { throw thrown_misuse(report.kind); }

const test::child_program by_default{"pool_double_free", [] {
                                       pool_resource pool(checked_options("mine"));
                                       void* p = pool.allocate(100);
                                       pool.deallocate(p, 100);
                                       pool.deallocate(p, 100);
                                     }};
// A foreign pointer in a magazine must not make looking at the pool a crash.
alignas(64) std::array<std::byte, 64> not_a_pools{};
const test::child_program looking{"pool_looked_at_with_a_foreign_pointer_in_a_magazine", [] {
                                    const misuse_watch watch;
                                    pool_resource pool;
                                    const held_block block = test::take(pool, 64);
                                    pool.deallocate(not_a_pools.data(), 64);
                                    (void)pool.check();
                                    (void)pool.usage();
                                    (void)pool.find_block(block.p);
                                    (void)pool.find_block(not_a_pools.data());
                                    pool.for_each_block([](const block_info&) {});
                                    (void)pool.trim();
                                    pool.release();
                                  }};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_misuse)

// ---- checked

BOOST_AUTO_TEST_CASE(a_double_free_is_reported_at_the_second_free) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{3000}, std::size_t{100'000}}) {
    const held_block other = test::take(pool, bytes);
    const held_block block = test::take(pool, bytes);
    test::give(pool, block);
    const memory_usage before = pool.usage();
    BOOST_TEST(watch.nothing());
    test::give(pool, block);
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].address == block.p);
    BOOST_TEST(watch[0].resource == "checked");
    BOOST_TEST(watch[0].fatal);
    // A large block that was freed is gone.
    BOOST_TEST(watch.only(bytes < 100'000 ? misuse_kind::double_free : misuse_kind::foreign_pointer));
    BOOST_TEST(pool.usage() == before);
    BOOST_TEST(pool.check());
    test::give(pool, other);
  }
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_double_free_is_not_handed_out_twice) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  const held_block block = test::take(pool, 64);
  test::give(pool, block);
  test::give(pool, block);
  const held_block a = test::take(pool, 64);
  const held_block b = test::take(pool, 64);
  BOOST_TEST(a.p != b.p);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  test::give(pool, a);
  test::give(pool, b);
}

BOOST_AUTO_TEST_CASE(foreign_pointers_are_reported_at_the_free) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  pool_resource other(checked_options("other"));
  alignas(64) std::array<std::byte, 256> local{};
  const held_block own = test::take(pool, 64);
  const held_block foreign = test::take(other, 64);
  const memory_usage before = pool.usage();
  const std::array<void*, 5> wrong{local.data(), foreign.p, static_cast<std::byte*>(own.p) + 8,
                                   static_cast<std::byte*>(own.p) + 63, nullptr};
  for (void* const p : wrong) {
    for (const std::size_t bytes : {std::size_t{64}, std::size_t{16}, std::size_t{100'000}}) {
      pool.deallocate(p, bytes);
      BOOST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].address == p);
      BOOST_TEST(watch[0].resource == "checked");
      BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    }
  }
  BOOST_TEST(pool.usage() == before);
  BOOST_TEST(pool.check());
  BOOST_TEST(test::all_are(local.data(), local.size(), 0));
  test::give(pool, own);
  test::give(other, foreign);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_block_that_never_was_handed_out_is_no_live_one) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  const held_block block = test::take(pool, 64);
  const std::size_t size = pool.find_block(block.p).bytes;
  pool.deallocate(static_cast<std::byte*>(block.p) + size, 64);  // the next one
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(((watch[0].kind == misuse_kind::double_free) || (watch[0].kind == misuse_kind::foreign_pointer)));
  watch.forget();
  test::give(pool, block);
  BOOST_TEST(pool.check());
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_reported_at_the_free_with_both_sides) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  const held_block block = test::take(pool, 100);
  const std::size_t size = pool.find_block(block.p).bytes;
  for (const std::size_t claimed :
       {std::size_t{50}, std::size_t{200}, std::size_t{1}, std::size_t{30'000}, std::size_t{100'000}}) {
    pool.deallocate(block.p, claimed);
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].address == block.p);
    BOOST_TEST(watch[0].claimed == claimed);
    BOOST_TEST(watch[0].actual == size);
    BOOST_TEST(!watch[0].exact);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    BOOST_TEST((pool.find_block(block.p).state == block_state::used));
  }
  test::give(pool, block);
  BOOST_TEST(watch.nothing());
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_wrong_alignment_is_reported_at_the_free_with_both_sides) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  // One that is not at a page's start, so it cannot have been allocated so.
  std::vector<held_block> blocks = test::take_many(pool, 3, 100, 8);
  const held_block block = blocks.back();
  pool.deallocate(block.p, 100, 4096);
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].address == block.p);
  BOOST_TEST(watch[0].claimed == 4096u);
  BOOST_TEST(watch[0].actual < 4096u);
  BOOST_TEST(watch.only(misuse_kind::wrong_alignment));
  BOOST_TEST((pool.find_block(block.p).state == block_state::used));
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}}) {
    pool.deallocate(block.p, 100, alignment);
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].claimed == alignment);
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  }
  BOOST_TEST(pool.check());
  test::give_all(pool, blocks);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(wrong_sizes_and_alignments_of_large_blocks_are_reported_always_and_exactly) {
  for (const bool checked : {false, true}) {
    const misuse_watch watch;
    pool_options options;
    options.checked = checked;
    options.name = "large";
    counting_resource upstream;
    pool_resource pool(options, &upstream);
    const held_block block = test::take(pool, 100'000, 64);
    for (const std::size_t claimed : {std::size_t{99'999}, std::size_t{100'001}, std::size_t{50'000}}) {
      pool.deallocate(block.p, claimed, 64);
      BOOST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].claimed == claimed);
      BOOST_TEST(watch[0].actual == 100'000u);
      BOOST_TEST(watch[0].exact);
      BOOST_TEST(watch[0].resource == "large");
      BOOST_TEST(watch.only(misuse_kind::wrong_size));
    }
    pool.deallocate(block.p, 100'000, 32);
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].claimed == 32u);
    BOOST_TEST(watch[0].actual == 64u);
    BOOST_TEST(watch.only(misuse_kind::wrong_alignment));
    alignas(64) std::array<std::byte, 64> local{};
    pool.deallocate(local.data(), 100'000, 64);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    if (checked) {
      pool.deallocate(block.p, 100, 64);  // not even the right kind
      BOOST_TEST(watch.only(misuse_kind::wrong_size));
    }
    BOOST_TEST((pool.find_block(block.p).state == block_state::used));
    BOOST_TEST(pool.usage().used == 100'000u);
    test::give(pool, block);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(upstream.mismatches().empty());
    (void)pool.trim();
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_throwing_handler_leaves_the_pool_as_it_was) {
  const misuse_watch watch(&throw_misuse);
  pool_resource pool(checked_options());
  const held_block block = test::take(pool, 64);
  const memory_usage before = pool.usage();
  const auto is = [](misuse_kind kind) { return [kind](const thrown_misuse& thrown) { return thrown.kind == kind; }; };
  BOOST_CHECK_EXCEPTION(pool.deallocate(block.p, 5000), thrown_misuse, is(misuse_kind::wrong_size));
  BOOST_CHECK_EXCEPTION(pool.deallocate(&pool, 64), thrown_misuse, is(misuse_kind::foreign_pointer));
  BOOST_CHECK_EXCEPTION((void)pool.allocate(64, 3), thrown_misuse, is(misuse_kind::invalid_alignment));
  BOOST_TEST(pool.usage() == before);
  test::give(pool, block);
  BOOST_CHECK_EXCEPTION(pool.deallocate(block.p, 64), thrown_misuse, is(misuse_kind::double_free));
  BOOST_TEST(pool.check());
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(without_a_handler_misuse_ends_the_program_with_one_line) {
  const auto outcome = test::run_child("pool_double_free");
  BOOST_TEST(outcome.aborted(), outcome.output);
  BOOST_TEST(outcome.says("mine"), outcome.output);
  BOOST_TEST(outcome.says("double free"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_checked_pool_grows_no_block_that_is_not_there) {
  const misuse_watch watch;
  pool_resource pool(checked_options());
  const held_block block = test::take(pool, 60);
  BOOST_TEST(!pool.try_expand(static_cast<std::byte*>(block.p) + 8, 60, 61, 16));
  BOOST_TEST(!pool.try_expand(block.p, 500, 501, 16));
  test::give(pool, block);
  BOOST_TEST(!pool.try_expand(block.p, 60, 61, 16));
}

// ---- unchecked

BOOST_AUTO_TEST_CASE(an_unchecked_double_free_is_noticed_when_the_magazine_is_emptied) {
  for (const bool zero_on_free : {false, true}) {
    const misuse_watch watch;
    pool_options options;
    options.name = "trusting";
    options.zero_on_free = zero_on_free;
    counting_resource upstream;
    pool_resource pool(options, &upstream);
    const held_block kept = test::take(pool, 64);
    const held_block block = test::take(pool, 64);
    test::give(pool, block);
    test::give(pool, block);
    if (test::plain()) BOOST_TEST(watch.nothing());
    (void)pool.check();  // ends, whatever it says
    (void)pool.find_block(block.p);
    (void)pool.usage();
    pool.for_each_block([](const block_info&) {});
    (void)pool.trim();
    BOOST_REQUIRE(watch.count() >= 1u);
    BOOST_TEST(watch[0].address == block.p);
    BOOST_TEST(watch[0].resource == "trusting");
    BOOST_TEST((watch[0].kind == misuse_kind::double_free));
    watch.forget();
    BOOST_TEST(pool.check());
    // And all goes on.
    std::vector<held_block> blocks = test::take_many(pool, 1000, 64);
    test::give_all(pool, blocks);
    test::give(pool, kept);
    (void)pool.trim();
    BOOST_TEST(watch.nothing());
    pool.release();  // what was in the magazine below the block was lost till now
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(an_unchecked_double_free_is_noticed_when_the_magazine_is_full) {
  const misuse_watch watch;
  pool_options options;
  options.magazine_blocks = 4;
  counting_resource upstream;
  pool_resource pool(options, &upstream);
  std::vector<held_block> blocks = test::take_many(pool, 60, 64);
  test::give(pool, blocks[30]);
  test::give(pool, blocks[31]);
  test::give(pool, blocks[30]);
  blocks.erase(blocks.begin() + 30, blocks.begin() + 32);
  test::give_all(pool, blocks);
  BOOST_REQUIRE(watch.count() >= 1u);
  BOOST_TEST((watch[0].kind == misuse_kind::double_free));
  pool.release();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(unchecked_foreign_pointers_are_noticed_when_the_magazine_is_emptied) {
  const misuse_watch watch;
  pool_options options;
  options.name = "trusting";
  pool_resource pool(options);
  alignas(64) std::array<std::byte, 64> local{};
  const held_block kept = test::take(pool, 64);
  pool.deallocate(local.data(), 64);
  (void)pool.trim();
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].address == local.data());
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  BOOST_TEST(pool.check());
  test::give(pool, kept);
}

BOOST_AUTO_TEST_CASE(unchecked_wrong_sizes_are_noticed_when_the_magazine_is_emptied) {
  const misuse_watch watch;
  pool_resource pool;
  const held_block small = test::take(pool, 64);
  const held_block other = test::take(pool, 512);
  pool.deallocate(small.p, 500);
  (void)pool.trim();
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].address == small.p);
  BOOST_TEST(watch[0].claimed >= 500u);
  BOOST_TEST(watch[0].actual >= 64u);
  BOOST_TEST(watch[0].actual < 500u);
  BOOST_TEST(watch.only(misuse_kind::wrong_size));
  test::give(pool, small);
  test::give(pool, other);
  (void)pool.trim();
  BOOST_TEST(watch.nothing());
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_foreign_pointer_in_a_magazine_does_not_make_looking_a_crash) {
  const auto outcome = test::run_child("pool_looked_at_with_a_foreign_pointer_in_a_magazine");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(a_pool_that_never_served_anything_reports_what_it_is_given) {
  for (const bool checked : {false, true}) {
    for (const test::named_options& each : test::every_spacing_and_placement()) {
      const misuse_watch watch;
      pool_options options = each.options;
      options.checked = checked;
      pool_resource pool(options);
      alignas(64) std::array<std::byte, 64> local{};
      pool.deallocate(local.data(), 64);
      (void)pool.trim();
      BOOST_TEST(watch.only(misuse_kind::foreign_pointer), each.name);
      BOOST_TEST(pool.check());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
