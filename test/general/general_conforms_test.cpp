// general_resource and concurrent_general_resource against the conformance kit.

#include <algorithm>
#include <allot/block/page_resource.hpp>
#include <allot/testing/conformance.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <string>
#include <type_traits>
#include <utility>

#include "general/generals.hpp"
#if !defined(_WIN32)
#include "support/address_space_limit.hpp"
#endif
#include "support/barely_aligned_resource.hpp"
#include "support/conforms.hpp"

using namespace allot;
using testing::make_subject;

namespace {

void expect_conforms(testing::conformance_subject subject) {
  subject.keeps_cache_when_refused = false;  // medium blocks kept at hand go back to the heap before a refusal
  test::expect_conforms(subject);
}

/// Calls test(name, maker of resources of one class) for each class, unchecked and checked; the maker takes the
/// upstream.
template <class Test>
void for_each_class(general_options options, Test test) {
  for (const bool checked : {false, true}) {
    options.checked = checked;
    const std::string suffix = checked ? ", checked" : "";
    test("general_resource" + suffix,
         [options](auto* upstream) { return std::make_unique<general_resource>(options, upstream); });
    test("concurrent_general_resource" + suffix,
         [options](auto* upstream) { return std::make_unique<concurrent_general_resource>(options, upstream); });
  }
}

void expect_both_conform_over_the_kits_upstream(const general_options& options) {
  for_each_class(options, [](const std::string& name, auto make) {
    expect_conforms(make_subject(name, [make](std::pmr::memory_resource& upstream) { return make(&upstream); }));
  });
}

#if !defined(_WIN32)
/// Little address space more: requests of many GiB that the system would promise are refused then. Ranges must be
/// small: an unmapping that is made to fail leaves one behind.
void expect_both_conform_on_their_own(const general_options& options) {
  const test::address_space_limit limit(std::size_t{2} << 30);
  for_each_class(options, [](const std::string& name, auto make) {
    expect_conforms(
        make_subject(name, [make](auto&) { return make(static_cast<std::pmr::memory_resource*>(nullptr)); }));
  });
}
#endif

/// A resource with an upstream of its own.
template <class General, class Upstream>
class with_upstream final : public std::pmr::memory_resource {
 public:
  template <class Make, class... Arguments>
  explicit with_upstream(Make make, Arguments&&... arguments)
      : upstream_(std::forward<Arguments>(arguments)...), general_(make(&upstream_)) {}
  void release() { general_->release(); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return general_->allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    general_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  Upstream upstream_;
  std::unique_ptr<General> general_;
};

/// A buffer and nothing behind it, in which memory is used again when all of it is back.
template <std::size_t Bytes>
class buffer_resource final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = memory_.allocate(bytes, alignment);
    ++out_;
    return p;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {
    if (--out_ == 0) memory_.release();
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::size_t out_ = 0;
  alignas(std::max_align_t) std::array<std::byte, Bytes> buffer_;
  std::pmr::monotonic_buffer_resource memory_{buffer_.data(), buffer_.size(), std::pmr::null_memory_resource()};
};

template <class Upstream, class... Arguments>
void expect_both_conform_over(const std::string& upstream_name, std::size_t capacity, Arguments... arguments) {
  for_each_class({}, [&](const std::string& name, auto make) {
    using general = typename decltype(make(static_cast<std::pmr::memory_resource*>(nullptr)))::element_type;
    expect_conforms(make_subject(
        name + " over " + upstream_name,
        [make, arguments...](std::pmr::memory_resource& below) {
          if constexpr (std::is_constructible_v<Upstream, std::pmr::memory_resource*>)
            return std::make_unique<with_upstream<general, Upstream>>(make, &below);
          else
            return std::make_unique<with_upstream<general, Upstream>>(make, arguments...);
        },
        capacity));
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(general_conforms)

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(on_own_reservations) {
  general_options options;
  options.reserve = std::size_t{1} << 20;
  expect_both_conform_on_their_own(options);
}

BOOST_AUTO_TEST_CASE(on_small_reservations_of_huge_pages) {
  general_options options;
  options.reserve = std::size_t{128} << 10;
  options.huge_pages = true;
  options.return_after = std::size_t{256} << 10;
  expect_both_conform_on_their_own(options);
}
#endif

BOOST_AUTO_TEST_CASE(over_the_kits_own_upstream) { expect_both_conform_over_the_kits_upstream({}); }

BOOST_AUTO_TEST_CASE(over_page_resource) {
  page_resource pages;
  for_each_class({}, [&](const std::string& name, auto make) {
    expect_conforms(make_subject(name + " over page_resource", [make, &pages](auto&) { return make(&pages); }));
  });
}

BOOST_AUTO_TEST_CASE(over_a_small_buffer) {
  // Beside blocks there are the tables of sizes, caches of threads, and a slab for each size that is asked for.
  expect_both_conform_over<buffer_resource<std::size_t{64} << 10>>("64 KiB", 1500);
}

BOOST_AUTO_TEST_CASE(over_one_that_fails) {
  expect_both_conform_over<testing::failing_resource>("failing_resource", testing::conformance_subject::unlimited);
}

BOOST_AUTO_TEST_CASE(over_one_that_counts) {
  expect_both_conform_over<testing::counting_resource>("counting_resource", testing::conformance_subject::unlimited);
}

BOOST_AUTO_TEST_CASE(over_odd_addresses) {
  expect_both_conform_over<test::barely_aligned_resource>("odd addresses", testing::conformance_subject::unlimited);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(with_other_bounds) {
  general_options options;
  options.small_limit = 0;
  options.large_threshold = 0;
  options.return_after = 0;
  expect_both_conform_over_the_kits_upstream(options);
  options.small_limit = std::size_t{32} << 10;
  options.large_threshold = 4096;
  options.return_after = 1;
  options.reserve = std::size_t{1} << 20;
  expect_both_conform_over_the_kits_upstream(options);
  expect_both_conform_on_their_own(options);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
