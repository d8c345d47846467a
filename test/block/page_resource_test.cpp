#include <allot/block/page_resource.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>

#include "block/alike.hpp"
#include "support/access.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::misuse_watch;

namespace {

const std::size_t page = test::system_page_size();

const test::child_program use_after_free{"page_resource_use_after_free", [] {
                                           page_resource pages;
                                           auto* p = static_cast<volatile char*>(pages.allocate(10));
                                           pages.deallocate(const_cast<char*>(p), 10);
                                           *p = 1;
                                         }};
const test::child_program double_free{"page_resource_double_free", [] {
                                        page_resource pages;
                                        void* p = pages.allocate(10);
                                        pages.deallocate(p, 10);
                                        pages.deallocate(p, 10);
                                      }};

}  // namespace

BOOST_AUTO_TEST_SUITE(page_resources)

BOOST_AUTO_TEST_CASE(blocks_are_whole_zero_pages) {
  page_resource pages;
  auto* p = static_cast<unsigned char*>(pages.allocate(page + 1));
  BOOST_TEST(is_aligned(p, page));
  for (std::size_t i = 0; i < page + 1; ++i) BOOST_REQUIRE(p[i] == 0);
  BOOST_TEST(pages.usage().reserved == 2 * page);
  BOOST_TEST(pages.usage().used == page + 1);
  BOOST_TEST(pages.usage().wasted == page - 1);
  pages.deallocate(p, page + 1);
  BOOST_TEST(pages.usage().reserved == 0u);
  BOOST_TEST(pages.usage().peak == page + 1);
}

BOOST_AUTO_TEST_CASE(touching_a_freed_block_faults) {
  BOOST_TEST(test::run_child("page_resource_use_after_free").faulted());
}

BOOST_AUTO_TEST_CASE(misuse_at_deallocate_is_found_exactly_and_has_no_effect) {
  page_resource pages;
  char other = 0;
  void* p = pages.allocate(100, 64);
  {
    const misuse_watch watch;
    pages.deallocate(&other, 1);
    pages.deallocate(p, 101, 64);
    pages.deallocate(p, 100, 32);
    pages.deallocate(static_cast<char*>(p) + 1, 99, 64);
    BOOST_REQUIRE(watch.count() == 4u);
    BOOST_TEST((watch[0].kind == misuse_kind::foreign_pointer));
    BOOST_TEST((watch[1].kind == misuse_kind::wrong_size));
    BOOST_TEST(watch[1].claimed == 101u);
    BOOST_TEST(watch[1].actual == 100u);
    BOOST_TEST((watch[2].kind == misuse_kind::wrong_alignment));
    BOOST_TEST((watch[3].kind == misuse_kind::foreign_pointer));
  }
  BOOST_TEST(pages.owns(p));
  pages.deallocate(p, 100, 64);
  const auto outcome = test::run_child("page_resource_double_free");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("misuse of page_resource"));
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  page_resource pages;
  test::expect_that_no_alignment_is_refused(pages);
}

BOOST_AUTO_TEST_CASE(blocks_expand_and_shrink_in_place_by_pages) {
  page_resource pages;
  auto* p = static_cast<char*>(pages.allocate(100));
  BOOST_TEST(pages.try_expand(p, 100, page, alignof(std::max_align_t)));
  std::memset(p, 1, page);
  const bool grown = pages.try_expand(p, page, 5 * page, alignof(std::max_align_t));
  const std::size_t now = grown ? 5 * page : page;
  std::memset(p, 1, now);
  BOOST_TEST(pages.usage().used == now);
  BOOST_TEST(!pages.try_expand(p, now + 1, 1, alignof(std::max_align_t)));
  BOOST_TEST(pages.try_expand(p, now, 1, alignof(std::max_align_t)));
  BOOST_TEST(pages.usage().reserved == page);
  BOOST_TEST(pages.check());
  pages.deallocate(p, 1);
}

BOOST_AUTO_TEST_CASE(blocks_are_found_from_inside) {
  page_resource pages;
  auto* p = static_cast<char*>(pages.allocate(100));
  const block_info found = pages.find_block(p + 99);
  BOOST_TEST(found.begin == p);
  BOOST_TEST(found.bytes == 100u);
  BOOST_TEST(found.exact);
  BOOST_TEST(!pages.owns(&pages));
  std::size_t count = 0;
  auto visit = [&](const block_info&) { ++count; };
  pages.for_each_block(visit);
  BOOST_TEST(count == 1u);
  pages.deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(release_gives_everything_back_and_twice_is_harmless) {
  page_resource pages;
  test::expect_that_release_gives_everything_back(pages);
}

BOOST_AUTO_TEST_CASE(a_block_the_system_cannot_unmap_waits_for_trim) {
  page_resource pages;
  void* p = pages.allocate(page);
  {
    const os::failure_injection injection(1, os::os_call::unmap);
    pages.deallocate(p, page);
  }
  BOOST_TEST(!test::readable(p));
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.usage().reserved == page);
  BOOST_TEST(pages.check());
  {
    const misuse_watch watch;
    pages.deallocate(p, page);
    BOOST_TEST(watch.only(misuse_kind::double_free));
  }
  BOOST_TEST(pages.trim() == page);
  BOOST_TEST(pages.usage().reserved == 0u);
}

BOOST_AUTO_TEST_CASE(large_blocks_are_aligned_for_huge_pages_when_asked_for) {
  const std::size_t large = os::facts().advised_page_size;
  if (large == 0) return test::skip("this system has no huge pages");
  page_resource_options options;
  options.huge_pages = true;
  page_resource pages(options);
  void* p = pages.allocate(large + 1);
  BOOST_TEST(is_aligned(p, large));
  pages.deallocate(p, large + 1);
}

BOOST_AUTO_TEST_CASE(threads_share_one_resource) {
  page_resource pages;
  test::expect_that_threads_can_share(pages, [&pages](const void*) {
    (void)pages.trim();
    if (!pages.check()) std::abort();
  });
}

BOOST_AUTO_TEST_SUITE_END()
