// Secure resources against a model, for long: no false alarm, no block that overlaps another or loses what is in it.

#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <iterator>
#include <random>

#include "secure/secure_threats.hpp"
#include "support/bytes.hpp"
#include "support/live_blocks.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::test;

namespace {

#if !defined(ALLOT_MODEL_STEPS)
#define ALLOT_MODEL_STEPS 6000
#endif

std::size_t any_size(std::mt19937& random) {
  switch (random() % 16) {
    case 0:
      return std::size_t{1} << random() % 17;
    case 1:
      return random() % 40'000;
    case 2:
      return random() % 100 == 0 ? random() % (2 * mebibyte) : 0;
    default:
      return random() % 1024;
  }
}
std::size_t any_alignment(std::mt19937& random) {
  return std::size_t{1} << (random() % 8 == 0 ? random() % 13 : random() % 5);
}

/// One of them; their addresses lie so far apart that one near a random address would always be one of few.
live_blocks::iterator any_of(live_blocks& live, std::mt19937& random) {
  return std::next(live.from(0), static_cast<std::ptrdiff_t>(random() % live.size()));
}

/// Does so many random steps; what went wrong, or null.
template <class Resource>
const char* churn(Resource& memory, unsigned seed, std::size_t steps, bool zero) {
  std::mt19937 random(seed);
  live_blocks live;
  std::size_t most = 200;
  for (std::size_t step = 0; step < steps; ++step) {
    if (step % 1000 == 0) most = 10 + random() % 1000;
    const auto what = static_cast<unsigned>(random() % 100);
    if (what < 45 && live.size() < most) {
      const std::size_t bytes = any_size(random);
      if (bytes == 0) continue;
      const live_blocks::block made{bytes, any_alignment(random), static_cast<unsigned>(step)};
      auto* const p = static_cast<std::byte*>(memory.allocate(made.bytes, made.alignment));
      memory_tools::unpoison(p, bytes);
      if (zero && !all_are(p, bytes, 0)) return "a new block is not zero";
      if (const char* const wrong = live.add(p, made)) return wrong;
    } else if (what < 94 && !live.empty()) {
      const auto at = any_of(live, random);
      if (!live_blocks::is_whole(*at)) return "contents";
      memory.deallocate(at->first, at->second.bytes, at->second.alignment);
      live.erase(at);
    } else if (what < 98 && !live.empty()) {
      const auto at = any_of(live, random);
      const std::size_t bytes = at->second.bytes + random() % 40;
      const std::size_t wish = bytes > 20 ? bytes - 20 : bytes;
      const auto next = std::next(at);
      if (memory.try_expand(at->first, at->second.bytes, wish, at->second.alignment)) {
        if (const char* const wrong = live_blocks::resize(*at, wish)) return wrong;
        if (next != live.all().end() && at->first + wish > next->first) return "expanded into the next";
      }
      if (!live_blocks::is_whole(*at)) return "contents after expanding";
    } else if (what == 98 && step % 7 == 0) {
      if (!memory.check()) return "check";
    } else if (what == 99 && step % 41 == 0) {
      (void)memory.trim();
    } else if (what == 99 && step % 97 == 0) {
      std::size_t visited = 0;
      bool known = true;
      memory.for_each_block([&](const block_info& each) {
        if (each.state == block_state::free) return;
        ++visited;
        known = known && live.has(each.begin);
      });
      if (visited != live.size() || !known) return "blocks visited";
    } else if (what == 99 && random() % 200 == 0) {
      memory.release();
      live.clear();
    }
  }
  for (const auto& each : live.all()) {
    if (!live_blocks::is_whole(each)) return "contents at the end";
    memory.deallocate(each.first, each.second.bytes, each.second.alignment);
  }
  if (memory.usage().used != 0) return "used at the end";
  return memory.check() ? nullptr : "check at the end";
}

template <class Resource>
void expect_like_the_model(unsigned seed, const secure_options& options, std::size_t steps) {
  const misuse_watch watch;
  Resource memory(options);
  const bool zero = options.level != secure_level::checked;
  const char* const wrong = churn(memory, seed, steps, zero);
  BOOST_TEST(wrong == nullptr, "level " << int(options.level) << ", seed " << seed << ": " << wrong);
  BOOST_TEST(watch.nothing(), "level " << int(options.level) << ", seed " << seed);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_models)

BOOST_AUTO_TEST_CASE(a_secure_resource_does_what_a_map_of_its_blocks_says_at_every_level) {
  unsigned seed = 0;
  for (const named_level& at : every_level)
    for (int run = 0; run < 3; ++run)
      expect_like_the_model<secure_resource>(++seed, subject_at(at.level), ALLOT_MODEL_STEPS);
}

BOOST_AUTO_TEST_CASE(a_synchronized_one_does_so_too) {
  unsigned seed = 100;
  for (const named_level& at : every_level)
    expect_like_the_model<synchronized_secure_resource>(++seed, subject_at(at.level), ALLOT_MODEL_STEPS);
}

BOOST_AUTO_TEST_CASE(one_whose_regions_and_quarantines_are_small_does_so_too) {
  unsigned seed = 200;
  for (const named_level& at : every_level) {
    for (const std::size_t quarantine : {std::size_t{0}, std::size_t{1000}}) {
      secure_options options = subject_at(at.level);
      options.region_bits = 20;
      options.quarantine = quarantine;
      options.checked = true;
      options.seed = seed;
      expect_like_the_model<secure_resource>(++seed, options, ALLOT_MODEL_STEPS);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
