// Every resource of the library against the conformance kit.

#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/block/budget_slice.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/block/page_block.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/heap/heap_options.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_options.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/conformance.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#if !defined(_WIN32)
#include "support/address_space_limit.hpp"
#include "support/machine.hpp"
#endif
#include "support/access.hpp"
#include "support/barely_aligned_resource.hpp"
#include "support/child.hpp"
#include "support/conforms.hpp"

using namespace allot;
using test::expect_conforms;
using testing::make_subject;

namespace {

template <class Resource, class... Options>
auto made_with(Options... options) {
  return [=](std::pmr::memory_resource&) { return std::make_unique<Resource>(options...); };
}

template <class Resource, class Options>
auto over_upstream(Options options) {
  return [options](std::pmr::memory_resource& upstream) {
    Options with_upstream = options;
    with_upstream.upstream = &upstream;
    return std::make_unique<Resource>(with_upstream);
  };
}

auto arena_with(const chained_arena_options& options) { return over_upstream<chained_arena>(options); }

/// Hands all on to a resource that is final, or wants something beside it, of the class derived from this one.
template <class Inner>
class holder : public std::pmr::memory_resource {
 public:
  void release() { inner().release(); }

 private:
  virtual Inner& inner() = 0;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return inner().allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    inner().deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// An arena with a buffer of its own in front.
template <std::size_t Bytes>
class buffered_arena final : public holder<chained_arena> {
 public:
  explicit buffered_arena(std::pmr::memory_resource* upstream) : arena_(buffer_.data(), buffer_.size(), upstream) {}

 private:
  chained_arena& inner() override { return arena_; }

  std::array<std::byte, Bytes> buffer_;
  chained_arena arena_;
};

/// An arena with an upstream of its own.
template <class Upstream>
class arena_over final : public holder<chained_arena> {
 public:
  explicit arena_over(chained_arena_options options = {}) : arena_((options.upstream = &upstream_, options)) {}

 private:
  chained_arena& inner() override { return arena_; }

  Upstream upstream_;
  chained_arena arena_;
};

auto pool_with(const pool_options& options) {
  return [options](std::pmr::memory_resource& upstream) { return std::make_unique<pool_resource>(options, &upstream); };
}

/// A pool with an upstream of its own.
template <class Pool, class Upstream>
class pool_over final : public holder<Pool> {
 public:
  template <class... Arguments>
  explicit pool_over(const pool_options& options, Arguments&&... arguments)
      : upstream_(std::forward<Arguments>(arguments)...), pool_(options, &upstream_) {}
  void release() {
    pool_.release();
    if constexpr (testing::detail::has_release<Upstream>::value) upstream_.release();
  }

 private:
  Pool& inner() override { return pool_; }

  Upstream upstream_;
  Pool pool_;
};

/// A buffer and nothing behind it.
template <std::size_t Bytes>
class buffer_resource final : public holder<std::pmr::monotonic_buffer_resource> {
  std::pmr::monotonic_buffer_resource& inner() override { return memory_; }

