// What page_resource and guarded_page_resource promise alike.

#pragma once

#include <allot/core/allocation_error.hpp>
#include <allot/core/resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <thread>
#include <vector>

#include "support/access.hpp"
#include "support/misuse_watch.hpp"

namespace allot::test {

inline void expect_that_no_alignment_is_refused(resource& pages) {
  const misuse_watch watch;
  std::pmr::memory_resource& as_any = pages;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}})
    BOOST_CHECK_THROW((void)as_any.allocate(1, alignment), allocation_error);
  BOOST_TEST(watch.count() == 2u);
}

inline void expect_that_release_gives_everything_back(resource& pages) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 1000; ++i) blocks.push_back(pages.allocate(1));
  for (std::size_t i = 0; i < 1000; i += 3) pages.deallocate(blocks[i], 1);
  pages.release();
  for (void* const p : blocks) BOOST_REQUIRE(!readable(p));
  BOOST_TEST((pages.usage() == memory_usage{}));
  BOOST_TEST(!pages.owns(blocks[0]));
  pages.release();
  BOOST_TEST((pages.usage() == memory_usage{}));
  void* const p = pages.allocate(1);
  pages.deallocate(p, 1);
  BOOST_TEST(pages.check());
}

/// Blocks of many sizes come and go on eight threads, which look(newest block) now and then.
template <class Look>
void expect_that_threads_can_share(resource& pages, Look look) {
  const auto work = [&] {
    std::vector<void*> mine;
    for (std::size_t i = 1; i < 300; ++i) {
      mine.push_back(pages.allocate(i));
      std::memset(mine.back(), static_cast<int>(i), i);
      if (i % 3 == 0) {
        pages.deallocate(mine.front(), i - mine.size() + 1);
        mine.erase(mine.begin());
      }
      if (i % 50 == 0) look(mine.back());
    }
    for (std::size_t i = 0; i < mine.size(); ++i) pages.deallocate(mine[i], 300 - mine.size() + i);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.check());
}

}  // namespace allot::test
