// General resources against a model: what is out is in a map, with its contents.

#include <algorithm>
#include <allot/block/page_resource.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <iterator>
#include <map>
#include <random>

#include "general/generals.hpp"
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
  struct block {
    std::size_t bytes;
    std::size_t alignment;
    unsigned tag;
  };
  using blocks = std::map<std::byte*, block>;

  void expect(bool good, const char* what) {
    if (!good) BOOST_ERROR(what);
  }

  std::size_t some_bytes() {
    const unsigned kind = random_() % 64;
    if (kind == 0) return random_() % 2_MiB;
    if (kind < 4) return random_() % 300_KiB;
    if (kind < 30) return random_() % (std::size_t{64} << random_() % 10);
    return random_() % 700;
  }

  typename blocks::iterator any() {
    const auto at = live_.lower_bound(low_ + random_() % static_cast<std::size_t>(high_ - low_ + 1));
    return at != live_.end() ? at : live_.begin();
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
    expect(p != nullptr && is_aligned(p, alignment), "alignment");
    const auto next = live_.lower_bound(p);
    expect(next == live_.end() || p + std::max<std::size_t>(bytes, 1) <= next->first, "overlaps the next");
    if (next != live_.begin()) {
      const auto before = std::prev(next);
      expect(before->first + std::max<std::size_t>(before->second.bytes, 1) <= p, "overlaps the one before");
    }
    const unsigned tag = static_cast<unsigned>(random_());
    test::fill(p, bytes, tag);
    live_.emplace_hint(next, p, block{bytes, alignment, tag});
    live_bytes_ += bytes;
    if (low_ == nullptr || p < low_) low_ = p;
    if (p > high_) high_ = p;
  }

  void deallocate() {
    if (live_.empty()) return;
    const auto at = any();
    expect(test::all_are(at->first, at->second.bytes, at->second.tag), "contents");
    general_.deallocate(at->first, at->second.bytes, at->second.alignment);
    live_bytes_ -= at->second.bytes;
    live_.erase(at);
  }

  void expand() {
    if (live_.empty()) return;
    const auto at = any();
    block& old = at->second;
    std::size_t bytes = old.bytes + random_() % 10;
    if (random_() % 2 == 0) bytes = old.bytes - old.bytes % 9;
    if (random_() % 4 == 0) bytes = some_bytes();
    const bool done = general_.try_expand(at->first, old.bytes, bytes, old.alignment);
    expect(done || bytes != old.bytes, "the same size");
    if (!done) return;
    expect(test::all_are(at->first, std::min(bytes, old.bytes), old.tag), "contents after expanding");
    live_bytes_ = live_bytes_ - old.bytes + bytes;
    old.bytes = bytes;
    test::fill(at->first, bytes, old.tag);
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
    low_ = high_ = nullptr;
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
    for (const general_tier* each : {&tiers.small, &tiers.medium, &tiers.large}) live += each->live_blocks;
    expect(live == live_.size(), "statistics()");
    const auto seen = test::blocks_in(general_);
    expect(seen.size() == live_.size(), "for_each_block()");
    for (const auto& [p, known] : live_) {
      expect(test::all_are(p, known.bytes, known.tag), "contents of all");
      const auto shown = seen.find(p);
      expect(shown != seen.end() && shown->second >= known.bytes, "a block that is not shown");
    }
  }

  std::mt19937 random_;
  testing::failing_resource* upstream_;
  General general_;
  blocks live_;
  std::size_t live_bytes_ = 0;
  std::byte* low_ = nullptr;
  std::byte* high_ = nullptr;
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