  alignas(std::max_align_t) std::array<std::byte, Bytes> buffer_;
  std::pmr::monotonic_buffer_resource memory_{buffer_.data(), buffer_.size(), std::pmr::null_memory_resource()};
};

constexpr std::size_t monotonic_size = std::size_t{1} << 20;

/// What an arena of monotonic_size is sure to serve. A checked one keeps books between the blocks, and a memory tool
/// wants room between those of an own reservation.
std::size_t monotonic_capacity(bool apart) { return apart ? monotonic_size / 64 : monotonic_size; }

monotonic_arena_options monotonic_options(bool checked) {
  monotonic_arena_options options;
  options.size = monotonic_size;
  options.checked = checked;
  return options;
}

/// A monotonic_arena and what it stands on.
template <class Ground>
struct ground_of {
  Ground ground;
};
struct arena_on_buffer final : private ground_of<std::array<std::byte, monotonic_size>>, public monotonic_arena {
  explicit arena_on_buffer(bool checked) : monotonic_arena(ground.data(), ground.size(), monotonic_options(checked)) {}
};
struct arena_on_view final : private ground_of<page_block>, public monotonic_arena {
  explicit arena_on_view(bool checked)
      : ground_of{page_block(monotonic_size)}, monotonic_arena(ground, monotonic_options(checked)) {}
};
struct arena_in_arena final : private ground_of<monotonic_arena>, public monotonic_arena {
  explicit arena_in_arena(bool checked)
      : ground_of{monotonic_arena(monotonic_options(checked))}, monotonic_arena(ground.carve(monotonic_size)) {}
};

constexpr std::size_t slice_size = std::size_t{1} << 20;

memory_budget_options budget_options(std::pmr::memory_resource& fallback, overflow_action on_overflow, bool checked) {
  memory_budget_options options;
  options.permanent = slice_size;
  options.on_overflow = on_overflow;
  options.fallback = &fallback;
  options.checked = checked;
  return options;
}

/// A slice, which is final, with the budget it is of.
class slice_of_its_own final : public holder<budget_slice> {
 public:
  slice_of_its_own(std::pmr::memory_resource& fallback, overflow_action on_overflow, bool checked, std::size_t size)
      : budget_(budget_options(fallback, on_overflow, checked)), slice_(budget_.permanent("slice", size)) {}

 private:
  budget_slice& inner() override { return slice_; }

  memory_budget budget_;
  budget_slice slice_;
};

template <class Arena>
testing::conformance_subject monotonic_subject(const char* name, bool checked, bool apart) {
  return make_subject(std::string("monotonic_arena on ") + name + (checked ? ", checked" : ""),
                      made_with<Arena>(checked), monotonic_capacity(checked || apart));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(resources_conform)

BOOST_AUTO_TEST_CASE(page_resource_conforms) {
  expect_conforms(make_subject("page_resource", made_with<page_resource>()));
}

BOOST_AUTO_TEST_CASE(page_resource_with_huge_pages_conforms) {
  page_resource_options options;
  options.huge_pages = true;
  expect_conforms(make_subject("page_resource", made_with<page_resource>(options)));
}

BOOST_AUTO_TEST_CASE(guarded_page_resource_conforms) {
  expect_conforms(make_subject("guarded_page_resource, end", made_with<guarded_page_resource>()));
}

BOOST_AUTO_TEST_CASE(guarded_page_resource_placed_at_the_start_conforms) {
  guarded_page_options options;
  options.at = guarded_page_options::placement::start;
  expect_conforms(make_subject("guarded_page_resource, start", made_with<guarded_page_resource>(options)));
}

BOOST_AUTO_TEST_CASE(guarded_page_resource_with_a_small_quarantine_conforms) {
  guarded_page_options options;
  options.quarantine_blocks = 10;
  expect_conforms(make_subject("guarded_page_resource, quarantine of 10", made_with<guarded_page_resource>(options)));
}

BOOST_AUTO_TEST_CASE(reserving_resource_conforms) {
  for (const commit_policy policy : {commit_policy::ladder, commit_policy::fixed_step, commit_policy::doubling}) {
    reserving_resource_options options;
    options.policy = policy;
    options.huge_pages = policy != commit_policy::doubling;
    auto subject = make_subject("reserving_resource", made_with<reserving_resource>(options));
    subject.keeps_cache_when_refused = false;
    expect_conforms(subject);
  }
}

BOOST_AUTO_TEST_CASE(budget_slice_conforms) {
  for (const bool checked : {false, true}) {
    expect_conforms(make_subject(
        checked ? "budget_slice, checked" : "budget_slice",
        [checked](std::pmr::memory_resource& fallback) {
          return std::make_unique<slice_of_its_own>(fallback, overflow_action::throw_error, checked, slice_size);
        },
        slice_size));
  }
}

BOOST_AUTO_TEST_CASE(budget_slices_of_one_budget_conform) {
  constexpr std::size_t size = std::size_t{64} << 10;
  memory_budget_options options;
  options.permanent =
      std::size_t{1} << (test::narrow ? 28 : 30);  // for every instance there will be; most is never touched
  memory_budget budget(options);
  expect_conforms(make_subject(
      "budget_slice of a shared budget",
      [&budget](auto&) { return std::make_unique<budget_slice>(budget.permanent("slice", size)); }, size));
}

BOOST_AUTO_TEST_CASE(budget_slice_with_a_fallback_conforms) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5000}}) {
    auto subject = make_subject("budget_slice with a fallback", [size](std::pmr::memory_resource& fallback) {
      return std::make_unique<slice_of_its_own>(fallback, overflow_action::fall_back, false, size);
    });
    subject.frees_at_destruction = false;  // blocks of the fallback are their owner's to free
    subject.release = {};
    expect_conforms(subject);
  }
}

