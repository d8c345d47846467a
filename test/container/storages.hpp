#pragma once

#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/vlarray_options.hpp>
#include <allot/testing/counting_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>

namespace allot::test {

/// Calls use(options, most, moves) with every kind of storage an array can have: how many elements it may hold at most
/// here, and whether growth moves it. Afterwards all of it was given back as it was taken.
template <class Use>
void with_each_storage(Use use) {
  BOOST_TEST_CONTEXT("in a reservation") {
    reserving_resource pages;
    use(vlarray_options{&pages}, std::size_t{1'000'000}, false);
    BOOST_TEST(pages.usage().used == 0u);
    BOOST_TEST(pages.check());
  }
  BOOST_TEST_CONTEXT("in a block") {
    testing::counting_resource plain;
    use(vlarray_options{&plain, 3000}, std::size_t{3000}, false);
    BOOST_TEST(plain.live_blocks() == 0u);
    BOOST_TEST(plain.mismatches().empty());
  }
  BOOST_TEST_CONTEXT("in a block that grows in place") {
    monotonic_arena arena(std::size_t{256} << 20);
    use(vlarray_options{&arena}, std::size_t{200'000}, false);
    BOOST_TEST(arena.check());
  }
  BOOST_TEST_CONTEXT("in a reservation that moves") {
    reserving_resource pages;
    use(vlarray_options{&pages, 1, when_full::move}, std::size_t{1'000'000}, true);
    BOOST_TEST(pages.usage().used == 0u);
    BOOST_TEST(pages.check());
  }
  BOOST_TEST_CONTEXT("in a block that moves") {
    testing::counting_resource plain;
    use(vlarray_options{&plain, 1, when_full::move}, std::size_t{1'000'000}, true);
    BOOST_TEST(plain.live_blocks() == 0u);
    BOOST_TEST(plain.mismatches().empty());
  }
}

}  // namespace allot::test
