// Deallocations that are wrong: every level finds them at once and exactly, and nothing comes of them.

#include <allot/core/allocation_error.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::array<std::size_t, 9> every_size{0, 1, 8, 61, 64, 1000, 4096, 16384, mebibyte + 5};
int global[16];

/// Frees twice with so many other blocks freed between.
template <std::size_t bytes, int others>
void free_twice(secure_level level) {
  secure_resource memory(subject_at(level));
  std::vector<void*> between;
  for (int i = 0; i < others; ++i) between.push_back(memory.allocate(bytes, 8));
  void* const p = memory.allocate(bytes, 8);
  memory.deallocate(p, bytes, 8);
  for (void* const each : between) memory.deallocate(each, bytes, 8);
  memory.deallocate(p, bytes, 8);
}
template <class Free>
void free_wrongly(secure_level level, Free wrong) {
  secure_resource memory(subject_at(level));
  wrong(memory, get(memory, 100, 16));
}

const threat double_free{"secure_double_free", free_twice<64, 0>};
const threat double_free_large{"secure_double_free_large", free_twice<mebibyte, 0>};
const threat double_free_later{"secure_double_free_later", free_twice<64, 100>};
const threat double_free_of_nothing{"secure_double_free_of_nothing", free_twice<0, 0>};
const threat interior{"secure_interior", [](secure_level level) {
                        free_wrongly(level, [](auto& memory, auto* p) { memory.deallocate(p + 16, 84, 16); });
                      }};
const threat on_stack{"secure_on_stack", [](secure_level level) {
                        alignas(16) std::array<unsigned char, 100> local{};
                        free_wrongly(level, [&](auto& memory, auto*) { memory.deallocate(local.data(), 100, 16); });
                      }};
const threat bytes_too_many{"secure_bytes_too_many", [](secure_level level) {
                              free_wrongly(level, [](auto& memory, auto* p) { memory.deallocate(p, 101, 16); });
                            }};
const threat byte_too_few{"secure_byte_too_few", [](secure_level level) {
                            free_wrongly(level, [](auto& memory, auto* p) { memory.deallocate(p, 99, 16); });
                          }};
const threat alignment_too_small{"secure_alignment_too_small", [](secure_level level) {
                                   free_wrongly(level, [](auto& memory, auto* p) { memory.deallocate(p, 100, 8); });
                                 }};
const threat anothers{"secure_anothers", [](secure_level level) {
                        secure_resource other(subject_at(level, "passwords"));
                        free_wrongly(level, [&](auto& memory, auto*) { memory.deallocate(get(other, 100), 100, 8); });
                      }};
const threat of_one_gone{"secure_of_one_gone", [](secure_level level) {
                           std::optional<secure_resource> other(std::in_place, subject_at(level, "passwords"));
                           void* const p = other->allocate(100, 8);
                           other.reset();
                           free_wrongly(level, [&](auto& memory, auto*) { memory.deallocate(p, 100, 8); });
                         }};

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_frees)

// ---- with the default handler

BOOST_AUTO_TEST_CASE(a_double_free_ends_the_program_at_every_level) {
  for (const char* name : {"secure_double_free", "secure_double_free_later", "secure_double_free_of_nothing"})
    expect_at_every_level(name, freed_twice);
  // Without a quarantine the addresses of a large block may be anybody's by then.
  expect_endings("secure_double_free_large", aborts(freed_twice.words, not_a_block.words), freed_twice, freed_twice,
                 freed_twice);
}
BOOST_AUTO_TEST_CASE(a_pointer_into_a_block_ends_the_program_at_every_level) {
  expect_at_every_level("secure_interior", aborts("subject: a pointer inside a live block"));
}
BOOST_AUTO_TEST_CASE(a_pointer_to_the_stack_ends_the_program_at_every_level) {
  expect_at_every_level("secure_on_stack", not_a_block);
}
BOOST_AUTO_TEST_CASE(a_size_wrong_by_one_ends_the_program_with_both_sizes) {
  expect_at_every_level("secure_bytes_too_many", aborts("bytes claimed 101, bytes allocated 100\n"));
  expect_at_every_level("secure_byte_too_few", aborts("bytes claimed 99, bytes allocated 100\n"));
}
BOOST_AUTO_TEST_CASE(a_wrong_alignment_ends_the_program_with_both) {
  expect_at_every_level("secure_alignment_too_small", aborts("wrong alignment"));
  expect_at_every_level("secure_alignment_too_small", aborts("claimed 8, actual 16\n"));
}
BOOST_AUTO_TEST_CASE(a_block_of_another_resource_ends_the_program_and_names_the_owner) {
  expect_at_every_level("secure_anothers", not_a_block);
  expect_at_every_level("secure_anothers", aborts("; it belongs to passwords\n"));
}
BOOST_AUTO_TEST_CASE(a_block_of_a_destroyed_resource_ends_the_program_and_names_the_owner) {
  expect_at_every_level("secure_of_one_gone", aborts("; it belongs to passwords, which is gone\n"));
}