BOOST_AUTO_TEST_CASE(reserving_resource_with_a_small_cache_conforms) {
  reserving_resource_options options;
  options.cached_ranges = 3;
  options.cached_bytes = std::size_t{1} << 20;
  auto subject = make_subject("reserving_resource, cache of 3", made_with<reserving_resource>(options));
  subject.keeps_cache_when_refused = false;
  expect_conforms(subject);
}

BOOST_AUTO_TEST_CASE(reserving_resource_without_a_cache_conforms) {
  reserving_resource_options options;
  options.cached_ranges = 0;
  expect_conforms(make_subject("reserving_resource, no cache", made_with<reserving_resource>(options)));
}

BOOST_AUTO_TEST_CASE(chained_arena_conforms) { expect_conforms(make_subject("chained_arena", arena_with({}))); }

BOOST_AUTO_TEST_CASE(checked_chained_arena_conforms) {
  chained_arena_options options;
  options.checked = true;
  expect_conforms(make_subject("chained_arena, checked", arena_with(options)));
}

BOOST_AUTO_TEST_CASE(chained_arena_with_constant_small_blocks_conforms) {
  chained_arena_options options;
  options.first_block = 256;
  options.growth_percent = 100;
  expect_conforms(make_subject("chained_arena, 256-byte blocks", arena_with(options)));
}

BOOST_AUTO_TEST_CASE(chained_arena_of_virtual_blocks_conforms) {
  chained_arena_options options;
  options.virtual_blocks = true;
  expect_conforms(make_subject("chained_arena, virtual blocks", arena_with(options)));
  options.huge_pages = true;
  options.reserve = std::size_t{4} << 20;
  expect_conforms(make_subject("chained_arena, virtual blocks, huge pages", arena_with(options)));
}

BOOST_AUTO_TEST_CASE(chained_arena_with_a_callers_buffer_conforms) {
  expect_conforms(make_subject("chained_arena, buffer", [](std::pmr::memory_resource& upstream) {
    return std::make_unique<buffered_arena<10000>>(&upstream);
  }));
}

BOOST_AUTO_TEST_CASE(chained_arena_on_a_buffer_alone_serves_the_whole_of_it) {
  expect_conforms(make_subject(
      "chained_arena, buffer only",
      [](std::pmr::memory_resource&) {
        return std::make_unique<buffered_arena<100000>>(std::pmr::null_memory_resource());
      },
      100000));
}

BOOST_AUTO_TEST_CASE(chained_arena_with_a_limit_serves_the_whole_of_it) {
  if (memory_tools::active()) return test::skip("redzones take room under a memory tool");
  chained_arena_options options;
  options.limit = 100000;
  // Blocks have headers of 32 bytes, and a tail may be left behind in each: half of the limit is sure to be served.
  expect_conforms(make_subject("chained_arena, limited", arena_with(options), 50000));
}

BOOST_AUTO_TEST_CASE(chained_arena_over_page_resource_conforms) {
  expect_conforms(make_subject("chained_arena over page_resource", made_with<arena_over<page_resource>>()));
}

