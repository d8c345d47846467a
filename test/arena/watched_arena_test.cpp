// What a memory tool sees of an arena. The arena's library may be built plainly; this program must not be.

#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/block/page_block.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <utility>

#include "support/child.hpp"

using namespace allot;

namespace {

void write(void* p, std::ptrdiff_t offset) { static_cast<volatile char*>(p)[offset] = 1; }

chained_arena_options virtual_options() {
  chained_arena_options options;
  options.virtual_blocks = true;
  return options;
}

template <class Use>
void with_each_backing(Use use) {
  static std::array<std::byte, 4096> buffer;
  chained_arena from_upstream;
  chained_arena from_buffer(buffer.data(), buffer.size());
  chained_arena from_system(virtual_options());
  use(from_upstream);
  use(from_buffer);
  use(from_system);
}

const test::child_program past{"watched_past_a_block", [] {
                                 chained_arena arena;
                                 void* p = arena.allocate(16);
                                 (void)arena.allocate(16);
                                 write(p, 16);
                               }};
const test::child_program past_odd{"watched_past_an_odd_block", [] {
                                     chained_arena arena;
                                     void* p = arena.allocate(13);
                                     (void)arena.allocate(16);
                                     write(p, 13);
                                   }};
const test::child_program before{"watched_before_the_first_block", [] {
                                   chained_arena arena;
                                   write(arena.allocate(16), -1);
                                 }};
const test::child_program before_virtual{"watched_before_the_first_block_of_a_virtual_arena", [] {
                                           chained_arena arena(virtual_options());
                                           write(arena.allocate(16), -1);
                                         }};
const test::child_program past_in_buffer{"watched_past_the_last_block_in_a_buffer", [] {
                                           std::array<std::byte, 256> buffer;
                                           chained_arena arena(buffer.data(), buffer.size());
                                           write(arena.allocate(16), 16);
                                         }};
const test::child_program after_release{"watched_after_release", [] {
                                          chained_arena arena;
                                          void* p = arena.allocate(16);
                                          arena.release();
                                          write(p, 0);
                                        }};
const test::child_program after_clear{"watched_after_clear", [] {
                                        chained_arena arena;
                                        void* p = arena.allocate(16);
                                        arena.clear();
                                        write(p, 0);
                                      }};
const test::child_program after_deallocate{"watched_after_deallocate", [] {
                                             chained_arena arena;
                                             void* p = arena.allocate(16);
                                             arena.deallocate(p, 16);
                                             write(p, 0);
                                           }};
const test::child_program past_page_block{"watched_past_a_block_of_pages", [] {
                                            page_resource pages;
                                            write(pages.allocate(20), 20);
                                          }};
const test::child_program past_shrunk_page_block{"watched_past_a_shrunk_block_of_pages", [] {
                                                   page_resource pages;
                                                   void* p = pages.allocate(200);
                                                   if (!pages.try_expand(p, 200, 20, 16)) return;
                                                   write(p, 20);
                                                 }};
const test::child_program inside{"watched_inside", [] {
                                   with_each_backing([](chained_arena& arena) {
                                     for (int round = 0; round < 3; ++round) {
                                       for (std::size_t bytes = 1; bytes < 3000; bytes += 7) {
                                         void* p = arena.allocate(bytes);
                                         for (std::size_t at = 0; at < bytes; ++at)
                                           write(p, static_cast<std::ptrdiff_t>(at));
                                       }
                                       arena.clear();
                                     }
                                   });
                                   // What arenas give back is clean: buffers, upstream memory, pages mapped again.
                                   std::array<std::byte, 512> buffer;
                                   {
                                     chained_arena arena(buffer.data(), buffer.size());
                                     (void)arena.allocate(100);
                                   }
                                   for (std::size_t at = 0; at < buffer.size(); ++at)
                                     write(buffer.data(), static_cast<std::ptrdiff_t>(at));
                                   chained_arena_options options = virtual_options();
                                   options.reserve = std::size_t{1} << 20;
                                   for (int round = 0; round < 20; ++round) {
                                     chained_arena(options).allocate(5000);
                                     const auto again = os::map(options.reserve, 1, os::access::read_write);
                                     for (std::size_t at = 0; at < options.reserve; at += 8)
                                       write(again.address, static_cast<std::ptrdiff_t>(at));
                                     (void)os::release(again.address, options.reserve);
                                   }
                                   {
                                     std::pmr::monotonic_buffer_resource upstream(buffer.data(), buffer.size());
                                     chained_arena(128, &upstream).allocate(50);
                                   }
                                   for (std::size_t at = 0; at < buffer.size(); ++at)
                                     write(buffer.data(), static_cast<std::ptrdiff_t>(at));
                                   page_resource pages;
                                   for (int round = 0; round < 20; ++round) {
                                     chained_arena(&pages).allocate(5000);
                                     void* p = pages.allocate(100);
                                     if (!pages.try_expand(p, 100, 20000, 16)) {
                                       pages.deallocate(p, 100);
                                       p = pages.allocate(20000);
                                     }
                                     for (std::ptrdiff_t at = 0; at < 20000; ++at) write(p, at);
                                     pages.deallocate(p, 20000);
                                   }
                                 }};

// ---- monotonic arenas

const test::child_program past_own{"watched_past_a_block_of_an_own_reservation", [] {
                                     monotonic_arena arena;
                                     void* p = arena.allocate(16);
                                     (void)arena.allocate(16);
                                     write(p, 16);
                                   }};
const test::child_program past_position{"watched_past_the_position", [] {
                                          monotonic_arena arena;
                                          write(arena.push(16), 16);
                                        }};
const test::child_program past_in_callers_buffer{"watched_past_the_position_in_a_callers_buffer", [] {
                                                   std::array<std::byte, 256> buffer;
                                                   monotonic_arena arena(buffer.data(), buffer.size());
                                                   write(arena.push(16), 16);
                                                 }};
const test::child_program past_in_local{"watched_past_the_position_of_a_local_arena", [] {
                                          local_arena<256> arena;
                                          write(arena.push(16), 16);
                                        }};
const test::child_program past_in_owned{"watched_past_the_position_in_an_owned_block", [] {
                                          monotonic_arena arena{page_block(10000)};
                                          write(arena.push(16), 16);
                                        }};
const test::child_program past_in_viewed{"watched_past_the_position_in_a_viewed_block", [] {
                                           const page_block block(10000);
                                           monotonic_arena arena(block);
                                           write(arena.push(16), 16);
                                         }};
const test::child_program past_in_upstreams{"watched_past_the_position_in_an_upstreams_block", [] {
                                              monotonic_arena arena(1000, std::pmr::new_delete_resource());
                                              write(arena.push(16), 16);
                                            }};
const test::child_program after_pop{"watched_after_pop", [] {
                                      monotonic_arena arena;
                                      void* p = arena.push(64);
                                      arena.pop(32);
                                      write(p, 32);
                                    }};
const test::child_program after_pop_chained{"watched_after_pop_across_blocks", [] {
                                              chained_arena arena(256);
                                              (void)arena.push(16);
                                              void* p = arena.push(200);
                                              (void)arena.push(5000);
                                              arena.pop_to(16);
                                              write(p, 0);
                                            }};
const test::child_program after_rewind{"watched_after_rewind", [] {
                                         monotonic_arena arena;
                                         const arena_mark mark = arena.mark();
                                         void* p = arena.push(64);
                                         arena.rewind(mark);
                                         write(p, 0);
                                       }};
const test::child_program after_scope{"watched_after_a_scope", [] {
                                        local_arena<256> arena;
                                        void* p = nullptr;
                                        {
                                          const scope frame(arena);
                                          p = arena.push(64);
                                        }
                                        write(p, 0);
                                      }};
const test::child_program after_clear_monotonic{"watched_after_clear_of_a_monotonic_arena", [] {
                                                  monotonic_arena arena;
                                                  void* p = arena.push(64);
                                                  arena.clear();
                                                  write(p, 63);
                                                }};
const test::child_program after_deallocate_monotonic{"watched_after_deallocate_in_a_monotonic_arena", [] {
                                                       monotonic_arena arena;
                                                       void* p = arena.allocate(64);
                                                       (void)arena.allocate(64);
                                                       arena.deallocate(p, 64);
                                                       write(p, 0);
                                                     }};
const test::child_program after_shrink{"watched_past_a_shrunk_block", [] {
                                         monotonic_arena arena;
                                         void* p = arena.allocate(64);
                                         (void)arena.allocate(64);
                                         if (arena.try_expand(p, 64, 8, 16)) write(p, 8);
                                       }};
const test::child_program past_slice{"watched_past_what_a_slice_uses", [] {
                                       monotonic_arena arena;
                                       monotonic_arena slice = arena.carve(256);
                                       write(slice.push(16), 16);
                                     }};
const test::child_program after_slice{"watched_after_the_end_of_a_slice", [] {
                                        monotonic_arena arena;
                                        void* p = nullptr;
                                        {
                                          monotonic_arena slice = arena.carve(256);
                                          p = slice.push(16);
                                        }
                                        arena.clear();
                                        write(p, 0);
                                      }};
const test::child_program through_parent{"watched_into_a_slice_through_its_parent", [] {
                                           monotonic_arena arena;
                                           void* p = arena.push(64);
                                           const monotonic_arena slice = arena.carve(256);
                                           write(p, 64);
                                         }};

template <class Arena>
void use_freely(Arena& arena, std::size_t room) {
  for (int round = 0; round < 3; ++round) {
    while (arena.position() + 600 < room) {
      const arena_mark mark = arena.mark();
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{13}, std::size_t{100}}) {
        void* p = arena.push(bytes, 1);
        for (std::size_t at = 0; at < bytes; ++at) write(p, static_cast<std::ptrdiff_t>(at));
        p = arena.allocate(bytes, 8);
        for (std::size_t at = 0; at < bytes; ++at) write(p, static_cast<std::ptrdiff_t>(at));
        if (arena.try_expand(p, bytes, bytes + 40, 8)) write(p, static_cast<std::ptrdiff_t>(bytes) + 39);
      }
      if (round == 1) arena.rewind(mark);
      void* p = arena.push_zeroed(64);
      for (std::ptrdiff_t at = 0; at < 64; ++at) write(p, at);
    }
    arena.clear();
  }
}

