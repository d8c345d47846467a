// A pool against a model: what is out is in a map, with its contents.

#include <algorithm>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <random>
#include <vector>

#include "pool/pools.hpp"
#include "support/live_blocks.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::misuse_watch;
using testing::counting_resource;
using testing::failing_resource;

namespace {

#if !defined(ALLOT_MODEL_STEPS)
#define ALLOT_MODEL_STEPS 20000
#endif

/// Does things at random, and finds out what is wrong.
class model {
 public:
  model(const pool_options& options, unsigned seed) : random_(seed), pool_(options, &upstream_) {}

  void step() {
    switch (random_() % 100) {
      case 0:
        check_whole();
        break;
      case 1:
        preallocate();
        break;
      case 2:
        trim();
        break;
      case 3:
        wave();
        break;
      case 4:
        if (random_() % 40 == 0) release();
        break;
      case 5:
      case 6:
      case 7:
        expand();
        break;
      case 8:
        upstream_.fail_at(random_() % 3 + 1);
        break;
      default:
        random_() % 1024 < 400 + bias_ ? allocate() : deallocate();
        if (random_() % 500 == 0) bias_ = random_() % 250;
    }
  }

  void finish() {
    upstream_.fail_at(0);
    check_whole();
    while (!live_.empty()) deallocate();
    expect(pool_.usage().used == 0, "used when all is freed");
    (void)pool_.trim();
    expect(counting_.live_blocks() == 0, "held when all is freed");
    expect(counting_.mismatches().empty(), "mismatches");
    BOOST_TEST(refused_ > 0u);
  }

 private:
  void expect(bool good, const char* what) {
    if (!good) BOOST_ERROR(what);
  }
  void expect_none(const char* what) { expect(what == nullptr, what); }

  std::size_t some_bytes() {
    switch (random_() % 20) {
      case 0:
        return random_() % 70'000;
      case 1:
      case 2:
        return random_() % 8'000;
      default:
        return random_() % 300;
    }
  }

  void allocate() {
    const std::size_t bytes = some_bytes();
    const std::size_t alignment = std::size_t{1} << (random_() % 10 == 0 ? random_() % 14 : random_() % 5);
    std::byte* p = nullptr;
    try {
      p = static_cast<std::byte*>(pool_.allocate(bytes, alignment));
    } catch (const testing::injected_failure&) {
      ++refused_;
      return;
    }
    expect_none(live_.add(p, {bytes, alignment, static_cast<unsigned>(random_())}));
  }

  void deallocate() {
    if (live_.empty()) return;
    const auto at = live_.any(random_);
    expect(test::live_blocks::is_whole(*at), "contents");
    pool_.deallocate(at->first, at->second.bytes, at->second.alignment);
    live_.erase(at);
  }

  void expand() {
    if (live_.empty()) return;
    const auto at = live_.any(random_);
    const test::live_blocks::block old = at->second;
    const std::size_t bytes = random_() % 2 == 0 ? old.bytes + random_() % 10 : old.bytes - old.bytes % 9;
    const bool done = pool_.try_expand(at->first, old.bytes, bytes, old.alignment);
    expect(done || bytes != old.bytes, "the same size");
    if (done) expect_none(test::live_blocks::resize(*at, bytes));
  }

  void preallocate() {
    const std::size_t bytes = random_() % 600 + 1;
    const std::size_t count = random_() % 300;
    const std::size_t alignment = std::size_t{1} << random_() % 4;
    try {
      pool_.preallocate(bytes, count, alignment);
    } catch (const testing::injected_failure&) {
      ++refused_;
    }
  }

  void trim() {
    const std::size_t before = counting_.live_bytes();
    const std::size_t given = pool_.trim();
    expect(given == before - counting_.live_bytes(), "what trim says");
    expect(pool_.check(), "check() after trim");
  }

  /// Many of one size come and go.
  void wave() {
    const std::size_t bytes = random_() % 400;
    std::vector<void*> made;
    try {
      for (std::size_t i = random_() % 400; i != 0; --i) made.push_back(pool_.allocate(bytes, 8));
    } catch (const testing::injected_failure&) {
      ++refused_;
    }
    std::shuffle(made.begin(), made.end(), random_);
    for (void* p : made) pool_.deallocate(p, bytes, 8);
  }

  void release() {
    pool_.release();
    live_.clear();
    expect(counting_.live_blocks() == 0, "held after release");
  }

  void check_whole() {
    expect(pool_.check(), "check()");
    std::size_t used = 0;
    for (const auto& each : live_.all()) {
      const auto& [p, known] = each;
      expect(test::live_blocks::is_whole(each), "contents of all");
      const block_info found = pool_.find_block(p + known.bytes / 2);
      expect(found.begin == p && found.bytes >= known.bytes && found.state == block_state::used, "find_block()");
      used += found.bytes;
    }
    const memory_usage now = pool_.usage();
    expect(now.used == used, "used");
    expect(now.reserved == counting_.live_bytes(), "reserved");
    expect(now.used + now.wasted + pool_.available() == now.committed, "the sum of all");
    expect(now.peak >= now.used, "peak");
    std::size_t visited = 0;
    pool_.for_each_block([&](const block_info& each) {
      if (each.state != block_state::used) return;
      ++visited;
      if (!live_.has(each.begin)) visited += live_.size();
    });
    expect(visited == live_.size(), "for_each_block()");
  }

  std::mt19937 random_;
  counting_resource counting_;
  failing_resource upstream_{&counting_};
  pool_resource pool_;
  test::live_blocks live_;
  std::size_t bias_ = 100;
  std::size_t refused_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_model)

BOOST_AUTO_TEST_CASE(a_pool_does_what_a_map_of_its_blocks_says) {
  const misuse_watch watch;
  unsigned seed = 0;
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    for (int variant = 0; variant < 4; ++variant) {
      pool_options options = each.options;
      options.checked = variant == 1;
      options.zero_on_free = variant == 2;
      if (variant >= 2) options.returns = chunk_return::at_once;
      if (variant == 3) options.keep_spare = false;
      if (variant % 2 == 1) options.magazine_blocks = 5;
      options.first_chunk = 4096;
      options.largest_chunk = 32'768;
      ++seed;
      BOOST_TEST_CONTEXT(each.name << ", variant " << variant << ", seed " << seed) {
        model both(options, seed);
        for (int step = 0; step < ALLOT_MODEL_STEPS / 8; ++step) both.step();
        both.finish();
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_pool_of_the_usual_kind_goes_on_for_long) {
  const misuse_watch watch;
  model both({}, 77);
  for (int step = 0; step < ALLOT_MODEL_STEPS * 2; ++step) both.step();
  both.finish();
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_SUITE_END()