BOOST_AUTO_TEST_CASE(chained_arena_over_reserving_resource_conforms) {
  for (const bool checked : {false, true}) {
    for (const std::size_t reserve : {std::size_t{256} << 10, std::size_t{64} << 20}) {
      chained_arena_options options;
      options.checked = checked;
      options.reserve = reserve;
      expect_conforms(
          make_subject("chained_arena over reserving_resource", made_with<arena_over<reserving_resource>>(options)));
    }
  }
}

BOOST_AUTO_TEST_CASE(monotonic_arena_with_an_own_reservation_conforms) {
  for (const bool checked : {false, true}) {
    for (const bool huge_pages : {false, true}) {
      monotonic_arena_options options = monotonic_options(checked);
      options.huge_pages = huge_pages;
      expect_conforms(make_subject(checked ? "monotonic_arena, checked" : "monotonic_arena",
                                   made_with<monotonic_arena>(options),
                                   monotonic_capacity(checked || memory_tools::active())));
    }
  }
}

BOOST_AUTO_TEST_CASE(monotonic_arena_of_the_default_size_conforms) {
  expect_conforms(make_subject("monotonic_arena of 1 GiB", made_with<monotonic_arena>(), std::size_t{8} << 20));
}

BOOST_AUTO_TEST_CASE(monotonic_arena_on_an_upstreams_block_conforms) {
  for (const bool checked : {false, true}) {
    expect_conforms(
        make_subject(checked ? "monotonic_arena over an upstream, checked" : "monotonic_arena over an upstream",
                     over_upstream<monotonic_arena>(monotonic_options(checked)), monotonic_capacity(checked)));
  }
}

BOOST_AUTO_TEST_CASE(monotonic_arena_on_a_callers_buffer_conforms) {
  for (const bool checked : {false, true})
    expect_conforms(monotonic_subject<arena_on_buffer>("a buffer", checked, false));
}

BOOST_AUTO_TEST_CASE(monotonic_arena_on_a_block_of_pages_conforms) {
  for (const bool checked : {false, true}) {
    expect_conforms(make_subject(
        checked ? "monotonic_arena on an owned block, checked" : "monotonic_arena on an owned block",
        [checked](auto&) {
          return std::make_unique<monotonic_arena>(page_block(monotonic_size), monotonic_options(checked));
        },
        monotonic_capacity(checked)));
    expect_conforms(monotonic_subject<arena_on_view>("a viewed block", checked, false));
  }
}

BOOST_AUTO_TEST_CASE(a_slice_of_an_arena_conforms) {
  for (const bool checked : {false, true}) {
    auto subject = monotonic_subject<arena_in_arena>("a slice", checked, false);
    subject.release = {};  // it ends a slice
    expect_conforms(subject);
  }
}

BOOST_AUTO_TEST_CASE(local_arena_conforms) {
  for (const bool checked : {false, true}) {
    expect_conforms(make_subject(checked ? "local_arena, checked" : "local_arena",
                                 made_with<local_arena<monotonic_size>>(monotonic_options(checked)),
                                 monotonic_capacity(checked)));
  }
}

BOOST_AUTO_TEST_CASE(scratch_pair_conforms) {
  expect_conforms(make_subject("scratch_pair", made_with<scratch_pair>()));
}

BOOST_AUTO_TEST_CASE(checked_scratch_pair_conforms) {
  scratch_options options;
  options.checked = true;
  expect_conforms(make_subject("scratch_pair, checked", made_with<scratch_pair>(options)));
}

BOOST_AUTO_TEST_CASE(scratch_pair_over_an_upstream_conforms) {
  expect_conforms(make_subject("scratch_pair over an upstream", over_upstream<scratch_pair>(scratch_options{})));
}

BOOST_AUTO_TEST_CASE(pool_resource_conforms) {
  // The kit's upstream counts, and fails at each call in turn.
  expect_conforms(make_subject("pool_resource", pool_with({})));
}

