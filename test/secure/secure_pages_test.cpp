// Which memory secure resources make accessible, and what is in it.

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/secure/retired_addresses.hpp>
#include <allot/secure/secure_resource.hpp>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::array<std::size_t, 4> some_sizes{16, 64, 4096, mebibyte};

struct mapped {
  unsigned char* first;
  unsigned char* last;  // behind it
  std::string access;
};
unsigned char* at_address(std::uintptr_t address) { return reinterpret_cast<unsigned char*>(address); }

/// The mappings of this process that may be touched or belong to the resource.
[[maybe_unused]] std::vector<mapped> mappings() {
  std::vector<mapped> all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream text(line);
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    char dash = 0;
    mapped each{};
    text >> std::hex >> first >> dash >> last >> each.access;
    each.first = at_address(first);
    each.last = at_address(last);
    all.push_back(each);
  }
  return all;
}

/// The writable pages that can be read, in order, but for those of the resource.
[[maybe_unused]] void list_readable_pages(const secure_resource* memory, std::vector<unsigned char*>& pages) {
  pages.clear();
  for (const mapped& each : mappings()) {
    if (each.access.compare(0, 2, "rw") != 0 || (memory != nullptr && memory->owns(each.first))) continue;
    for (unsigned char* p = each.first; p != each.last; p += system_page_size())
      if (in_reach(p)) pages.push_back(p);
  }
}

#if !defined(_WIN32)
/// Whether the bytes of `marker` are anywhere in memory of the resource that can be read.
bool contains(const secure_resource& memory, std::string_view marker) {
  const int self = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  const std::size_t page = system_page_size();
  std::vector<char> kept(page + marker.size());
  bool found = false;
  for (const mapped& each : mappings()) {
    if (each.access[0] != 'r' || !memory.owns(each.first)) continue;
    std::size_t have = 0;
    for (const unsigned char* at = each.first; at != each.last && !found; at += page) {
      const ssize_t got = in_reach(at) ? ::pread(self, kept.data() + have, page,
                                                 static_cast<off_t>(reinterpret_cast<std::uintptr_t>(at)))
                                       : 0;
      if (got <= 0) {
        have = 0;
        continue;
      }
      const std::size_t end = have + static_cast<std::size_t>(got);
      found = std::string_view(kept.data(), end).find(marker) != std::string_view::npos;
      have = std::min(end, marker.size() - 1);
      std::copy_n(kept.data() + end - have, have, kept.data());
    }
  }
  ::close(self);
  return found;
}
#endif

[[maybe_unused]] void write_all(unsigned char* p, std::size_t bytes, std::string_view marker) {
  for (std::size_t i = 0; i < bytes; ++i) p[i] = static_cast<unsigned char>(marker[i % marker.size()]);
}

const threat after_the_end{"secure_after_the_end", [](secure_level level) {
                             std::optional<secure_resource> memory(std::in_place, subject_at(level));
                             unsigned char* const p = get(*memory, 64);
                             memory.reset();
                             (void)peek(p);
                           }};
const threat after_the_end_large{"secure_after_the_end_large", [](secure_level level) {
                                   std::optional<secure_resource> memory(std::in_place, subject_at(level));
                                   unsigned char* const p = get(*memory, mebibyte);
                                   memory.reset();
                                   poke(p + 5000);
                                 }};
const threat after_release{"secure_after_release", [](secure_level level) {
                             secure_resource memory(subject_at(level));
                             unsigned char* const p = get(memory, 64);
                             memory.release();
                             (void)get(memory, 64);
                             (void)peek(p);
                           }};

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_pages)

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(no_memory_is_ever_executable) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    for (const std::size_t bytes : some_sizes) fill(memory.allocate(bytes, 8), bytes, 1);
    (void)memory.allocate(0, 1);
    bool seen = false;
    for (const mapped& each : mappings()) {
      const bool own = memory.owns(each.first) || memory.owns(each.last - 1);
      seen = seen || own;
      BOOST_TEST((!own || each.access.find('x') == std::string::npos), at.name << ": " << each.access);
      BOOST_TEST((each.access.find('w') == std::string::npos || each.access.find('x') == std::string::npos));
    }
    BOOST_TEST(seen);
  }
}

