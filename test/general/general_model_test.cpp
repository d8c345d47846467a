// General resources against a model: what is out is in a map, with its contents.

#include <algorithm>
#include <allot/block/page_resource.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>

#include "general/generals.hpp"
#include "support/live_blocks.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::literals;

namespace {

#if !defined(ALLOT_MODEL_STEPS)
#define ALLOT_MODEL_STEPS 20000
#endif

/// Does things at random, and finds out what is wrong.
template <class General>
class model {
 public:
  /// `upstream` may be null: own reservations then.
  model(const general_options& options, testing::failing_resource* upstream, unsigned seed)
      : random_(seed), upstream_(upstream), general_(options, upstream) {}

  void step() {
    switch (random_() % 100) {
      case 0:
        if (random_() % 8 == 0) check_whole();
        break;
      case 1:
        if (random_() % 4 == 0) trim();
        break;
      case 2:
      case 3:
      case 4:
      case 5:
        expand();
        break;
      case 6:
        if (upstream_ != nullptr) upstream_->fail_at(random_() % 6 + 1);
        break;
      case 7:
        if (random_() % 1000 == 0) release();
        break;
      default:
        live_bytes_ < 12_MiB && random_() % 1024 < 400 + bias_ ? allocate() : deallocate();
        if (random_() % 300 == 0) bias_ = random_() % 250;
    }
  }

  void finish() {
    if (upstream_ != nullptr) upstream_->fail_at(0);
    check_whole();
    while (!live_.empty()) deallocate();
    check_whole();
    (void)general_.trim();
    expect(general_.usage().reserved == 0, "held when all is freed");
  }

 private:
  void expect(bool good, const char* what) {
    if (!good) BOOST_ERROR(what);
  }
  void expect_none(const char* what) { expect(what == nullptr, what); }

  std::size_t some_bytes() {
    const unsigned kind = random_() % 64;
    if (kind == 0) return random_() % 2_MiB;
    if (kind < 4) return random_() % 300_KiB;
    if (kind < 30) return random_() % (std::size_t{64} << random_() % 10);
    return random_() % 700;
  }

  void allocate() {
    const std::size_t bytes = some_bytes();
    const std::size_t alignment = std::size_t{1} << (random_() % 10 == 0 ? random_() % 17 : random_() % 5);
    std::byte* p = nullptr;
    try {
      p = static_cast<std::byte*>(general_.allocate(bytes, alignment));
    } catch (const testing::injected_failure&) {
      return;
    }
    expect_none(live_.add(p, {bytes, alignment, static_cast<unsigned>(random_())}));
    live_bytes_ += bytes;
  }

  void deallocate() {
    if (live_.empty()) return;
    const auto at = live_.any(random_);
    expect(test::live_blocks::is_whole(*at), "contents");
    general_.deallocate(at->first, at->second.bytes, at->second.alignment);
    live_bytes_ -= at->second.bytes;
    live_.erase(at);
  }

  void expand() {
    if (live_.empty()) return;
    const auto at = live_.any(random_);
    const test::live_blocks::block old = at->second;
    std::size_t bytes = old.bytes + random_() % 10;
    if (random_() % 2 == 0) bytes = old.bytes - old.bytes % 9;
    if (random_() % 4 == 0) bytes = some_bytes();
    const bool done = general_.try_expand(at->first, old.bytes, bytes, old.alignment);
    expect(done || bytes != old.bytes, "the same size");
    if (!done) return;
    expect_none(test::live_blocks::resize(*at, bytes));
    live_bytes_ = live_bytes_ - old.bytes + bytes;
  }

  void trim() {
    const std::size_t before = general_.usage().committed;
    const std::size_t given = general_.trim();
    expect(given <= before && general_.usage().committed == before - given, "what trim says");
    expect(general_.check(), "check() after trim");
  }

  void release() {
    general_.release();
    live_.clear();
    live_bytes_ = 0;
    expect(general_.usage().reserved == 0, "held after release");
  }

  void check_whole() {
    expect(general_.check(), "check()");
    const memory_usage now = general_.usage();
    expect(now.used >= live_bytes_, "used");
    expect(!live_.empty() || now.used == 0, "used when nothing is out");
    expect(test::plausible(general_), "usage()");
    std::size_t live = 0;
    const general_statistics tiers = general_.statistics();
    for (const general_tier* each : {&tiers.small_tier, &tiers.medium_tier, &tiers.large_tier})
      live += each->live_blocks;
    expect(live == live_.size(), "statistics()");
    const auto seen = test::blocks_in(general_);
    expect(seen.size() == live_.size(), "for_each_block()");
    for (const auto& each : live_.all()) {
      const auto& [p, known] = each;
      expect(test::live_blocks::is_whole(each), "contents of all");
      const auto shown = seen.find(p);
      expect(shown != seen.end() && shown->second >= known.bytes, "a block that is not shown");
    }
  }

  std::mt19937 random_;
  testing::failing_resource* upstream_;
  General general_;
  test::live_blocks live_;
  std::size_t live_bytes_ = 0;
  std::size_t bias_ = 100;
};

template <class General>
void expect_as_modelled(unsigned& seed) {
  for (const bool checked : {false, true}) {
    for (int variant = 0; variant < 3; ++variant) {
      general_options options = test::with_checks(checked);
      if (variant == 1) options.return_after = 1_MiB;
      if (variant == 2) {
        options.reserve = 4_MiB;
        options.small_limit = 3000;
        options.large_threshold = 64_KiB;
        options.return_after = 0;
      }
      ++seed;
      BOOST_TEST_CONTEXT("variant " << variant << (checked ? ", checked" : "") << ", seed " << seed) {
        page_resource pages;
        testing::failing_resource upstream(&pages);
        model<General> both(options, variant == 1 ? &upstream : nullptr, seed);
        for (int step = 0; step < ALLOT_MODEL_STEPS / 5; ++step) both.step();
        both.finish();
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(general_model)

BOOST_AUTO_TEST_CASE(they_do_what_a_map_of_their_blocks_says) {
  const test::misuse_watch watch;
  unsigned seed = 0;
  expect_as_modelled<general_resource>(seed);
  expect_as_modelled<concurrent_general_resource>(seed);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_SUITE_END()