BOOST_AUTO_TEST_CASE(checked_pool_resource_conforms) {
  pool_options options;
  options.checked = true;
  expect_conforms(make_subject("pool_resource, checked", pool_with(options)));
}

BOOST_AUTO_TEST_CASE(pool_resource_of_any_spacing_conforms) {
  const std::size_t sizes[] = {24, 56, 64, 1000, 4096, 20000};
  for (const size_spacing spacing :
       {size_spacing::eight_per_doubling, size_spacing::power_of_two, size_spacing::geometric, size_spacing::exact}) {
    pool_options options;
    options.spacing = spacing;
    options.sizes = sizes;
    options.size_count = std::size(sizes);
    expect_conforms(
        make_subject("pool_resource, spacing " + std::to_string(static_cast<int>(spacing)), pool_with(options)));
  }
}

BOOST_AUTO_TEST_CASE(pool_resource_with_placed_blocks_conforms) {
  for (const bool page_local : {false, true}) {
    pool_options options;
    options.cache_line_blocks = true;
    options.page_local = page_local;
    expect_conforms(make_subject(page_local ? "pool_resource, cache lines and pages" : "pool_resource, cache lines",
                                 pool_with(options)));
  }
  pool_options options;
  options.page_local = true;
  options.checked = true;
  expect_conforms(make_subject("pool_resource, pages, checked", pool_with(options)));
}

BOOST_AUTO_TEST_CASE(pool_resource_that_returns_chunks_at_once_conforms) {
  for (const bool keep_spare : {false, true}) {
    pool_options options;
    options.returns = chunk_return::at_once;
    options.keep_spare = keep_spare;
    options.zero_on_free = true;
    expect_conforms(make_subject(keep_spare ? "pool_resource, at once but for a spare" : "pool_resource, at once",
                                 pool_with(options)));
  }
}

BOOST_AUTO_TEST_CASE(pool_resource_with_small_numbers_conforms) {
  pool_options options;
  options.largest_required_pool_block = 200;
  options.max_blocks_per_chunk = 3;
  options.magazine_blocks = 1;
  options.first_chunk = 1;
  options.largest_chunk = 1;
  expect_conforms(make_subject("pool_resource, small numbers", pool_with(options)));
}

BOOST_AUTO_TEST_CASE(pool_resource_over_page_resource_conforms) {
  page_resource pages;
  expect_conforms(make_subject("pool_resource over page_resource",
                               [&pages](auto&) { return std::make_unique<pool_resource>(&pages); }));
}

BOOST_AUTO_TEST_CASE(pool_resource_over_a_small_buffer_conforms) {
  for (const bool checked : {false, true}) {
    pool_options options;
    options.checked = checked;
    // Blocks have at least 16 bytes, also where a request counts for one; a memory tool wants more between them.
    const std::size_t capacity = memory_tools::active() ? 32 : 128;
    expect_conforms(make_subject(
        checked ? "pool_resource over 4 KiB, checked" : "pool_resource over 4 KiB",
        [options](auto&) { return std::make_unique<pool_over<pool_resource, buffer_resource<4096>>>(options); },
        capacity));
  }
}

BOOST_AUTO_TEST_CASE(pool_resource_over_odd_addresses_conforms) {
  for (const bool placed : {false, true}) {
    pool_options options;
    options.cache_line_blocks = placed;
    options.page_local = placed;
    expect_conforms(make_subject(
        placed ? "pool_resource over odd addresses, placed" : "pool_resource over odd addresses",
        [options](std::pmr::memory_resource& upstream) {
          return std::make_unique<pool_over<pool_resource, test::barely_aligned_resource>>(options, &upstream);
        }));
  }
}

BOOST_AUTO_TEST_CASE(pool_resource_over_an_arena_conforms) {
  page_resource pages;  // whose refusals do not end a program under AddressSanitizer
  expect_conforms(make_subject("pool_resource over chained_arena", [&pages](auto&) {
    std::pmr::memory_resource* const upstream = &pages;
    return std::make_unique<pool_over<pool_resource, chained_arena>>(pool_options{}, upstream);
  }));
}

