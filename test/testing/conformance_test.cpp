#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/testing/conformance.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <sstream>
#include <utility>

#include "testing/sample_resource.hpp"

using namespace allot;
using test::defect;
using test::sample_resource;

namespace {

testing::conformance_report check(defect broken) {
  return testing::check_conformance(testing::make_subject("sample", [broken](std::pmr::memory_resource& upstream) {
    return std::make_unique<sample_resource>(upstream, broken);
  }));
}

void expect_found(defect broken, const char* promise) {
  const auto report = check(broken);
  BOOST_TEST(!report.passed());
  BOOST_TEST(report.broke(promise), report);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(conformance)

BOOST_AUTO_TEST_CASE(a_resource_that_keeps_every_promise_passes_and_says_what_was_done) {
  const auto report = check(defect::none);
  BOOST_TEST(report.passed(), report);
  BOOST_TEST(report.served > 1000u);
  BOOST_TEST(report.upstream_failures > 100u);
  std::ostringstream text;
  text << report;
  BOOST_TEST(text.str().find("sample: conforms") == 0u);
}

BOOST_AUTO_TEST_CASE(finds_a_null_for_size_zero) { expect_found(defect::zero_size_is_null, "zero size"); }
BOOST_AUTO_TEST_CASE(finds_a_shared_block_for_size_zero) { expect_found(defect::zero_size_is_shared, "zero size"); }
BOOST_AUTO_TEST_CASE(finds_an_ignored_alignment) { expect_found(defect::alignment_ignored, "alignment"); }
BOOST_AUTO_TEST_CASE(finds_overlapping_blocks) { expect_found(defect::blocks_overlap, "distinct blocks"); }
BOOST_AUTO_TEST_CASE(finds_damaged_contents) { expect_found(defect::contents_damaged, "contents"); }
BOOST_AUTO_TEST_CASE(finds_a_size_that_wraps) { expect_found(defect::size_wraps, "huge size"); }
BOOST_AUTO_TEST_CASE(finds_a_refusal_that_leaks) { expect_found(defect::huge_refusal_leaks, "huge size"); }
BOOST_AUTO_TEST_CASE(finds_wrong_bytes_upstream) { expect_found(defect::wrong_bytes_upstream, "upstream pairing"); }
BOOST_AUTO_TEST_CASE(finds_a_wrong_alignment_upstream) {
  expect_found(defect::wrong_alignment_upstream, "upstream pairing");
}
BOOST_AUTO_TEST_CASE(finds_a_leak_at_destruction) { expect_found(defect::leaks_at_destruction, "leak"); }
BOOST_AUTO_TEST_CASE(does_not_pass_a_resource_that_always_refuses) { expect_found(defect::always_refuses, "capacity"); }
BOOST_AUTO_TEST_CASE(finds_a_refusal_within_the_capacity) { expect_found(defect::refuses_large, "capacity"); }
BOOST_AUTO_TEST_CASE(finds_a_replaced_exception) { expect_found(defect::replaces_upstream_exception, "failure"); }
BOOST_AUTO_TEST_CASE(finds_an_exception_that_is_no_bad_alloc) {
  expect_found(defect::throws_another_type, "exception type");
}
BOOST_AUTO_TEST_CASE(finds_a_leak_when_the_upstream_fails) {
  expect_found(defect::leaks_when_upstream_fails, "failure");
}
BOOST_AUTO_TEST_CASE(finds_a_resource_dead_after_a_failure) { expect_found(defect::dead_after_a_failure, "failure"); }
BOOST_AUTO_TEST_CASE(finds_use_of_the_default_resource) {
  expect_found(defect::uses_default_resource, "default resource");
}
BOOST_AUTO_TEST_CASE(finds_use_of_the_default_resource_at_deallocate) {
  expect_found(defect::default_resource_at_deallocate, "default resource");
}
BOOST_AUTO_TEST_CASE(finds_equality_by_type) { expect_found(defect::equal_by_type, "equality"); }
BOOST_AUTO_TEST_CASE(finds_a_release_that_keeps_blocks) { expect_found(defect::release_keeps_blocks, "release"); }
BOOST_AUTO_TEST_CASE(finds_a_release_that_frees_twice) {
  expect_found(defect::release_twice_frees_twice, "upstream pairing");
}
BOOST_AUTO_TEST_CASE(finds_a_release_that_does_not_restore_the_state) {
  expect_found(defect::release_keeps_growth, "release");
}

BOOST_AUTO_TEST_CASE(a_limited_resource_is_held_to_its_stated_capacity_and_no_further) {
  struct limited final : std::pmr::memory_resource {
    std::array<std::byte, 4096> buffer;
    std::pmr::monotonic_buffer_resource arena{buffer.data(), buffer.size(), std::pmr::null_memory_resource()};
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      return arena.allocate(std::max<std::size_t>(bytes, 1), alignment);
    }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  };
  const auto check_with = [](std::size_t stated) {
    return testing::check_conformance(testing::make_subject(
        "limited", [](std::pmr::memory_resource&) { return std::make_unique<limited>(); }, stated));
  };
  const auto honest = check_with(4096);
  BOOST_TEST(honest.passed(), honest);
  BOOST_TEST(honest.beyond_capacity > 0u);
  BOOST_TEST(honest.not_tested.size() == 3u);  // no release(), no upstream, no allot::resource
  const auto boastful = check_with(8192);
  BOOST_TEST(boastful.broke("capacity"), boastful);
}

BOOST_AUTO_TEST_CASE(a_resource_may_give_up_what_it_keeps_for_reuse_if_it_says_so_and_nothing_else) {
  struct keeping final : std::pmr::memory_resource {
    explicit keeping(std::pmr::memory_resource& memory) : upstream(memory) {}
    ~keeping() override { give_up(); }
    void give_up() {
      if (spare != nullptr) upstream.deallocate(std::exchange(spare, nullptr), spare_bytes, spare_alignment);
    }
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      try {
        return upstream.allocate(bytes, alignment);
      } catch (...) {
        give_up();
        throw;
      }
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
      if (spare != nullptr) return upstream.deallocate(p, bytes, alignment);
      spare = p;
      spare_bytes = bytes;
      spare_alignment = alignment;
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::pmr::memory_resource& upstream;
    void* spare = nullptr;
    std::size_t spare_bytes = 0;
    std::size_t spare_alignment = 0;
  };
  auto subject = testing::make_subject(
      "keeping", [](std::pmr::memory_resource& upstream) { return std::make_unique<keeping>(upstream); });
  subject.frees_at_destruction = false;
  BOOST_TEST(testing::check_conformance(subject).broke("failure"));
  subject.keeps_cache_when_refused = false;
  const auto report = testing::check_conformance(subject);
  BOOST_TEST(report.passed(), report);

  auto leaking = testing::make_subject("leaking", [](std::pmr::memory_resource& upstream) {
    return std::make_unique<sample_resource>(upstream, defect::leaks_when_upstream_fails);
  });
  leaking.keeps_cache_when_refused = false;
  BOOST_TEST(testing::check_conformance(leaking).broke("failure"));
}

BOOST_AUTO_TEST_CASE(does_not_blame_an_arena_for_the_address_of_its_buffer) {
  struct on_heap final : std::pmr::memory_resource {
    std::unique_ptr<std::byte[]> buffer{new std::byte[65536]};
    chained_arena arena{buffer.get(), 65536, std::pmr::null_memory_resource()};
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      return arena.allocate(std::max<std::size_t>(bytes, 1), alignment);
    }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  };
  for (int run = 0; run < 3; ++run) {
    const auto report = testing::check_conformance(testing::make_subject(
        "on heap", [](std::pmr::memory_resource&) { return std::make_unique<on_heap>(); }, 65536));
    BOOST_TEST(report.passed(), report);
  }
}

BOOST_AUTO_TEST_SUITE_END()
