#include <allot/adaptor/resource_from_allocator.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <vector>

#include "support/conforms.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;

namespace {

/// Goes by sizes and by nothing else, as allocators written before aligned new do.
template <class T>
struct unaligned_allocator {
  using value_type = T;
  int* live = nullptr;

  explicit unaligned_allocator(int* counter) : live(counter) {}
  template <class U>
  unaligned_allocator(const unaligned_allocator<U>& other) : live(other.live) {}

  T* allocate(std::size_t count) {
    auto* const p = static_cast<std::byte*>(::operator new(count * sizeof(T) + offset, far));
    ++*live;
    return reinterpret_cast<T*>(p + offset);
  }
  void deallocate(T* p, std::size_t) {
    --*live;
    ::operator delete(reinterpret_cast<std::byte*>(p) - offset, far);
  }
  static constexpr std::align_val_t far{64};
  static constexpr std::size_t offset = alignof(std::max_align_t);  // so that never more is kept than this
  friend bool operator==(const unaligned_allocator&, const unaligned_allocator&) { return true; }
  friend bool operator!=(const unaligned_allocator&, const unaligned_allocator&) { return false; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(from_allocator)

BOOST_AUTO_TEST_CASE(std_allocator_conforms) {
  auto subject = testing::make_subject("resource_from_allocator", [](std::pmr::memory_resource&) {
    return std::make_unique<resource_from_allocator<std::allocator<int>>>();
  });
  subject.frees_at_destruction = false;
  test::expect_conforms(subject);
}

BOOST_AUTO_TEST_CASE(a_polymorphic_allocator_makes_the_circle) {
  auto subject = testing::make_subject("resource_from_allocator", [](std::pmr::memory_resource& upstream) {
    using allocator = std::pmr::polymorphic_allocator<char>;
    return std::make_unique<resource_from_allocator<allocator>>(allocator(&upstream));
  });
  subject.frees_at_destruction = false;
  test::expect_conforms(subject);
}

BOOST_AUTO_TEST_CASE(the_allocator_is_asked_for_no_more_than_the_alignment_makes_of_the_size) {
  using allocator = std::pmr::polymorphic_allocator<char>;
  testing::counting_resource upstream;
  resource_from_allocator<allocator> memory{allocator(&upstream)};
  for (const auto& [bytes, alignment, asked] : {std::array<std::size_t, 3>{13, 1, 13},
                                                {13, 2, 14},
                                                {24, 8, 24},
                                                {13, 8, 16},
                                                {13, 16, 16},
                                                {13, 64, 64},
                                                {0, 4, 4}}) {
    void* const p = memory.allocate(bytes, alignment);
    BOOST_TEST(upstream.live_bytes() == asked);
    memory.deallocate(p, bytes, alignment);
  }
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(every_alignment_up_to_the_largest_is_kept) {
  resource_from_allocator<std::allocator<char>> memory;
  for (std::size_t alignment = 1; alignment <= memory.largest_alignment; alignment *= 2)
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, alignment - 1, alignment + 1}) {
      void* const p = memory.allocate(bytes, alignment);
      BOOST_TEST(is_aligned(p, alignment));
      std::memset(p, 1, bytes);
      memory.deallocate(p, bytes, alignment);
    }
  BOOST_CHECK_EXCEPTION((void)memory.allocate(1, 2 * memory.largest_alignment), allocation_error,
                        [](const allocation_error& error) { return error.code() == memory_errc::invalid_alignment; });
}

BOOST_AUTO_TEST_CASE(what_an_allocator_gives_misaligned_goes_back_and_is_refused) {
  int live = 0;
  resource_from_allocator<unaligned_allocator<char>> memory{unaligned_allocator<char>(&live)};
  void* const p = memory.allocate(10, 8);
  memory.deallocate(p, 10, 8);
  BOOST_CHECK_EXCEPTION((void)memory.allocate(10, 64), allocation_error, [](const allocation_error& error) {
    return error.code() == memory_errc::invalid_alignment && error.alignment() == 64;
  });
  BOOST_TEST(live == 0);
}

BOOST_AUTO_TEST_CASE(sizes_and_alignments_that_cannot_be_are_refused) {
  resource_from_allocator<std::allocator<char>> memory;
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 4)
    for (const std::size_t less : {0u, 1u, 100u})
      BOOST_CHECK_THROW((void)memory.allocate(std::numeric_limits<std::size_t>::max() - less, alignment),
                        std::bad_alloc);
  const test::misuse_watch watch;
  BOOST_CHECK_THROW((void)memory.allocate(1, 3), std::bad_alloc);
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  BOOST_TEST(memory.try_allocate(1, 3) == nullptr);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_SUITE_END()
