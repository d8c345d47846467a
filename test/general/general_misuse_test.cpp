// What checked general resources say of calls that are wrong.

#include <allot/core/byte_size.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>

#include "general/generals.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::literals;
using test::misuse_watch;

namespace {

template <class Test>
void in_both_checked(Test test) {
  general_options options;
  options.name = "levels";
  test::in_both(test::with_checks(true, options), nullptr, test);
}

/// A size of each tier, with blocks on both sides that keep neighbours from being merged.
template <class General, class Test>
void for_each_tier(General& general, Test test) {
  for (const std::size_t bytes : {100_B, 5000_B, 40000_B, 2_MiB}) {
    BOOST_TEST_CONTEXT(bytes) {
      const test::held_block before = test::take(general, bytes);
      auto* const p = static_cast<std::byte*>(general.allocate(bytes));
      const test::held_block behind = test::take(general, bytes);
      test::fill(p, bytes, 6);
      test(p, bytes);
      test::give(general, before);
      test::give(general, behind);
      BOOST_TEST(general.usage().used == 0u);
      BOOST_TEST(general.check());
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(general_misuse)

BOOST_AUTO_TEST_CASE(a_double_free_is_found_in_every_tier) {
  const misuse_watch watch;
  in_both_checked([&](auto& general) {
    for_each_tier(general, [&](std::byte* p, std::size_t bytes) {
      general.deallocate(p, bytes);
      const std::size_t used = general.usage().used;
      BOOST_TEST(watch.nothing());
      general.deallocate(p, bytes);
      BOOST_TEST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].resource == "levels");
      BOOST_TEST(watch[0].address == p);
      BOOST_TEST(watch.only(misuse_kind::double_free));
      BOOST_TEST(general.usage().used == used);
    });
  });
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_found_in_every_tier_and_changes_nothing) {
  const misuse_watch watch;
  in_both_checked([&](auto& general) {
    for_each_tier(general, [&](std::byte* p, std::size_t bytes) {
      const memory_usage before = general.usage();
      for (const std::size_t wrong : {bytes / 3 * 2, bytes + bytes / 3}) {
        general.deallocate(p, wrong);
        BOOST_TEST_REQUIRE(watch.count() == 1u);
        BOOST_TEST(watch[0].resource == "levels");
        BOOST_TEST(watch[0].claimed == wrong);
        BOOST_TEST(watch.only(misuse_kind::wrong_size));
        if (bytes > 600) {
          BOOST_TEST(!general.try_expand(p, wrong, wrong + 100, 16));
          BOOST_TEST(watch.only(misuse_kind::wrong_size));
        }
      }
      BOOST_TEST((general.usage() == before));
      BOOST_TEST(test::all_are(p, bytes, 6));
      general.deallocate(p, bytes);
      BOOST_TEST(watch.nothing());
    });
  });
}

BOOST_AUTO_TEST_CASE(sizes_of_heap_blocks_are_known_to_the_byte) {
  const misuse_watch watch;
  in_both_checked([&](auto& general) {
    for (const std::size_t bytes : {5000_B, 40000_B, 2_MiB}) {
      void* const p = general.allocate(bytes);
      for (const std::size_t wrong : {bytes - 1, bytes + 1}) {
        general.deallocate(p, wrong);
        BOOST_TEST(watch.only(misuse_kind::wrong_size), bytes);
      }
      general.deallocate(p, bytes);
      BOOST_TEST(watch.nothing());
      BOOST_TEST(general.usage().used == 0u);
    }
  });
}

BOOST_AUTO_TEST_CASE(foreign_and_interior_pointers_are_found_in_every_tier) {
  const misuse_watch watch;
  in_both_checked([&](auto& general) {
    for_each_tier(general, [&](std::byte* p, std::size_t bytes) {
      alignas(64) static std::byte not_of_it[64];
      general.deallocate(not_of_it, bytes);
      BOOST_TEST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].resource == "levels");
      BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
      general.deallocate(p + 16, bytes);
      BOOST_TEST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].resource == "levels");
      const misuse_kind kind = watch[0].kind;
      BOOST_TEST((kind == misuse_kind::interior_pointer || (bytes == 100 && kind == misuse_kind::foreign_pointer)));
      watch.forget();
      BOOST_TEST(test::all_are(p, bytes, 6));
      general.deallocate(p, bytes);
      BOOST_TEST(watch.nothing());
    });
  });
}

BOOST_AUTO_TEST_CASE(overruns_of_heap_blocks_are_found) {
  if (!test::plain()) return test::skip("a memory tool reports the write itself");
  const misuse_watch watch;
  in_both_checked([&](auto& general) {
    for (const std::size_t bytes : {5000_B, 40001_B, 2_MiB}) {
      auto* const p = static_cast<std::byte*>(general.allocate(bytes));
      const std::byte before = p[bytes];
      p[bytes] = std::byte{1};
      general.deallocate(p, bytes);
      BOOST_TEST(watch.only(misuse_kind::overrun), bytes);
      p[bytes] = before;
      general.deallocate(p, bytes);
      BOOST_TEST(watch.nothing());
    }
  });
}

BOOST_AUTO_TEST_CASE(without_a_name_the_kind_is_reported) {
  const misuse_watch watch;
  test::in_both(test::with_checks(true), nullptr, [&](auto& general) {
    for_each_tier(general, [&](std::byte* p, std::size_t bytes) {
      general.deallocate(p, bytes);
      general.deallocate(p, bytes);
      BOOST_TEST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].resource == general.kind());
      watch.forget();
    });
  });
}

BOOST_AUTO_TEST_CASE(large_blocks_are_watched_unchecked_too) {
  const misuse_watch watch;
  test::in_both(test::with_checks(false), nullptr, [&](auto& general) {
    const test::held_block before = test::take(general, 100);
    auto* const p = static_cast<std::byte*>(general.allocate(2_MiB));
    general.deallocate(p, 1_MiB);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    general.deallocate(p + 64, 2_MiB);
    BOOST_TEST(watch.only(misuse_kind::interior_pointer));
    general.deallocate(p, 2_MiB);
    general.deallocate(p, 2_MiB);
    BOOST_TEST(watch.count() == 1u);
    watch.forget();
    BOOST_TEST(general.statistics().large_tier.live_bytes == 0u);
    test::give(general, before);
    BOOST_TEST(general.usage().used == 0u);
  });
}

BOOST_AUTO_TEST_CASE(a_size_wrong_by_less_than_is_found_leaves_the_sums_right) {
  const misuse_watch watch;
  test::in_both(test::with_checks(false), nullptr, [&](auto& general) {
    for (const std::size_t bytes : {40001_B, 2_MiB + 1}) {
      void* const p = general.allocate(bytes);
      general.deallocate(p, bytes + 8);
      if (!watch.nothing()) general.deallocate(p, bytes);
      BOOST_TEST(general.usage().used == 0u);
      watch.forget();
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
