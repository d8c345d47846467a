// How much of a heap one call looks at: the first bytes of each free block lie on a page of their own, which no one may
// touch, and a handler lets a call touch them after all and counts.

#include <unistd.h>

#include <algorithm>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstddef>
#include <memory>
#include <vector>

#include "heap/heaps.hpp"
#include "support/access.hpp"
#include "support/child.hpp"

using namespace allot;
using test::held_block;
using test::number_of;

namespace {

/// Counts the pages of some memory that are touched while it lives.
class touched_pages {
 public:
  touched_pages(void* begin, std::size_t bytes) {
    begin_ = begin;
    bytes_ = bytes;
    count_ = 0;
    struct sigaction action {};
    action.sa_sigaction = &let_through;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSEGV, &action, &before_);
    (void)os::protect(begin, bytes, os::access::none);
  }
  ~touched_pages() {
    (void)os::protect(begin_, bytes_, os::access::read_write);
    ::sigaction(SIGSEGV, &before_, nullptr);
  }
  touched_pages(const touched_pages&) = delete;
  touched_pages& operator=(const touched_pages&) = delete;

  std::size_t count() const { return count_; }

 private:
  static void let_through(int, siginfo_t* info, void*) {
    const std::uintptr_t at = number_of(info->si_addr);
    if (at - number_of(begin_) >= bytes_) ::_exit(111);
    const std::size_t page = os::facts().page_size;
    (void)os::protect(reinterpret_cast<void*>(at / page * page), page, os::access::read_write);
    count_ = count_ + 1;
  }

  static inline void* begin_ = nullptr;
  static inline std::size_t bytes_ = 0;
  static inline volatile std::size_t count_ = 0;
  struct sigaction before_ {};
};

/// A heap in address space of its own, with so many free blocks between used ones, each at a page's start.
class spaced_heap {
 public:
  spaced_heap(std::size_t blocks, std::size_t free_bytes)
      : bytes_((blocks + 8) * stride(free_bytes) * 66 / 65 + (std::size_t{1} << 26)) {
    memory_ = os::reserve(bytes_).address;
    BOOST_TEST_REQUIRE(memory_ != nullptr);
    BOOST_TEST_REQUIRE(static_cast<bool>(os::commit(memory_, bytes_ / page() * page())));
    heap_ = std::make_unique<coalescing_heap>(memory_, bytes_ / page() * page(), test::heap_named("spaced"));
    (void)heap_->allocate(16, page());
    (void)heap_->allocate(page() - 16);
    if (const heap_block before = *heap_->blocks().begin(); !before.used) (void)heap_->allocate(before.bytes);
    std::vector<held_block> gone;
    for (std::size_t i = 0; i < blocks; ++i) {
      gone.push_back(test::take(*heap_, free_bytes));
      used.push_back(test::take(*heap_, stride(free_bytes) - free_bytes));
    }
    BOOST_TEST_REQUIRE(number_of(gone.back().p) % page() == 0u);
    for (const held_block& each : gone) test::give(*heap_, each);
  }
  ~spaced_heap() {
    heap_.reset();
    (void)os::release(memory_, (bytes_ + page() - 1) / page() * page());
  }
  spaced_heap(const spaced_heap&) = delete;
  spaced_heap& operator=(const spaced_heap&) = delete;

  /// Pages of blocks, and of the table of them, that the call touches.
  template <class Call>
  std::size_t pages_for(Call call) {
    const touched_pages touched(memory_, bytes_ / page() * page());
    call(*heap_);
    return touched.count();
  }

  coalescing_heap& heap() { return *heap_; }
  std::vector<held_block> used;  ///< those between

 private:
  static std::size_t page() { return test::system_page_size(); }
  static std::size_t stride(std::size_t bytes) { return (bytes / page() + 1) * page(); }

  std::size_t bytes_;
  void* memory_ = nullptr;
  std::unique_ptr<coalescing_heap> heap_;
};

