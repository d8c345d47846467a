// Copies and fills that ask whose memory it is before they write.

#include <allot/secure/guarded_memory.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <cstring>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/bytes.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::array<std::size_t, 4> some_sizes{1, 64, 5000, mebibyte + 3};

const threat copied_past{"secure_copied_past", [](secure_level level) {
                           const std::array<unsigned char, 100> from{};
                           secure_resource memory(subject_at(level));
                           guarded_copy(get(memory, 64), from.data(), 65);
                         }};

/// An upstream that looks at what it gets back.
class looking_resource final : public std::pmr::memory_resource {
 public:
  bool zero = false;
  std::size_t bytes = 0;
  std::size_t alignment = 0;

 private:
  void* do_allocate(std::size_t size, std::size_t to) override {
    return std::pmr::new_delete_resource()->allocate(size, to);
  }
  void do_deallocate(void* p, std::size_t size, std::size_t to) override {
    zero = all_are(p, size, 0);
    bytes = size;
    alignment = to;
    std::pmr::new_delete_resource()->deallocate(p, size, to);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(guarded_memory)

BOOST_AUTO_TEST_CASE(within_blocks_they_do_what_the_plain_functions_do) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    for (const std::size_t bytes : some_sizes) {
      unsigned char* const a = get(memory, bytes);
      unsigned char* const b = get(memory, bytes);
      guarded_fill(a, 0x42, bytes);
      BOOST_TEST(all_are(a, bytes, 0x42));
      guarded_copy(b, a, bytes);
      BOOST_TEST(all_are(b, bytes, 0x42));
      for (std::size_t i = 0; i < bytes; ++i) a[i] = static_cast<unsigned char>(i * 7);
      std::vector<unsigned char> expected(a, a + bytes);
      std::memmove(expected.data() + bytes / 3, expected.data(), bytes - bytes / 3);
      guarded_move(a + bytes / 3, a, bytes - bytes / 3);
      BOOST_TEST((std::memcmp(a, expected.data(), bytes) == 0));
      guarded_copy(b + bytes / 2, a + bytes / 2, bytes - bytes / 2);  // up to the end
      BOOST_TEST((std::memcmp(b + bytes / 2, expected.data() + bytes / 2, bytes - bytes / 2) == 0));
      memory.deallocate(a, bytes, 8);
      memory.deallocate(b, bytes, 8);
    }
    BOOST_TEST(watch.nothing(), at.name);
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(past_the_end_of_the_target_nothing_is_written) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const std::vector<unsigned char> from(2 * mebibyte, 0x99);
    for (const std::size_t bytes : some_sizes) {
      unsigned char* const p = get(memory, bytes);
      fill(p, bytes, 0x11);
      const misuse_watch watch;
      for (const std::size_t offset : {std::size_t{0}, bytes / 2, bytes - 1}) {
        const std::size_t left = bytes - offset;
        for (const std::size_t wish : {left + 1, left + 8, left + 100'000}) {
          guarded_copy(p + offset, from.data(), wish);
          guarded_move(p + offset, from.data(), wish);
          guarded_fill(p + offset, 0x99, wish);
          BOOST_REQUIRE(watch.count() == 3u);
          for (std::size_t i = 0; i < 3; ++i) {
            BOOST_TEST(watch[i].resource == "subject");
            BOOST_TEST(watch[i].claimed == wish);
            BOOST_TEST(watch[i].actual == left);
          }
          BOOST_TEST(watch.only(misuse_kind::past_block, 3), at.name << ", " << bytes << " bytes");
          BOOST_TEST(all_are(p, bytes, 0x11));
        }
      }
      BOOST_TEST(memory.check());
      memory.deallocate(p, bytes, 8);
    }
  }
}

BOOST_AUTO_TEST_CASE(past_the_end_of_the_source_nothing_is_read) {
  for (const named_level& at : every_level) {
    synchronized_secure_resource memory(subject_at(at.level));
    std::vector<unsigned char> to(2 * mebibyte, 0x55);
    for (const std::size_t bytes : some_sizes) {
      unsigned char* const p = get(memory, bytes);
      const misuse_watch watch;
      guarded_copy(to.data(), p, bytes + 1);
      guarded_move(to.data(), p + bytes - 1, 2);
      BOOST_TEST(watch.only(misuse_kind::past_block, 2), at.name << ", " << bytes << " bytes");
      BOOST_TEST(all_are(to.data(), to.size(), 0x55));
      memory.deallocate(p, bytes, 8);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_copy_past_the_end_ends_the_program_with_words) {
  expect_at_every_level("secure_copied_past", aborts("subject: would leave the block"));
  expect_at_every_level("secure_copied_past", aborts("bytes asked for 65, bytes left 64\n"));
}

BOOST_AUTO_TEST_CASE(memory_that_was_freed_is_not_touched) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    std::array<unsigned char, 64> other{};
    for (const std::size_t bytes : {std::size_t{64}, mebibyte}) {
      unsigned char* const kept = get(memory, bytes);
      unsigned char* const p = get(memory, bytes);
      memory.deallocate(p, bytes, 8);
      if (!memory.owns(p)) continue;  // at level checked large blocks are gone at once
      const misuse_watch watch;
      guarded_copy(p, other.data(), 64);
      guarded_copy(other.data(), p, 64);
      guarded_fill(p, 1, 64);
      BOOST_TEST(watch.count() == 3u, at.name << ", " << bytes << " bytes");
      BOOST_TEST(all_are(other.data(), 64, 0));
      watch.forget();
      BOOST_TEST(memory.check());
      memory.deallocate(kept, bytes, 8);
      BOOST_TEST(watch.nothing());
    }
  }
}

BOOST_AUTO_TEST_CASE(canaries_slack_and_guards_are_no_targets) {
  for (const named_level& at : levels_that_guard) {
    secure_resource memory(subject_at(at.level));
    const std::array<unsigned char, 8> from{};
    unsigned char* const p = get(memory, 61);
    const misuse_watch watch;
    guarded_copy(p + 61, from.data(), 1);
    guarded_fill(p - 1, 0, 1);
    guarded_fill(get(memory, 0), 0, 1);
    BOOST_TEST(watch.count() == 3u, at.name);
    watch.forget();
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(memory_of_others_is_copied_plainly) {
  const secure_resource idle;
  std::vector<unsigned char> a(1000, 3);
  std::array<unsigned char, 1000> b{};
  const misuse_watch watch;
  guarded_copy(b.data(), a.data(), 1000);
  BOOST_TEST(all_are(b.data(), 1000, 3));
  guarded_fill(b.data(), 4, 500);
  guarded_move(b.data() + 1, b.data(), 999);
  BOOST_TEST(all_are(b.data(), 501, 4));
  BOOST_TEST(all_are(b.data() + 501, 499, 3));
  testing::counting_resource upstream;
  auto* const p = static_cast<unsigned char*>(upstream.allocate(100));
  guarded_copy(p, a.data(), 100);
  BOOST_TEST(all_are(p, 100, 3));
  upstream.deallocate(p, 100);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(nothing_is_harmless_wherever) {
  secure_resource memory;
  unsigned char* const p = get(memory, 10);
  unsigned char byte = 0;
  const misuse_watch watch;
  guarded_copy(nullptr, nullptr, 0);
  guarded_move(nullptr, &byte, 0);
  guarded_fill(nullptr, 1, 0);
  secure_fill(nullptr, 1, 0);
  guarded_copy(p + 10, &byte, 0);
  guarded_copy(&byte, p + 10, 0);
  guarded_fill(p + 10, 1, 0);
  guarded_fill(get(memory, 0), 1, 0);
  wipe_and_deallocate(memory, nullptr, 0);
  wipe_and_deallocate(memory, nullptr, 10);
  BOOST_TEST(watch.nothing());
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(a_secure_fill_writes_every_byte) {
  std::array<unsigned char, 70> bytes{};
  secure_fill(bytes.data() + 1, 0xa5, 68);
  BOOST_TEST(int{bytes[0]} == 0);
  BOOST_TEST(all_are(bytes.data() + 1, 68, 0xa5));
  BOOST_TEST(int{bytes[69]} == 0);
}

BOOST_AUTO_TEST_CASE(a_block_is_wiped_before_it_goes_back_to_whatever_resource) {
  looking_resource plain_memory;
  auto* const p = static_cast<unsigned char*>(plain_memory.allocate(100, 32));
  fill(p, 100, 7);
  wipe_and_deallocate(plain_memory, p, 100, 32);
  BOOST_TEST(plain_memory.zero);
  BOOST_TEST(plain_memory.bytes == 100u);
  BOOST_TEST(plain_memory.alignment == 32u);

  for (const named_level& at : levels_with_slabs) {
    secure_resource memory(subject_at(at.level));
    unsigned char* const q = get(memory, 64, 16);
    fill(q, 64, 7);
    const misuse_watch watch;
    wipe_and_deallocate(memory, q, 64, 16);
    BOOST_TEST(memory.usage().used == 0u);
    for (std::size_t i = 0; i < 64; ++i) BOOST_REQUIRE(int{peek(q + i)} == 0);
    BOOST_TEST(watch.nothing());
  }
}

BOOST_AUTO_TEST_SUITE_END()