// ---- in full

BOOST_AUTO_TEST_CASE(a_double_free_of_any_size_is_reported_and_changes_nothing) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    for (const std::size_t bytes : every_size) {
      const misuse_watch watch;
      void* const kept = memory.allocate(bytes, 8);
      void* const p = memory.allocate(bytes, 8);
      memory.deallocate(p, bytes, 8);
      const memory_usage before = memory.usage();
      BOOST_TEST(watch.nothing());
      for (int again = 0; again < 3; ++again) {
        memory.deallocate(p, bytes, 8);
        BOOST_REQUIRE(watch.count() == 1u);
        BOOST_TEST(watch[0].address == p);
        BOOST_TEST(watch[0].resource == "subject");
        BOOST_TEST(watch[0].fatal);
        const bool gone = at.level == secure_level::checked && bytes > mebibyte;
        BOOST_TEST(watch.only(gone ? watch[0].kind : misuse_kind::double_free), at.name << ", " << bytes << " bytes");
      }
      BOOST_TEST((memory.usage() == before));
      BOOST_TEST(memory.check());
      memory.deallocate(kept, bytes, 8);
      BOOST_TEST(watch.nothing());
    }
    BOOST_TEST(memory.usage().used == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_double_free_after_others_asked_for_blocks_is_found_while_the_place_is_not_used_again) {
  for (const named_level& at : levels_that_guard) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    for (const std::size_t bytes : {std::size_t{16}, std::size_t{64}, std::size_t{1024}}) {
      void* const p = memory.allocate(bytes, 8);
      memory.deallocate(p, bytes, 8);
      std::vector<void*> others;
      for (int i = 0; i < 20; ++i) others.push_back(memory.allocate(bytes, 8));
      memory.deallocate(p, bytes, 8);
      BOOST_TEST(watch.only(misuse_kind::double_free), at.name << ", " << bytes << " bytes");
      for (void* const each : others) memory.deallocate(each, bytes, 8);
      BOOST_TEST(watch.nothing());
    }
  }
}

BOOST_AUTO_TEST_CASE(at_level_trap_a_stale_pointer_stays_known_however_much_is_allocated) {
  secure_resource memory(subject_at(secure_level::trap));
  void* const p = memory.allocate(64, 8);
  memory.deallocate(p, 64, 8);
  bool seen_again = false;
  for (int i = 0; i < 2000; ++i) {
    void* const other = memory.allocate(64, 8);
    seen_again = seen_again || other == p;
    memory.deallocate(other, 64, 8);
  }
  BOOST_TEST(!seen_again);
  const misuse_watch watch;
  memory.deallocate(p, 64, 8);
  BOOST_TEST(watch.only(misuse_kind::double_free));
}

BOOST_AUTO_TEST_CASE(a_stale_free_of_a_place_used_again_is_found_when_size_or_alignment_differ) {
  secure_resource memory(subject_at(secure_level::checked));
  void* const p = memory.allocate(64, 8);
  memory.deallocate(p, 64, 8);
  const misuse_watch watch;
  void* other = nullptr;
  for (int i = 0; i < 5000 && other != p; ++i) other = memory.allocate(60, 8);
  if (other != p) return skip("the place did not come again");
  memory.deallocate(p, 64, 8);
  BOOST_TEST(watch.only(misuse_kind::wrong_size));
}

