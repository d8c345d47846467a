// The promises all resources share, kept by debug_resource whatever it stands on.

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/upstream_ref.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/secure/secure_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "support/barely_aligned_resource.hpp"
#include "support/conforms.hpp"
#include "support/machine.hpp"

using namespace allot;
using test::expect_conforms;
using testing::make_subject;

namespace {

debug_options quiet() {
  debug_options options;
  options.report_leaks = false;  // the kit leaves blocks to the destructor
  return options;
}

/// The kit asks for alignments of terabytes, and for as long a fence a debug_resource asks for memory, which some
/// upstreams would fill or wipe.
class bounded_resource final : public adaptor_resource {
 public:
  explicit bounded_resource(upstream_ref upstream) noexcept : adaptor_resource(upstream) {}
  std::string_view kind() const noexcept override { return "bounded_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    return bytes > most ? nullptr : adaptor_resource::try_allocate(bytes, alignment);
  }

 private:
  static constexpr std::size_t most = std::size_t{256} << 20;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes > most) throw std::bad_alloc();
    return upstream_allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_deallocate(p, bytes, alignment);
  }
};

/// With an upstream of its own.
template <class Upstream>
class debug_over final : public std::pmr::memory_resource {
 public:
  template <class... Arguments>
  explicit debug_over(Arguments&&... arguments) : upstream_(std::forward<Arguments>(arguments)...) {}

  void release() {
    memory_.release();
    if constexpr (testing::detail::has_release<Upstream>::value) upstream_.release();
  }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return memory_.allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    memory_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  Upstream upstream_;
  bounded_resource bounded_{upstream_};
  debug_resource memory_{bounded_, quiet()};
};

template <class Upstream, class... Arguments>
void conforms_over(const std::string& name, Arguments... arguments) {
  auto subject = make_subject("debug_resource over " + name,
                              [arguments...](auto&) { return std::make_unique<debug_over<Upstream>>(arguments...); });
  subject.keeps_cache_when_refused = false;
  expect_conforms(subject);
}

/// Under AddressSanitizer the standard's operator new ends the program when it is asked for too much.
std::pmr::memory_resource& bearable_upstream() {
  static page_resource pages;
  return pages;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(debug_conforms)

BOOST_AUTO_TEST_CASE(over_the_kits_own_upstream) {
  const auto expect = [](const char* name, const debug_options& options) {
    auto subject = make_subject(std::string("debug_resource") + name, [options](auto& upstream) {
      return std::make_unique<debug_resource>(upstream, options);
    });
    subject.keeps_cache_when_refused = options.quarantine_bytes == 0;
    expect_conforms(subject);
  };
  debug_options options = quiet();
  expect("", options);
  options.quarantine_bytes = 0;
  expect(", no quarantine", options);
  options.record_stacks = false;
  options.fill_fresh = options.fill_freed = false;
  options.used_by = debug_options::threads::own_only;
  options.fence_bytes = 1;
  expect(", little of all", options);
  options.fence_bytes = 0;
  expect(", no fences", options);
  options.quarantine_bytes = std::size_t{100} << 20;
  options.fence_bytes = 10'000;
  expect(", much of all", options);
}

BOOST_AUTO_TEST_CASE(over_pages) { conforms_over<page_resource>("page_resource"); }

BOOST_AUTO_TEST_CASE(over_heaps) {
  if (test::emulates_large_pages()) return test::skip(test::addresses_are_few);
  if (test::mappings_are_slow()) return test::skip(test::takes_hours);
  heap_options checked;
  checked.checked = true;
  conforms_over<coalescing_heap>("coalescing_heap, checked", checked);
  conforms_over<general_resource>("general_resource");
}

BOOST_AUTO_TEST_CASE(over_pools) {
  pool_options checked;
  checked.checked = true;
  conforms_over<pool_resource>("pool_resource, checked", checked, &bearable_upstream());
  conforms_over<concurrent_pool>("concurrent_pool", pool_options(), &bearable_upstream());
}

BOOST_AUTO_TEST_CASE(over_an_arena) {
  chained_arena_options options;
  options.upstream = &bearable_upstream();
  options.checked = true;
  conforms_over<chained_arena>("chained_arena, checked", options);
}

BOOST_AUTO_TEST_CASE(over_secure_memory) {
  if (test::mappings_are_slow()) return test::skip(test::takes_hours);
  conforms_over<secure_resource>("secure_resource");
}

BOOST_AUTO_TEST_CASE(over_itself) { conforms_over<debug_over<page_resource>>("debug_resource"); }

BOOST_AUTO_TEST_CASE(over_odd_addresses) {
  conforms_over<test::barely_aligned_resource>("odd addresses", &bearable_upstream());
}

BOOST_AUTO_TEST_CASE(over_those_of_the_standard_library) {
  conforms_over<std::pmr::monotonic_buffer_resource>("std::pmr::monotonic_buffer_resource", &bearable_upstream());
  // Those of libstdc++ do not survive an upstream that refuses.
  std::pmr::memory_resource* const reliable = std::pmr::new_delete_resource();
  conforms_over<std::pmr::unsynchronized_pool_resource>("std::pmr::unsynchronized_pool_resource", reliable);
  conforms_over<std::pmr::synchronized_pool_resource>("std::pmr::synchronized_pool_resource", reliable);
}

// Of the vocabulary, what an upstream of ours does.
BOOST_AUTO_TEST_CASE(over_one_that_resizes_blocks) {
  static page_resource pages;
  static bounded_resource bounded(pages);
  static coalescing_heap heap(&bounded);
  auto subject = make_subject("debug_resource over a heap that others use",
                              [](auto&) { return std::make_unique<debug_resource>(heap, quiet()); });
  subject.keeps_cache_when_refused = false;
  expect_conforms(subject);
}

BOOST_AUTO_TEST_SUITE_END()