BOOST_AUTO_TEST_CASE(what_is_remembered_of_blocks_lies_between_inaccessible_pages_apart_from_them) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::figures);
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool watches, which maps memory, too");
  const std::size_t page = system_page_size();
  std::vector<unsigned char*> before;
  std::vector<unsigned char*> now;
  before.reserve(100'000);
  now.reserve(100'000);
  { const std::vector<mapped> room(2000); }  // for lists of mappings, so that none grows the heap later
  // What all resources share is there from now on, and grows no more.
  const std::size_t limit = retired_address_limit();
  set_retired_address_limit(0);
  for (const named_level& at : every_level) (void)secure_resource(at.level).allocate(64);
  for (const named_level& at : every_level) {
    list_readable_pages(nullptr, before);
    secure_resource memory(subject_at(at.level));
    for (int i = 0; i < 100; ++i) (void)memory.allocate(64, 8);
    list_readable_pages(&memory, now);
    const std::vector<mapped> all = mappings();
    const auto is_guard = [&](unsigned char* p) {  // and not only free addresses, where anything may come to lie
      return !in_reach(p) &&
             std::any_of(all.begin(), all.end(), [p](const mapped& each) { return each.first <= p && p < each.last; });
    };
    std::size_t of_records = 0;
    for (unsigned char* const p : now) {
      if (std::binary_search(before.begin(), before.end(), p)) continue;
      ++of_records;
      for (unsigned char* const neighbour : {p - page, p + page}) {
        const bool new_too = std::binary_search(now.begin(), now.end(), neighbour) &&
                             !std::binary_search(before.begin(), before.end(), neighbour);
        BOOST_TEST((new_too || is_guard(neighbour)), at.name << " " << static_cast<void*>(p));
      }
    }
    BOOST_TEST(of_records >= 1u, at.name);
  }
  set_retired_address_limit(limit);
}
#endif

BOOST_AUTO_TEST_CASE(regions_end_in_memory_that_faults_and_owns_ends_there) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    for (const std::size_t bytes : some_sizes) {
      unsigned char* const p = get(memory, bytes);
      BOOST_TEST(memory.owns(p));
      BOOST_TEST(memory.owns(p + bytes - 1));
      // Walk to the ends of what can be read from here: beyond lies a guard, which is owned.
      unsigned char* end = p;
      while (in_reach(end)) end += system_page_size();
      BOOST_TEST(end - p < 64 * static_cast<std::ptrdiff_t>(mebibyte));
      BOOST_TEST(memory.owns(end));
      unsigned char* begin = p;
      while (in_reach(begin)) begin -= system_page_size();
      BOOST_TEST(p - begin < 64 * static_cast<std::ptrdiff_t>(mebibyte));
    }
    const memory_usage usage = memory.usage();
    BOOST_TEST(usage.reserved >= usage.committed);
    int local = 0;
    for (const void* const outside : {static_cast<const void*>(&local), static_cast<const void*>(nullptr),
                                      static_cast<const void*>(&memory), static_cast<const void*>(&some_sizes)})
      BOOST_TEST(!memory.owns(outside));
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(what_was_in_freed_blocks_is_nowhere_any_more) {
  const std::string marker = "sesame" + std::to_string(::getpid());
  for (const named_level& at : levels_that_guard) {
    secure_resource memory(subject_at(at.level));
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (int round = 0; round < 20; ++round)
      for (const std::size_t bytes : {32u, 64u, 100u, 1000u, 1024u, 4096u, 5000u, 20000u, 100000u, 300000u}) {
        unsigned char* const p = get(memory, bytes);
        write_all(p, bytes, marker);
        blocks.emplace_back(p, bytes);
      }
    BOOST_TEST(contains(memory, marker), at.name);
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
      auto& [p, bytes] = blocks[i];
      if (memory.try_expand(p, bytes, bytes - 3, 8)) bytes -= 3;
    }
    for (const auto& [p, bytes] : blocks) memory.deallocate(p, bytes, 8);
    BOOST_TEST(!contains(memory, marker), at.name);
  }
}

BOOST_AUTO_TEST_CASE(bytes_given_up_by_shrinking_are_overwritten) {
  const std::string marker = "melone" + std::to_string(::getpid());
  for (const named_level& at : levels_that_guard) {
    secure_resource memory(subject_at(at.level));
    std::size_t shrunk = 0;
    for (std::size_t bytes = 40; bytes < 5000; bytes += 37) {
      unsigned char* const p = get(memory, bytes);
      fill(p, bytes, 0);
      const std::size_t less = bytes - std::min<std::size_t>(bytes / 16 + 1, 30);
      write_all(p + less, bytes - less, marker.substr(0, std::min(marker.size(), bytes - less)));
      const unsigned char first = p[less];
      if (!memory.try_expand(p, bytes, less, 8)) continue;
      ++shrunk;
      bool same = true;
      for (std::size_t i = less; i < bytes; ++i)
        same = same &&
               peek(p + i) == static_cast<unsigned char>(marker[(i - less) % std::min(marker.size(), bytes - less)]);
      BOOST_TEST((!same || bytes - less < 2), at.name << ", " << bytes << " to " << less << " " << unsigned{first});
      memory.deallocate(p, less, 8);
    }
    BOOST_TEST((shrunk > 0u || at.level == secure_level::trap), at.name);  // there the end of a block is that of a page
  }
}
#endif

BOOST_AUTO_TEST_CASE(new_blocks_are_zero_from_level_hardened_on) {
  for (const named_level& at : levels_that_guard) {
    secure_resource memory(subject_at(at.level));
    for (int i = 0; i < 3000; ++i) {
      const std::size_t bytes = i % 100 == 0 ? 150'000 : static_cast<std::size_t>(i * 7 % 300 + 1);
      unsigned char* const p = get(memory, bytes);
      memory_tools::unpoison(p, bytes);
      BOOST_REQUIRE(all_are(p, bytes, 0));
      fill(p, bytes, 0xee);
      memory.deallocate(p, bytes, 8);
    }
  }
}

BOOST_AUTO_TEST_CASE(addresses_of_a_resource_that_is_gone_fault) {
  expect_at_every_level("secure_after_the_end", faults);
  expect_at_every_level("secure_after_the_end_large", faults);
  expect_at_every_level("secure_after_release", faults);
}

BOOST_AUTO_TEST_CASE(addresses_of_resources_that_are_gone_are_kept_within_a_limit) {
  const std::size_t limit = retired_address_limit();
  BOOST_TEST(limit == std::size_t{64} << (narrow ? 20 : 30));
  set_retired_address_limit(0);
  BOOST_TEST(retired_address_bytes() == 0u);
  { (void)secure_resource().allocate(64); }
  BOOST_TEST(retired_address_bytes() == 0u);
  set_retired_address_limit(std::size_t{5} << 30);
  for (int i = 0; i < 10; ++i) {
    (void)secure_resource().allocate(64);
    BOOST_TEST(retired_address_bytes() > 0u);
    BOOST_TEST(retired_address_bytes() <= std::size_t{5} << 30);
  }
  set_retired_address_limit(limit);
  BOOST_TEST(retired_address_limit() == limit);
}

BOOST_AUTO_TEST_SUITE_END()
