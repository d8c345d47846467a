// What a memory tool sees of an arena. The arena's library may be built plainly; this program must not be.

#include <allot/arena/chained_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <boost/test/unit_test.hpp>

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

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_arenas)

BOOST_AUTO_TEST_CASE(what_is_handed_out_and_given_back_can_be_used_freely) {
  const auto outcome = test::run_child("watched_inside");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(writes_outside_blocks_and_after_their_end_are_reported) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const char* name :
       {"watched_past_a_block", "watched_past_an_odd_block", "watched_before_the_first_block",
        "watched_before_the_first_block_of_a_virtual_arena", "watched_past_the_last_block_in_a_buffer",
        "watched_after_release", "watched_after_clear", "watched_after_deallocate", "watched_past_a_block_of_pages",
        "watched_past_a_shrunk_block_of_pages"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.says("AddressSanitizer"), name);
    BOOST_TEST(outcome.exit_code != 0, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
