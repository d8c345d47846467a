// How random secure resources are: measured, not assumed. Bounds are so wide that a sound resource fails in less than
// one of a million runs.

#if !defined(_WIN32)
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/secure/retired_addresses.hpp>
#include <allot/secure/secure_resource.hpp>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::test;

namespace {

std::uintptr_t number(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

/// The bytes from the start of a block to that of the next: the least distance of many blocks.
std::size_t stride_of(secure_resource& memory, std::size_t bytes) {
  std::vector<std::uintptr_t> blocks;
  for (int i = 0; i < 2000; ++i) blocks.push_back(number(memory.allocate(bytes, 8)));
  std::sort(blocks.begin(), blocks.end());
  std::uintptr_t least = ~std::uintptr_t{0};
  for (std::size_t i = 1; i < blocks.size(); ++i) least = std::min(least, blocks[i] - blocks[i - 1]);
  for (const std::uintptr_t each : blocks) memory.deallocate(reinterpret_cast<void*>(each), bytes, 8);
  return least;
}
std::size_t stride_at(secure_level level, std::size_t bytes) {
  secure_resource memory(level);
  return stride_of(memory, bytes);
}

/// How often of 100 a block lies right behind or before the one asked for before it.
double adjacent_of_100(secure_resource& memory, std::size_t bytes, std::size_t stride) {
  constexpr int count = 5000;
  int adjacent = 0;
  std::uintptr_t last = 0;
  for (int i = 0; i < count; ++i) {
    const std::uintptr_t now = number(memory.allocate(bytes, 8));
    if (now - last == stride || last - now == stride) ++adjacent;
    last = now;
  }
  return 100.0 * adjacent / count;
}

/// How many frees it takes until the address of a block is handed out again, for many of them.
std::vector<std::size_t> frees_until_back(secure_resource& memory, std::size_t bytes, int samples, std::size_t most) {
  std::vector<std::size_t> frees;
  for (int i = 0; i < samples; ++i) {
    void* const p = memory.allocate(bytes, 8);
    memory.deallocate(p, bytes, 8);
    std::size_t count = 0;
    for (void* other = nullptr; other != p && count < most; ++count) {
      other = memory.allocate(bytes, 8);
      memory.deallocate(other, bytes, 8);
    }
    frees.push_back(count);
  }
  std::sort(frees.begin(), frees.end());
  return frees;
}

std::uint64_t word_behind(const unsigned char* p, std::size_t bytes) {
  memory_tools::unpoison(p + bytes, 8);
  std::uint64_t word = 0;
  std::memcpy(&word, p + bytes, 8);
  return word;
}

std::vector<std::uintptr_t> layout(const secure_options& options) {
  secure_resource memory(options);
  std::vector<std::uintptr_t> addresses;
  for (const std::size_t bytes : {16u, 16u, 64u, 64u, 64u, 1000u, 5000u, 200'000u, 64u, 16u, 0u})
    addresses.push_back(number(memory.allocate(bytes, 8)));
  return addresses;
}
/// Of the low bits only: which place, wherever the region is.
std::vector<std::uintptr_t> places(const secure_options& options) {
  secure_resource memory(options);
  std::vector<std::uintptr_t> all;
  for (int i = 0; i < 32; ++i) all.push_back(number(memory.allocate(64, 8)));
  const std::uintptr_t first = all.front();
  for (std::uintptr_t& each : all) each -= first;
  return all;
}
secure_options seeded(std::uint64_t seed) {
  secure_options options;
  options.checked = true;
  options.seed = seed;
  return options;
}

#if !defined(_WIN32)
const child_program tell_places{"secure_tell_places", [] {
                                  secure_resource memory;
                                  const std::string text = std::to_string(number(memory.allocate(64, 8))) + "\n";
                                  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) std::exit(1);
                                }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_statistics)

BOOST_AUTO_TEST_CASE(consecutive_blocks_are_seldom_neighbours) {
  const std::array<std::pair<std::size_t, double>, 3> most{{{16, 5.0}, {64, 8.0}, {1024, 20.0}}};
  for (const secure_level level : {secure_level::hardened, secure_level::paranoid}) {
    for (const auto& [bytes, bound] : most) {
      secure_resource memory(level);
      const std::size_t stride = stride_at(level, bytes);
      const double adjacent = adjacent_of_100(memory, bytes, stride);
      BOOST_TEST_MESSAGE("level " << int(level) << ", " << bytes << " bytes, stride " << stride << ": " << adjacent
                                  << " % of consecutive blocks are neighbours");
      BOOST_TEST(adjacent < bound, bytes << " bytes: " << adjacent << " %");
    }
  }
}

BOOST_AUTO_TEST_CASE(without_random_places_blocks_are_neighbours) {
  secure_resource memory(secure_level::checked);
  BOOST_TEST(adjacent_of_100(memory, 64, stride_at(secure_level::checked, 64)) > 90.0);
}

BOOST_AUTO_TEST_CASE(an_address_comes_back_only_after_as_many_frees_as_the_quarantine_holds_in_order) {
  for (const std::size_t bytes : {std::size_t{16}, std::size_t{64}, std::size_t{1024}}) {
    secure_options options = options_at(secure_level::hardened);
    const std::size_t stride = stride_at(secure_level::hardened, bytes);
    secure_resource memory(options);
    const std::size_t held = *memory.options().quarantine / stride;
    const std::vector<std::size_t> frees = frees_until_back(memory, bytes, bytes == 1024 ? 60 : 12, 200'000);
    BOOST_TEST_MESSAGE(bytes << " bytes: quarantine of " << held << " blocks and as many at random; back after "
                             << frees.front() << " frees at least, " << frees[frees.size() / 2] << " in the middle");
    BOOST_TEST(frees.front() >= held);
    BOOST_TEST(frees.back() < 200'000u);  // nothing is lost
  }
}

BOOST_AUTO_TEST_CASE(the_first_block_of_a_slab_is_at_any_place_alike) {
  constexpr std::size_t count = 4000;
  const std::size_t stride = stride_at(secure_level::hardened, 1000);
  std::vector<std::size_t> seen;
  std::size_t highest = 0;
  std::vector<std::uintptr_t> offsets;
  for (std::size_t i = 0; i < count; ++i) {
    secure_options options = options_at(secure_level::hardened);
    options.region_bits = 20;
    secure_resource memory(options);
    unsigned char* const p = get(memory, 1000);
    // The slab begins behind the guard before it.
    unsigned char* begin = p - number(p) % system_page_size();
    while (in_reach(begin - 1)) begin -= system_page_size();
    offsets.push_back(static_cast<std::size_t>(p - begin) / stride);
    highest = std::max(highest, offsets.back());
  }
  seen.assign(highest + 1, 0);
  for (const std::uintptr_t each : offsets) ++seen[each];
  const double expected = static_cast<double>(count) / static_cast<double>(seen.size());
  double chi_square = 0;
  for (const std::size_t each : seen) chi_square += std::pow(static_cast<double>(each) - expected, 2) / expected;
  const double freedom = static_cast<double>(seen.size() - 1);
  BOOST_TEST_MESSAGE(seen.size() << " places: chi-square " << chi_square << " of " << freedom << " degrees of freedom");
  BOOST_TEST(seen.size() >= 8u);
  BOOST_TEST(chi_square < freedom + 6 * std::sqrt(2 * freedom));
  secure_resource memory(secure_level::hardened);
  (void)memory.allocate(1000);
  BOOST_TEST(memory.report().most_slot_entropy >= memory.report().least_slot_entropy);
  BOOST_TEST(memory.report().least_slot_entropy <= std::log2(static_cast<double>(seen.size())) + 0.001);
}

BOOST_AUTO_TEST_CASE(every_block_has_a_canary_of_its_own_whose_first_byte_is_zero) {
  for (const secure_level level : {secure_level::hardened, secure_level::paranoid}) {
    secure_resource memory(level);
    std::set<std::uint64_t> canaries;
    std::array<std::set<unsigned char>, 8> values;
    for (int i = 0; i < 10'000; ++i) {
      const unsigned char* const p = get(memory, 64);
      const std::uint64_t word = word_behind(p, 64);
      canaries.insert(word);
      for (std::size_t byte = 0; byte < 8; ++byte) values[byte].insert(peek(p + 64 + byte));
    }
    BOOST_TEST(canaries.size() == 10'000u);
    BOOST_TEST(values[0].size() == 1u);
    BOOST_TEST(*values[0].begin() == 0u);
    // The quick hash of level hardened has a structure over neighbours that were each used once.
    if (level == secure_level::hardened) continue;
    for (std::size_t byte = 1; byte < 8; ++byte) BOOST_TEST(values[byte].size() == 256u);
  }
}

BOOST_AUTO_TEST_CASE(a_place_used_again_has_another_canary) {
  secure_options options = options_at(secure_level::hardened);
  options.quarantine = 0;
  options.random_places = false;
  secure_resource memory(options);
  unsigned char* const p = get(memory, 64);
  const std::uint64_t before = word_behind(p, 64);
  memory.deallocate(p, 64, 8);
  unsigned char* again = nullptr;
  for (int i = 0; i < 10'000 && again != p; ++i) again = get(memory, 64);
  BOOST_REQUIRE(again == p);
  BOOST_TEST(word_behind(p, 64) != before);
}

BOOST_AUTO_TEST_CASE(with_a_seed_a_layout_comes_again) {
  if (test::addresses_run_out()) return test::skip(test::addresses_are_few);
  const std::size_t limit = retired_address_limit();
  set_retired_address_limit(0);  // so that the addresses that were drawn are free again
  BOOST_TEST((places(seeded(7)) == places(seeded(7))));
  BOOST_TEST((places(seeded(7)) != places(seeded(8))));
  // Under a tool the system chooses where regions are, and under Wine others take places that were free a moment ago.
  if (!memory_tools::active() && !test::reservations_take_memory()) {
    BOOST_TEST((layout(seeded(7)) == layout(seeded(7))));
    BOOST_TEST((layout(seeded(7)) != layout(seeded(8))));
  }
  set_retired_address_limit(limit);
}

BOOST_AUTO_TEST_CASE(without_a_seed_or_unchecked_no_layout_comes_again) {
  secure_options unchecked = seeded(7);
  unchecked.checked = false;
  BOOST_TEST((places(unchecked) != places(unchecked)));
  BOOST_TEST((places(seeded(0)) != places(seeded(0))));
  BOOST_TEST((layout(secure_options{}) != layout(secure_options{})));
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(regions_of_two_resources_and_of_two_processes_lie_elsewhere) {
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool has plans for addresses");
  constexpr std::uintptr_t region = std::uintptr_t{1} << (narrow ? 22 : 30);
  secure_resource one;
  secure_resource two;
  if (one.allocate(64, 8) != nullptr && one.report().region_entropy == 0) return skip("the system chose");
  const std::uintptr_t a = number(one.allocate(64, 8));
  const std::uintptr_t b = number(two.allocate(64, 8));
  BOOST_TEST((a > b ? a - b : b - a) > region);
  // A bit less for each doubling of pages, at whose starts regions lie.
  BOOST_TEST(one.report().region_entropy >= 18 - std::log2(static_cast<double>(system_page_size()) / 4096));
  std::set<std::string> seen;
  for (int i = 0; i < 8; ++i) seen.insert(run_child("secure_tell_places").output);
  BOOST_TEST(seen.size() == 8u);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
