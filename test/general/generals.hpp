#pragma once

#include <allot/general/concurrent_general_resource.hpp>
#include <allot/general/general_options.hpp>
#include <allot/general/general_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <map>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "pool/pools.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"

// What the tests of general_resource and concurrent_general_resource share: nearly all promises are those of both.

namespace allot::test {

/// With the tiers of both classes alike.
inline general_options with_checks(bool checked, general_options options = {}) {
  options.checked = checked;
  if (options.small_limit == 0) options.small_limit = 512;
  return options;
}

/// Calls test(resource) with one of each class.
template <class Test>
void in_both(const general_options& options, std::pmr::memory_resource* upstream, Test test) {
  BOOST_TEST_CONTEXT("general_resource" << (options.checked ? ", checked" : "")) {
    general_resource general(options, upstream);
    test(general);
  }
  BOOST_TEST_CONTEXT("concurrent_general_resource" << (options.checked ? ", checked" : "")) {
    concurrent_general_resource general(options, upstream);
    test(general);
  }
}

/// The same, unchecked and checked.
template <class Test>
void in_all(Test test, const general_options& options = {}, std::pmr::memory_resource* upstream = nullptr) {
  for (const bool checked : {false, true}) in_both(with_checks(checked, options), upstream, test);
}

/// One request for each tier of default options, and a second for each of the heap's.
inline constexpr std::size_t one_of_each[] = {1, 100, 500, 600, 5000, 40000, 300000, 1100000, 3000000};

/// How often something is done that takes a sanitizer too long.
inline std::size_t times(std::size_t plainly, std::size_t sanitized) {
  return plain() && !under_thread_sanitizer() ? plainly : sanitized;
}

/// The blocks in use for_each_block() tells of, by where they begin. One that comes twice, or lies over another, is an
/// error.
inline std::map<const void*, std::size_t> blocks_in(const resource& memory) {
  std::map<const void*, std::size_t> seen;
  std::map<const void*, std::size_t> all;
  memory.for_each_block([&](const block_info& each) {
    if (each.state == block_state::used) seen.emplace(each.begin, each.bytes);
    if (!all.emplace(each.begin, each.bytes).second) BOOST_ERROR("a block that comes twice");
  });
  std::uintptr_t end = 0;
  for (const auto& [begin, bytes] : all) {
    if (address_of(begin) < end) BOOST_ERROR("blocks that lie over each other");
    end = address_of(begin) + bytes;
  }
  return seen;
}

/// Whether for_each_block() tells of these and no others.
inline bool shows_exactly(const resource& memory, const std::vector<held_block>& blocks) {
  const auto seen = blocks_in(memory);
  bool good = seen.size() == blocks.size();
  for (const held_block& each : blocks) {
    const auto found = seen.find(each.p);
    good = good && found != seen.end() && found->second >= each.bytes;
  }
  return good;
}

/// Whether what usage() says can be.
inline bool plausible(const resource& memory) {
  const memory_usage now = memory.usage();
  return now.used <= now.committed && now.committed <= now.reserved && now.used <= now.peak &&
         now.wasted <= now.committed;
}

inline bool equal(const general_tier& a, const general_tier& b) {
  return a.live_blocks == b.live_blocks && a.live_bytes == b.live_bytes;
}

}  // namespace allot::test