BOOST_AUTO_TEST_CASE(pool_resource_over_pool_resource_conforms) {
  pool_options lower;
  lower.checked = true;  // ends the program when the upper one gives back what it did not get
  page_resource pages;
  for (const bool checked : {false, true}) {
    pool_options upper;
    upper.checked = checked;
    expect_conforms(
        make_subject(checked ? "pool_resource over pool_resource, checked" : "pool_resource over pool_resource",
                     [&pages, upper, lower](auto&) {
                       std::pmr::memory_resource* const upstream = &pages;
                       return std::make_unique<pool_over<pool_resource, pool_resource>>(upper, lower, upstream);
                     }));
  }
}

BOOST_AUTO_TEST_CASE(the_instruments_conform) {
  const auto expect_instrument = [](const char* name, auto make) {
    auto subject = make_subject(name, make);
    subject.frees_at_destruction = false;
    expect_conforms(subject);
  };
  expect_instrument("counting_resource", [](std::pmr::memory_resource& upstream) {
    return std::make_unique<testing::counting_resource>(&upstream);
  });
  expect_instrument("failing_resource", [](std::pmr::memory_resource& upstream) {
    return std::make_unique<testing::failing_resource>(&upstream);
  });
}

BOOST_AUTO_TEST_SUITE_END()

// ---- concurrent_pool