const test::child_program inside_monotonic{"watched_inside_monotonic_arenas", [] {
                                             for (const bool checked : {false, true}) {
                                               monotonic_arena_options options;
                                               options.size = 20000;
                                               options.checked = checked;
                                               std::array<std::byte, 5000> buffer;
                                               {
                                                 monotonic_arena own(options);
                                                 use_freely(own, 20000);
                                                 monotonic_arena on_buffer(buffer.data(), buffer.size(), options);
                                                 use_freely(on_buffer, buffer.size());
                                                 {
                                                   monotonic_arena slice = own.carve(5000);
                                                   use_freely(slice, 5000);
                                                 }
                                                 own.clear();
                                                 use_freely(own, 20000);
                                                 (void)own.push(100);
                                                 own.clear(0);
                                                 use_freely(own, 20000);
                                                 (void)own.resize(10'000'000);
                                                 use_freely(own, 200'000);
                                                 (void)own.resize(8192);
                                                 use_freely(own, 8192);
                                                 own.release();
                                                 use_freely(own, 8192);
                                                 options.upstream = std::pmr::new_delete_resource();
                                                 monotonic_arena on_upstream(options);
                                                 use_freely(on_upstream, 20000);
                                                 options.upstream = nullptr;
                                               }
                                               for (std::byte& b : buffer) write(&b, 0);  // it is the caller's again
                                               page_block block(20000);
                                               {
                                                 monotonic_arena viewing(block, options);
                                                 use_freely(viewing, 20000);
                                                 write(viewing.push(10), 9);
                                               }
                                               for (std::size_t at = 0; at < block.size(); ++at)
                                                 write(block.data(), static_cast<std::ptrdiff_t>(at));
                                               {
                                                 monotonic_arena viewing(block, options);
                                                 (void)viewing.push(10);
                                                 block.resize(100'000);
                                                 (void)viewing.try_allocate(1);  // sees that
                                                 for (std::size_t at = 0; at < block.size(); ++at)
                                                   write(block.data(), static_cast<std::ptrdiff_t>(at));
                                               }
                                               monotonic_arena owner(std::move(block), options);
                                               use_freely(owner, 20000);
                                               owner.release();
                                               use_freely(owner, 20000);
                                               // Address space that was an arena's can be used by others.
                                               for (int round = 0; round < 20; ++round) {
                                                 {
                                                   monotonic_arena gone(options);
                                                   (void)gone.push(5000);
                                                 }
                                                 const auto again =
                                                     os::map(std::size_t{1} << 20, 1, os::access::read_write);
                                                 for (std::ptrdiff_t at = 0; at < 1 << 20; at += 8)
                                                   write(again.address, at);
                                                 (void)os::release(again.address, std::size_t{1} << 20);
                                               }
                                             }
                                           }};

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_arenas)

BOOST_AUTO_TEST_CASE(what_is_handed_out_and_given_back_can_be_used_freely) {
  const auto outcome = test::run_child("watched_inside");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
  const auto monotonic = test::run_child("watched_inside_monotonic_arenas");
  BOOST_TEST(monotonic.exit_code == 0, monotonic.output);
}

BOOST_AUTO_TEST_CASE(a_block_of_pages_is_its_owners_again_when_it_was_resized_under_an_arena) {
  constexpr std::size_t bytes = std::size_t{1} << 20;
  for (const std::size_t next : {bytes / 4, bytes * 4}) {
    page_block block(bytes);
    const monotonic_arena below(static_cast<const page_block&>(block));
    monotonic_arena arena(static_cast<const page_block&>(block));
    arena.push(10);
    block.resize(next);
    BOOST_CHECK_THROW(arena.push(10), allocation_error);
    std::memset(block.data(), 1, block.size());
    page_block moved(std::move(block));
    std::memset(moved.data(), 1, moved.size());
    page_block perhaps_where_that_was(bytes);
    std::memset(perhaps_where_that_was.data(), 1, bytes);
  }
  page_options options;
  options.flags = page_flags::rw_zeroed;
  options.checked = true;
  monotonic_arena owner(page_block(bytes, options));
  owner.push(10);
  owner.release();
  owner.push(10);
}

BOOST_AUTO_TEST_CASE(writes_outside_blocks_and_after_their_end_are_reported) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const char* name : {"watched_past_a_block",
                           "watched_past_an_odd_block",
                           "watched_before_the_first_block",
                           "watched_before_the_first_block_of_a_virtual_arena",
                           "watched_past_the_last_block_in_a_buffer",
                           "watched_after_release",
                           "watched_after_clear",
                           "watched_after_deallocate",
                           "watched_past_a_block_of_pages",
                           "watched_past_a_shrunk_block_of_pages",
                           "watched_past_a_block_of_an_own_reservation",
                           "watched_past_the_position",
                           "watched_past_the_position_in_a_callers_buffer",
                           "watched_past_the_position_of_a_local_arena",
                           "watched_past_the_position_in_an_owned_block",
                           "watched_past_the_position_in_a_viewed_block",
                           "watched_past_the_position_in_an_upstreams_block",
                           "watched_after_pop",
                           "watched_after_pop_across_blocks",
                           "watched_after_rewind",
                           "watched_after_a_scope",
                           "watched_after_clear_of_a_monotonic_arena",
                           "watched_after_deallocate_in_a_monotonic_arena",
                           "watched_past_a_shrunk_block",
                           "watched_past_what_a_slice_uses",
                           "watched_after_the_end_of_a_slice",
                           "watched_into_a_slice_through_its_parent"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.says("AddressSanitizer"), name);
    BOOST_TEST(outcome.exit_code != 0, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