BOOST_AUTO_TEST_CASE(of_two_threads_that_free_one_block_one_is_reported) {
  for (const named_level& at : every_level) {
    synchronized_secure_resource memory(subject_at(at.level));
    static std::atomic<int> reports{0};
    reports = 0;
    const misuse_watch watch([](const misuse_report& report) {
      if (report.kind == misuse_kind::double_free) ++reports;
    });
    constexpr int rounds = 100;
    std::array<std::atomic<void*>, rounds> blocks{};
    for (auto& each : blocks) each = memory.allocate(64, 8);
    in_threads(2, [&](std::size_t) {
      for (auto& each : blocks) memory.deallocate(each, 64, 8);
    });
    BOOST_TEST(reports == rounds, at.name);
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(every_pointer_into_a_block_but_its_start_is_reported_as_that) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    for (const std::size_t bytes : every_size) {
      if (bytes < 2) continue;
      unsigned char* const p = get(memory, bytes);
      for (const std::size_t offset : {std::size_t{1}, std::size_t{8}, bytes / 2, bytes - 1}) {
        if (offset >= bytes) continue;
        memory.deallocate(p + offset, bytes, 1);
        BOOST_REQUIRE(watch.count() == 1u);
        BOOST_TEST(watch[0].address == p + offset);
        BOOST_TEST(watch[0].actual == bytes);
        BOOST_TEST(watch.only(misuse_kind::interior_pointer), at.name << ", " << bytes << " bytes, byte " << offset);
      }
      BOOST_TEST((memory.find_block(p).state == block_state::used));
      memory.deallocate(p, bytes, 8);
      BOOST_TEST(watch.nothing());
    }
  }
}

