#include <algorithm>
#include <allot/adaptor/zeroing_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <memory_resource>

using namespace allot;
using moment = zeroing_options::moment;

namespace {

/// One block of its own, full of 0xaa at first, which every allocation gets.
class one_block final : public resource {
 public:
  std::array<unsigned char, 256> bytes;
  one_block() { bytes.fill(0xaa); }

  std::string_view kind() const noexcept override { return "one_block"; }
  bool try_expand(void*, std::size_t, std::size_t new_bytes, std::size_t) noexcept override {
    return new_bytes <= bytes.size();
  }
  std::size_t zeros() const { return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), 0)); }

 private:
  void* do_allocate(std::size_t, std::size_t) override { return bytes.data(); }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
};

zeroing_options when(moment moment) {
  zeroing_options options;
  options.when = moment;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(zeroing)

BOOST_AUTO_TEST_CASE(blocks_are_zero_when_handed_out_and_nothing_beyond_them_is_touched) {
  for (const moment which : {moment::allocate, moment::both}) {
    one_block upstream;
    zeroing_resource memory(upstream, when(which));
    BOOST_TEST(memory.allocate(100) == upstream.bytes.data());
    BOOST_TEST(upstream.zeros() == 100u);
    upstream.bytes.fill(0xaa);
    BOOST_TEST(memory.try_allocate(50) != nullptr);
    BOOST_TEST(upstream.zeros() == 50u);
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_overwritten_before_they_go_back) {
  for (const moment which : {moment::deallocate, moment::both}) {
    one_block upstream;
    zeroing_resource memory(upstream, when(which));
    void* const p = memory.allocate(100);
    upstream.bytes.fill(0xaa);
    memory.deallocate(p, 100);
    BOOST_TEST(upstream.zeros() == 100u);
  }
}

BOOST_AUTO_TEST_CASE(what_was_not_asked_for_is_not_done) {
  one_block upstream;
  zeroing_resource late(upstream, when(moment::deallocate));
  void* const p = late.allocate(100);
  BOOST_TEST(upstream.zeros() == 0u);
  zeroing_resource early(upstream);
  early.deallocate(p, 100);
  BOOST_TEST(upstream.zeros() == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_block_grows_by_is_zero) {
  one_block upstream;
  zeroing_resource memory(upstream);
  void* const p = memory.allocate(10);
  std::memset(p, 1, 10);
  BOOST_TEST(memory.try_expand(p, 10, 60, 16));
  BOOST_TEST(upstream.zeros() == 50u);
  BOOST_TEST(!memory.try_expand(p, 60, 1000, 16));
  BOOST_TEST(memory.try_expand(p, 60, 5, 16));
}

BOOST_AUTO_TEST_CASE(a_block_that_is_overwritten_when_freed_does_not_shrink_in_place) {
  one_block upstream;
  zeroing_resource memory(upstream, when(moment::both));
  void* const p = memory.allocate(100);
  BOOST_TEST(!memory.try_expand(p, 100, 50, 16));
  BOOST_TEST(memory.try_expand(p, 100, 100, 16));
  BOOST_TEST(memory.try_expand(p, 100, 150, 16));
}

BOOST_AUTO_TEST_CASE(what_the_upstream_throws_comes_through) {
  testing::failing_resource failing;
  zeroing_resource memory(failing);
  failing.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)memory.allocate(10), testing::injected_failure);
  BOOST_TEST(memory.try_allocate(10) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