/// The most pages any call touches in a heap of so many free blocks.
std::size_t most_pages(std::size_t blocks, std::size_t free_bytes) {
  spaced_heap spaced(blocks, free_bytes);
  std::size_t most = 0;
  const auto measure = [&](const char* what, auto call) {
    const std::size_t pages = spaced.pages_for(call);
    BOOST_TEST_MESSAGE(blocks << " free blocks of " << free_bytes << " bytes, " << what << ": " << pages << " pages");
    BOOST_TEST(pages > 0u, what);  // the table at least
    most = std::max(most, pages);
  };
  const std::size_t no_ones = std::size_t{1} << (free_bytes < (std::size_t{1} << 19) ? 20 : 25);  // alignment
  void* p = nullptr;
  measure("one of their size", [&](auto& heap) { p = heap.allocate(free_bytes); });
  measure("freeing that", [&](auto& heap) { heap.deallocate(p, free_bytes); });
  measure("a smaller one", [&](auto& heap) { p = heap.allocate(free_bytes / 2); });
  measure("growing that", [&](auto& heap) {
    if (heap.try_expand(p, free_bytes / 2, free_bytes - 32, 16)) return;
    BOOST_ERROR("not grown");
  });
  measure("shrinking it", [&](auto& heap) {
    if (heap.try_expand(p, free_bytes - 32, 100, 16)) return;
    BOOST_ERROR("not shrunk");
  });
  measure("freeing it", [&](auto& heap) { heap.deallocate(p, 100); });
  measure("one a little larger", [&](auto& heap) { p = heap.allocate(free_bytes + 16); });
  measure("freeing it", [&](auto& heap) { heap.deallocate(p, free_bytes + 16); });
  measure("one of an alignment they do not have", [&](auto& heap) { p = heap.allocate(free_bytes, no_ones); });
  measure("freeing it", [&](auto& heap) { heap.deallocate(p, free_bytes, no_ones); });
  measure("more than there is", [&](auto& heap) { (void)heap.try_allocate(test::beyond_addresses, 64); });
  // One between two that are free, in the midst of all, and the neighbours of what comes of that.
  for (const std::size_t at : {blocks / 2, blocks / 2 + 1, blocks / 2 - 1, blocks / 3})
    measure("freeing one between two", [&](auto& heap) { test::give(heap, spaced.used[at]); });
  measure("the block that was made", [&](auto& heap) { p = heap.allocate(3 * free_bytes); });
  BOOST_TEST(spaced.heap().check());
  return most;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_bounds)

BOOST_AUTO_TEST_CASE(a_call_looks_at_a_few_blocks_of_lists_however_many_there_are) {
  if (sizeof(void*) < 8) return test::skip("the room for books is that of 64 bits");
  if (!test::plain() || test::under_thread_sanitizer()) return test::skip("a memory tool has the signal");
  // A list of one size, and of several.
  for (const std::size_t bytes : {std::size_t{768}, std::size_t{2064}, std::size_t{66} << 10}) {
    const std::size_t few = most_pages(100, bytes);
    const std::size_t many = most_pages(10'000, bytes);
    BOOST_TEST(few <= 60u);
    BOOST_TEST(many <= few + 8);  // the table has more pages
  }
}

BOOST_AUTO_TEST_CASE(a_call_looks_at_no_more_of_a_tree_than_a_logarithm) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  if (!test::plain() || test::under_thread_sanitizer()) return test::skip("a memory tool has the signal");
  const std::size_t bytes = free_index::tree_size * 16 + 2048;
  const std::size_t few = most_pages(20, bytes);
  const std::size_t many = most_pages(1000, bytes);
  BOOST_TEST(few <= 60u);
  BOOST_TEST(many <= few + 60);  // 2 * log2(50) for each of three walks, and some for turns
}

BOOST_AUTO_TEST_SUITE_END()