BOOST_AUTO_TEST_CASE(pointers_to_anything_else_are_reported_as_foreign) {
  const std::unique_ptr<char[]> on_heap(new char[100]);
  alignas(16) std::array<char, 100> local{};
  constexpr auto high = std::numeric_limits<std::uintptr_t>::max();
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    for (const bool served : {false, true}) {
      unsigned char* const p = served ? get(memory, 100) : nullptr;
      const misuse_watch watch;
      std::vector<void*> wrong{local.data(),
                               global,
                               on_heap.get(),
                               nullptr,
                               reinterpret_cast<void*>(std::uintptr_t{8}),
                               reinterpret_cast<void*>(high - 7),
                               reinterpret_cast<void*>(high / 2 + 9),
                               &memory};
      if (served) {
        wrong.insert(wrong.end(), {p + 100, p - 1, p + 4096, p + mebibyte, p + 16 * mebibyte});
        if (at.level != secure_level::trap) wrong.push_back(p - 8);
      }
      for (void* const each : wrong) {
        for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, 2 * mebibyte}) {
          memory.deallocate(each, bytes, 8);
          BOOST_REQUIRE_MESSAGE(watch.count() == 1u, at.name << ", " << each << ", " << bytes);
          BOOST_TEST(watch[0].address == each);
          BOOST_TEST(watch[0].owner == "");
          BOOST_TEST(watch.only(misuse_kind::foreign_pointer), at.name << ", " << each << ", " << bytes);
        }
      }
      if (served) memory.deallocate(p, 100, 8);
      BOOST_TEST(watch.nothing());
    }
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_reported_exactly_and_the_block_lives_on) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    for (const std::size_t bytes : every_size) {
      unsigned char* const p = get(memory, bytes);
      for (const std::size_t claimed : {bytes + 1, bytes - 1, 2 * bytes + 1, most, most / 2}) {
        if (claimed == bytes) continue;
        memory.deallocate(p, claimed, 8);
        BOOST_REQUIRE(watch.count() == 1u);
        BOOST_TEST(watch[0].address == p);
        BOOST_TEST(watch[0].claimed == claimed);
        BOOST_TEST(watch[0].actual == bytes);
        BOOST_TEST(watch[0].exact);
        BOOST_TEST(watch.only(misuse_kind::wrong_size), at.name << ", " << bytes << " bytes");
        BOOST_TEST((memory.find_block(p).state == block_state::used));
      }
      memory.deallocate(p, bytes, 8);
      BOOST_TEST(watch.nothing());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_alignment_is_reported_exactly_and_the_block_lives_on) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    for (const std::size_t bytes : every_size) {
      for (const std::size_t alignment : {std::size_t{1}, std::size_t{8}, std::size_t{64}, std::size_t{4096}}) {
        unsigned char* const p = get(memory, bytes, alignment);
        for (const std::size_t claimed : {std::size_t{1}, std::size_t{8}, std::size_t{16}, std::size_t{64},
                                          std::size_t{4096}, std::size_t{65536}, mebibyte}) {
          if (claimed == alignment) continue;
          memory.deallocate(p, bytes, claimed);
          BOOST_REQUIRE_MESSAGE(watch.count() == 1u, at.name << ", " << bytes << ", " << alignment << ", " << claimed);
          BOOST_TEST(watch[0].claimed == claimed);
          BOOST_TEST(watch[0].actual == alignment);
          BOOST_TEST(watch.only(misuse_kind::wrong_alignment), at.name << ", " << bytes << " bytes");
        }
        for (const std::size_t claimed : {std::size_t{0}, std::size_t{3}}) {
          memory.deallocate(p, bytes, claimed);
          BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
        }
        memory.deallocate(p, bytes, alignment);
        BOOST_TEST(watch.nothing());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_belongs_to_another_resource_is_reported_with_its_name) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    secure_resource other(subject_at(at.level, "passwords"));
    synchronized_secure_resource nameless(at.level);
    const misuse_watch watch;
    for (const std::size_t bytes : every_size) {
      unsigned char* const p = get(other, bytes);
      unsigned char* const q = get(nameless, bytes);
      memory.deallocate(p, bytes, 8);
      memory.deallocate(q, bytes, 8);
      BOOST_REQUIRE(watch.count() == 2u);
      BOOST_TEST(watch[0].owner == "passwords", at.name << ", " << bytes << " bytes");
      BOOST_TEST(watch[1].owner == "synchronized_secure_resource", at.name << ", " << bytes << " bytes");
      BOOST_TEST(watch.only(misuse_kind::foreign_pointer, 2));
      other.deallocate(p, bytes, 8);
      nameless.deallocate(q, bytes, 8);
      BOOST_TEST(watch.nothing());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_belonged_to_a_destroyed_resource_is_reported_with_its_name) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    for (const std::size_t bytes : every_size) {
      std::optional<secure_resource> other(std::in_place, subject_at(at.level, "passwords"));
      unsigned char* const p = get(*other, bytes);
      other->deallocate(get(*other, bytes), bytes, 8);
      other.reset();
      const misuse_watch watch;
      memory.deallocate(p, bytes, 8);
      BOOST_REQUIRE(watch.count() == 1u);
      BOOST_TEST(watch[0].owner == "passwords, which is gone", at.name << ", " << bytes << " bytes");
      BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    }
  }
}

// ---- sizes that cannot be

BOOST_AUTO_TEST_CASE(a_size_that_overflows_is_refused_and_changes_nothing) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    void* const p = memory.allocate(64, 8);
    const memory_usage before = memory.usage();
    for (const std::size_t bytes : {most, most - 1, most - 7, most - 8, most - 63, most - 64, most - 4095, most - 4096,
                                    most - 8191, most - mebibyte, most / 2 + 1, most / 2, most / 2 - 4096}) {
      for (const std::size_t alignment : {std::size_t{1}, std::size_t{8}, std::size_t{4096}, mebibyte}) {
        BOOST_CHECK_THROW((void)memory.allocate(bytes, alignment), allocation_error);
        BOOST_TEST(memory.try_allocate(bytes, alignment) == nullptr);
      }
    }
    for (const std::size_t alignment : {most / 2 + 1, most / 4 + 1}) {
      if (narrow) break;  // there are such addresses
      BOOST_CHECK_THROW((void)memory.allocate(1, alignment), allocation_error);
    }
    BOOST_TEST((memory.usage() == before));
    memory.deallocate(p, 64, 8);
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_SUITE_END()