namespace {

pool_options concurrent_options(bool checked) {
  pool_options options;
  options.checked = checked;
  return options;
}

template <class Upstream>
void expect_concurrent_pool_conforms(const std::string& upstream,
                                     std::size_t capacity = testing::conformance_subject::unlimited) {
  for (const bool checked : {false, true}) {
    auto subject = make_subject(
        "concurrent_pool over " + upstream + (checked ? ", checked" : ""),
        [checked]([[maybe_unused]] std::pmr::memory_resource& below) {
          using pool = pool_over<concurrent_pool, Upstream>;
          if constexpr (std::is_constructible_v<Upstream, std::pmr::memory_resource*>)
            return std::make_unique<pool>(concurrent_options(checked), &below);
          else
            return std::make_unique<pool>(concurrent_options(checked));
        },
        capacity);
    expect_conforms(subject);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrent_pool_conforms)

BOOST_AUTO_TEST_CASE(over_the_kits_own_upstream) {
  for (const bool checked : {false, true}) {
    expect_conforms(make_subject(checked ? "concurrent_pool, checked" : "concurrent_pool", [checked](auto& upstream) {
      return std::make_unique<concurrent_pool>(concurrent_options(checked), &upstream);
    }));
  }
}

BOOST_AUTO_TEST_CASE(over_the_default_resource) {
  for (const bool checked : {false, true}) {
    expect_conforms(make_subject(
        checked ? "concurrent_pool of the default resource, checked" : "concurrent_pool of the default resource",
        [checked](std::pmr::memory_resource& upstream) {
          const testing::default_resource_guard guard(upstream);
          return std::make_unique<concurrent_pool>(concurrent_options(checked));
        }));
  }
}

BOOST_AUTO_TEST_CASE(over_page_resource) { expect_concurrent_pool_conforms<page_resource>("page_resource"); }

BOOST_AUTO_TEST_CASE(over_a_small_buffer) {
  expect_concurrent_pool_conforms<buffer_resource<4096>>("a buffer of 4 KiB", 64);
}

BOOST_AUTO_TEST_CASE(over_one_that_fails) {
  expect_concurrent_pool_conforms<testing::failing_resource>("failing_resource");
}

BOOST_AUTO_TEST_CASE(over_one_that_counts) {
  expect_concurrent_pool_conforms<testing::counting_resource>("counting_resource");
}

BOOST_AUTO_TEST_CASE(over_odd_addresses) {
  expect_concurrent_pool_conforms<test::barely_aligned_resource>("odd addresses");
}

BOOST_AUTO_TEST_CASE(with_other_sizes_and_magazines) {
  static constexpr std::size_t sizes[] = {48, 200, 1000, 5000};
  for (const size_spacing spacing :
       {size_spacing::eight_per_doubling, size_spacing::power_of_two, size_spacing::geometric, size_spacing::exact}) {
    pool_options options;
    options.spacing = spacing;
    options.sizes = sizes;
    options.size_count = std::size(sizes);
    options.magazine_blocks = spacing == size_spacing::exact ? 1 : 5;
    options.first_chunk = std::size_t{128} << 10;
    options.zero_on_free = spacing == size_spacing::exact;
    options.returns = spacing == size_spacing::exact ? chunk_return::by_trim : chunk_return::at_once;
    options.keep_spare = spacing == size_spacing::geometric;
    auto subject = make_subject("concurrent_pool with other options", [options](auto& upstream) {
      return std::make_unique<concurrent_pool>(options, &upstream);
    });
    subject.keeps_cache_when_refused = false;  // what no thread has at hand goes to the slabs first
    expect_conforms(subject);
  }
}

BOOST_AUTO_TEST_SUITE_END()

// ---- coalescing_heap

namespace {

struct named_heap_options {
  std::string name;
  heap_options options;
};

/// The options most heaps have, and some that change where blocks lie and how memory comes.
std::vector<named_heap_options> every_kind_of_heap() {
  std::vector<named_heap_options> all;
  for (const bool checked : {false, true}) {
    const auto add = [&](const char* name) -> heap_options& {
      all.push_back({std::string("coalescing_heap") + name + (checked ? ", checked" : ""), {}});
      all.back().options.checked = checked;
      return all.back().options;
    };
    add("");
    heap_options& pages = add(", pages");
    pages.page_local = true;
    // In a chunk of few pages it depends on its address what fits, so twins would differ.
    pages.first_chunk = std::max(pages.first_chunk, 16 * test::system_page_size());
    heap_options& small = add(", small steps");
    small.reserve = std::size_t{64} << 10;
    small.commit_step = 1;
    small.first_chunk = 1;
    small.largest_chunk = 1;
    small.large_threshold = 5000;
    small.decommit_threshold = 0;
    heap_options& large = add(", large pages");
    large.page_size = std::size_t{64} << 10;
    large.huge_pages = true;
    large.page_local = true;
    large.first_chunk = std::size_t{1} << 20;
  }
  return all;
}

/// A heap with an upstream of its own, which it gives all back to.
template <class Upstream>
class heap_over final : public holder<coalescing_heap> {
 public:
  template <class... Arguments>
  explicit heap_over(const heap_options& options, Arguments&&... arguments)
      : upstream_(std::forward<Arguments>(arguments)...), heap_(options, &upstream_) {}
  void release() {
    heap_.release();
    if constexpr (testing::detail::has_release<Upstream>::value) upstream_.release();
  }

 private:
  coalescing_heap& inner() override { return heap_; }

  Upstream upstream_;
  coalescing_heap heap_;
};

/// A heap in a buffer, at no address in particular.
template <std::size_t Bytes>
class heap_in_buffer final : public holder<coalescing_heap> {
 public:
  explicit heap_in_buffer(const heap_options& options) : heap_(buffer_.data() + 3, Bytes - 3, options) {}

 private:
  coalescing_heap& inner() override { return heap_; }

  std::array<std::byte, Bytes> buffer_;
  coalescing_heap heap_;
};

/// What a heap in so many bytes is sure to serve: a request for one byte has a granule, and a checked one, or one a
/// memory tool watches, two. Blocks that must not straddle pages may leave half of each.
std::size_t heap_capacity(std::size_t bytes, const heap_options& options) {
  const std::size_t each = memory_tools::active() || options.checked ? 64 : 32;
  return bytes / each / (options.page_local ? 4 : 1);
}

/// The kit asks for alignments of terabytes, which a reservation of address space has, with books to match.
constexpr std::size_t most_address_space = test::narrow ? std::size_t{3} << 30 : std::size_t{200} << 30;

/// Under AddressSanitizer the standard's operator new ends the program when it is asked for too much.
std::pmr::memory_resource& bearable_upstream() {
  static page_resource pages;
  return pages;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(coalescing_heap_conforms)

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(on_own_reservations) {
  if (test::addresses_run_out()) return test::skip(test::addresses_are_few);
  const test::address_space_limit limit(most_address_space);
  for (const named_heap_options& each : every_kind_of_heap())
    expect_conforms(make_subject(each.name, made_with<coalescing_heap>(each.options)));
}
#endif

BOOST_AUTO_TEST_CASE(over_the_kits_own_upstream) {
  for (const named_heap_options& each : every_kind_of_heap()) {
    expect_conforms(make_subject(each.name + " over an upstream", [options = each.options](auto& upstream) {
      return std::make_unique<coalescing_heap>(options, &upstream);
    }));
  }
}

BOOST_AUTO_TEST_CASE(in_a_buffer) {
  constexpr std::size_t bytes = std::size_t{1} << 20;
  for (const named_heap_options& each : every_kind_of_heap()) {
    expect_conforms(make_subject(each.name + " in a buffer", made_with<heap_in_buffer<bytes>>(each.options),
                                 heap_capacity(bytes, each.options)));
  }
}

BOOST_AUTO_TEST_CASE(over_page_resource) {
  for (const named_heap_options& each : every_kind_of_heap())
    expect_conforms(make_subject(each.name + " over page_resource", made_with<heap_over<page_resource>>(each.options)));
}

BOOST_AUTO_TEST_CASE(over_a_small_buffer) {
  constexpr std::size_t bytes = 4096;
  for (const bool checked : {false, true}) {
    heap_options options;
    options.checked = checked;
    expect_conforms(make_subject(checked ? "coalescing_heap over 4 KiB, checked" : "coalescing_heap over 4 KiB",
                                 made_with<heap_over<buffer_resource<bytes>>>(options),
                                 heap_capacity(bytes / 2, options)));
    expect_conforms(make_subject(checked ? "coalescing_heap in 4 KiB, checked" : "coalescing_heap in 4 KiB",
                                 made_with<heap_in_buffer<bytes>>(options), heap_capacity(bytes - 300, options)));
  }
}

BOOST_AUTO_TEST_CASE(over_one_that_fails) {
  for (const named_heap_options& each : every_kind_of_heap()) {
    expect_conforms(make_subject(each.name + " over failing_resource", [options = each.options](auto&) {
      return std::make_unique<heap_over<testing::failing_resource>>(options, &bearable_upstream());
    }));
  }
}

BOOST_AUTO_TEST_CASE(over_one_that_counts) {
  for (const named_heap_options& each : every_kind_of_heap()) {
    expect_conforms(make_subject(each.name + " over counting_resource", [options = each.options](auto& upstream) {
      return std::make_unique<heap_over<testing::counting_resource>>(options, &upstream);
    }));
  }
}

BOOST_AUTO_TEST_CASE(over_odd_addresses) {
  for (const named_heap_options& each : every_kind_of_heap()) {
    expect_conforms(make_subject(each.name + " over odd addresses", [options = each.options](auto& upstream) {
      return std::make_unique<heap_over<test::barely_aligned_resource>>(options, &upstream);
    }));
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(over_another_heap) {
  const test::address_space_limit limit(most_address_space);
  heap_options lower;
  lower.reserve = std::size_t{16} << 20;
  lower.checked = true;  // ends the program when the upper one gives back what it did not get
  for (const named_heap_options& each : every_kind_of_heap()) {
    expect_conforms(make_subject(each.name + " over coalescing_heap", [options = each.options, lower](auto&) {
      return std::make_unique<heap_over<coalescing_heap>>(options, lower);
    }));
  }
}
#endif

BOOST_AUTO_TEST_SUITE_END()
