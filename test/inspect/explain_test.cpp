#include <allot/adaptor/debug_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/secure_scratch.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;

namespace {

std::byte* bytes_of(void* p) { return static_cast<std::byte*>(p); }

bool says(const explanation& told, std::string_view text) {
  const bool found = std::string_view(told.headline()).find(text) != std::string_view::npos;
  if (!found) BOOST_TEST_MESSAGE(std::string_view(told.headline()));
  return found;
}

bool names(const explanation::holder& who, std::string_view name, std::string_view kind) {
  return std::string_view(who.name) == name && who.kind == kind;
}

/// What a memory tool has behind a block counts, too.
std::string block_of(const resource& owner, const void* p) {
  return std::to_string(owner.find_block(p).bytes) + "-byte block (its size rounded up)";
}

monotonic_arena_options arena_named(std::string_view name) {
  monotonic_arena_options options;
  options.name = name;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explanations)

BOOST_AUTO_TEST_CASE(an_address_of_no_resource_is_never_ours) {
  static int nobodys = 0;
  const explanation told = explain(&nobodys);
  BOOST_TEST(told.holder_count == 0u);
  BOOST_TEST(says(told, "in no memory that a resource has, or had lately"));
  BOOST_TEST(says(explain(nullptr), "in no memory"));
}

BOOST_AUTO_TEST_CASE(a_chained_arena_tells_what_went_back_from_what_was_never_used) {
  alignas(16) std::array<std::byte, 128> buffer;
  chained_arena arena(buffer.data(), buffer.size(), chained_arena_options{});
  const auto in_use_before = [](const void* p) { return says(explain(p), "in what was in use until it went back"); };
  const auto never_in_use = [](const void* p) { return says(explain(p), "in what has not been in use"); };
  std::byte* const early = bytes_of(arena.push(48));
  arena.pop_to(0);
  BOOST_TEST(in_use_before(early + 40));
  BOOST_TEST(never_in_use(early + 48));
  (void)arena.push(128);
  (void)arena.push(8);
  const auto mark = arena.mark();
  std::byte* const p = bytes_of(arena.push(48, 1));
  arena.rewind(mark);
  BOOST_TEST(in_use_before(p));
  BOOST_TEST(in_use_before(p + 47));
  BOOST_TEST(never_in_use(p + 48));
  arena.deallocate(arena.push(64, 1), 64, 1);
  std::byte* const far = bytes_of(arena.push(std::size_t{1} << 16));
  arena.clear();
  BOOST_TEST(in_use_before(far));
  BOOST_TEST(in_use_before(p));
  BOOST_TEST(never_in_use(p + 200));
  arena.release();
  BOOST_TEST(in_use_before(&buffer[127]));
}

BOOST_AUTO_TEST_CASE(the_header_of_a_chained_block_is_no_block) {
  chained_arena arena;
  const void* const header = explain(arena.push(16)).holders[0].begin;
  BOOST_TEST(says(explain(header), ", where no block is now, of a chained_arena"));
  arena.clear();
  BOOST_TEST(says(explain(header), ", where no block is now, of a chained_arena"));
}

BOOST_AUTO_TEST_CASE(headers_written_over_are_not_followed) {
  chained_arena arena;
  std::byte* const p = bytes_of(arena.push(16));
  (void)arena.push(std::size_t{1} << 16);
  std::array<std::byte, 48> header;
  const void* const begin = explain(p).holders[0].begin;
  void* const bytes = const_cast<void*>(begin);
  std::memcpy(header.data(), bytes, header.size());
  std::memset(bytes, 0x41, header.size());
  const explanation told = explain(p);
  BOOST_TEST((told.sight.state == block_state::unknown));
  BOOST_TEST(says(told, " bytes at 0x"));
  BOOST_TEST(says(told, ", of a chained_arena without a name"));
  std::memcpy(bytes, &begin, sizeof begin);  // a block that follows itself
  BOOST_TEST((explain(p).sight.state == block_state::unknown));
  std::memcpy(bytes, header.data(), header.size());
  BOOST_TEST((explain(p).sight.state == block_state::used));
}

BOOST_AUTO_TEST_CASE(what_is_in_use_again_is_not_said_to_be_memory_of_a_destroyed_one) {
  monotonic_arena parent(arena_named("parent"));
  const auto mark = parent.mark();
  void* p = nullptr;
  {
    monotonic_arena part = parent.carve(256, 16, "part");
    p = part.push(16);
  }
  parent.rewind(mark);
  BOOST_TEST(says(explain(p), "; earlier it was memory of 'part' (monotonic_arena), which is destroyed"));
  (void)parent.push(512);
  BOOST_TEST(explain(p).last.bytes == 0u);
  BOOST_TEST((std::string_view(explain(p).headline()).find("destroyed") == std::string_view::npos));
}

BOOST_AUTO_TEST_CASE(arenas_that_overlap_are_not_said_to_be_one_inside_the_other) {
  alignas(16) static std::array<std::byte, 4096> buffer;
  monotonic_arena audio(buffer.data(), 2200, arena_named("audio"));
  monotonic_arena video(buffer.data() + 2048, 2048, arena_named("video"));
  const explanation told = explain(&buffer[2100]);
  BOOST_TEST(says(told, "of 'video' (monotonic_arena), whose memory overlaps that of 'audio' (monotonic_arena)"));
}

BOOST_AUTO_TEST_CASE(what_a_shrinking_block_gave_back_is_remembered_until_it_grows_again) {
  page_resource pages;
  const std::size_t page = os::facts().page_size;
  std::byte* const p = bytes_of(pages.allocate(2 * page, page));
  BOOST_TEST_REQUIRE(pages.try_expand(p, 2 * page, 100, page));
  BOOST_TEST(says(explain(p + page), "of a page_resource without a name, which gave it back"));
  if (pages.try_expand(p, 100, 2 * page, page)) {
    BOOST_TEST(explain(p + page).last.bytes == 0u);
    BOOST_TEST(explain(p + page).holder_count == 1u);
    pages.deallocate(p, 2 * page, page);
  } else {
    pages.deallocate(p, 100, page);
  }
}

BOOST_AUTO_TEST_CASE(a_block_of_no_bytes_is_live_at_its_address) {
  page_resource pages;
  guarded_page_resource guarded;
  for (resource* owner : {static_cast<resource*>(&pages), static_cast<resource*>(&guarded)}) {
    void* const p = owner->allocate(0);
    BOOST_TEST(says(explain(p), "the start of a live 0-byte block at 0x"));
    BOOST_TEST((explain(p).sight.state == block_state::used));
    owner->deallocate(p, 0);
  }
}

BOOST_AUTO_TEST_CASE(a_resource_is_asked_only_on_the_thread_that_last_had_it_take_memory) {
  pool_resource pool;
  monotonic_arena arena(arena_named("frame"));
  chained_arena chain;
  std::array<void*, 3> blocks{pool.allocate(48), arena.push(8), chain.push(8)};
  for (const void* p : blocks) BOOST_TEST((explain(p).how_much == explanation::detail::told));
  std::thread([&] {
    for (const void* p : blocks) BOOST_TEST((explain(p).how_much == explanation::detail::another_thread));
    for (int i = 0; i < 10000; ++i) (void)pool.allocate(48);
    (void)arena.push(std::size_t{10} << 20);
    (void)chain.push(std::size_t{10} << 20);
    for (const void* p : blocks) BOOST_TEST((explain(p).how_much == explanation::detail::told));
  }).join();
  for (const void* p : blocks) BOOST_TEST((explain(p).how_much == explanation::detail::another_thread));
}

BOOST_AUTO_TEST_CASE(a_thread_is_not_taken_for_one_that_ended) {
  pool_resource pool;
  void* p = nullptr;
  std::thread([&] { p = pool.allocate(48); }).join();
  std::thread([&] { BOOST_TEST((explain(p).how_much == explanation::detail::another_thread)); }).join();
}

BOOST_AUTO_TEST_CASE(an_arena_on_a_buffer_tells_what_is_in_use_what_was_and_what_never_was) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  alignas(16) std::array<std::byte, 1000> buffer;
  monotonic_arena arena(buffer.data(), buffer.size(), arena_named("frame"));
  (void)arena.push(100);
  const auto mark = arena.mark();
  (void)arena.push(200);
  BOOST_TEST(says(explain(&buffer[150]), "150 bytes into the 312 bytes in use at 0x"));
  arena.rewind(mark);
  const explanation gone_back = explain(&buffer[150]);
  BOOST_TEST((gone_back.sight.state == block_state::free));
  BOOST_TEST(gone_back.sight.used_before);
  BOOST_TEST(says(gone_back, "51 bytes past the end of the 100 bytes in use at 0x"));
  BOOST_TEST(says(gone_back, "in what was in use until it went back"));
  BOOST_TEST(says(gone_back, "of 'frame' (monotonic_arena)"));
  BOOST_TEST(says(explain(&buffer[999]), "in what has not been in use"));
  BOOST_TEST(explain(buffer.data() + buffer.size()).holder_count == 0u);
}

BOOST_AUTO_TEST_CASE(a_destroyed_arena_is_remembered_until_its_memory_has_another_owner) {
  alignas(16) static std::array<std::byte, 256> buffer;
  std::optional<monotonic_arena> arena;
  arena.emplace(buffer.data(), buffer.size(), arena_named("frame"));
  BOOST_TEST(names(explain(&buffer[5]).holders[0], "frame", "monotonic_arena"));
  arena.reset();
  const explanation told = explain(&buffer[5]);
  BOOST_TEST(told.holder_count == 0u);
  BOOST_TEST(told.destroyed);
  BOOST_TEST(says(told, "5 bytes into what were the 256 bytes at 0x"));
  BOOST_TEST(says(told, "of 'frame' (monotonic_arena), which is destroyed"));
  arena.emplace(buffer.data(), buffer.size(), arena_named("scene"));
  BOOST_TEST(explain(&buffer[5]).last.bytes == 0u);
  BOOST_TEST(names(explain(&buffer[5]).holders[0], "scene", "monotonic_arena"));
}

BOOST_AUTO_TEST_CASE(resources_inside_resources_are_told_from_the_inside_out) {
  heap_options heap_named;
  heap_named.name = "all";
  coalescing_heap heap(heap_named);
  pool_options pool_named;
  pool_named.name = "chunks";
  pool_resource pool(pool_named, &heap);
  monotonic_arena_options options = arena_named("frame");
  options.size = 512;
  options.upstream = &pool;
  std::optional<monotonic_arena> arena(options);
  void* const p = arena->push(10);
  const explanation told = explain(p);
  BOOST_TEST_REQUIRE(told.holder_count == 3u);
  BOOST_TEST(names(told.holders[0], "frame", "monotonic_arena"));
  BOOST_TEST(names(told.holders[1], "chunks", "pool_resource"));
  BOOST_TEST(names(told.holders[2], "all", "coalescing_heap"));
  BOOST_TEST(says(told, "whose memory comes from 'chunks' (pool_resource), whose memory comes from 'all'"));
  monotonic_arena slice = arena->carve(100, 16, "slice");
  BOOST_TEST(names(explain(slice.push(1)).holders[0], "slice", "monotonic_arena"));
  slice.release();
  arena.reset();
  BOOST_TEST(says(explain(p), "a free " + block_of(pool, p)));
  BOOST_TEST(says(explain(p), "of 'chunks' (pool_resource)"));
  BOOST_TEST(says(explain(p), "it was memory of 'frame' (monotonic_arena), which is destroyed"));
}

BOOST_AUTO_TEST_CASE(a_moved_arena_is_the_one_that_is_named) {
  alignas(16) std::array<std::byte, 256> buffer;
  monotonic_arena arena(buffer.data(), buffer.size(), arena_named("frame"));
  const monotonic_arena moved(std::move(arena));
  const explanation told = explain(&buffer[100]);
  BOOST_TEST(told.holder_count == 1u);
  BOOST_TEST((told.how_much == explanation::detail::told));
  BOOST_TEST(told.sight.block.begin == buffer.data());
}

BOOST_AUTO_TEST_CASE(other_arenas_are_told_by_what_they_are) {
  local_arena<256> local(arena_named("local"));
  BOOST_TEST(names(explain(local.push(8)).holders[0], "local", "local_arena"));
  monotonic_arena reserved(arena_named("reserved"));
  void* const first = reserved.push(100);
  BOOST_TEST(says(explain(bytes_of(first) + 50), "50 bytes into the 100 bytes in use"));
  BOOST_TEST(says(explain(bytes_of(first) + reserved.size() - 1), "where there is no memory yet"));
  chained_arena_options options;
  options.name = "chain";
  alignas(16) std::array<std::byte, 100> buffer;
  chained_arena chain(buffer.data(), buffer.size(), options);
  BOOST_TEST(names(explain(chain.push(10)).holders[0], "chain", "chained_arena"));
  void* const second = chain.push(5000);
  BOOST_TEST(says(explain(bytes_of(second) + 1), "of 'chain' (chained_arena)"));
  chain.release();
  BOOST_TEST(says(explain(second), "'chain' (chained_arena), which gave it back"));
}

BOOST_AUTO_TEST_CASE(pools_and_heaps_tell_the_block_with_its_size_rounded_up) {
  pool_options pool_named;
  pool_named.name = "nodes";
  pool_named.checked = true;
  pool_resource pool(pool_named);
  void* const node = pool.allocate(41, 8);
  BOOST_TEST(says(explain(bytes_of(node) + 5), "5 bytes into a live " + block_of(pool, node)));
  pool.deallocate(node, 41, 8);
  BOOST_TEST(says(explain(node), "the start of a free " + block_of(pool, node)));
  void* const large = pool.allocate(1 << 20);
  BOOST_TEST(says(explain(bytes_of(large) + 5), "5 bytes into a live 1048576-byte block at 0x"));

  heap_options heap_named;
  heap_named.name = "scene";
  coalescing_heap heap(heap_named);
  void* const p = heap.allocate(40);
  BOOST_TEST(says(explain(bytes_of(p) + 39), "39 bytes into a live " + block_of(heap, p)));
  BOOST_TEST(
      says(explain(bytes_of(p) + (std::size_t{1} << 25)), "where no block is now, of 'scene' (coalescing_heap)"));

  general_resource general;
  void* const small = general.allocate(24);
  BOOST_TEST(says(explain(small), "of a general_resource without a name"));
  BOOST_TEST(explain(small).holder_count == 1u);
  BOOST_TEST(says(explain(small), "the start of a live " + block_of(general, small)));
  void* const medium = general.allocate(5000);
  BOOST_TEST(says(explain(bytes_of(medium) + 7), "7 bytes into a live 5"));
  general.deallocate(small, 24);
  general.deallocate(medium, 5000);
  pool.deallocate(large, 1 << 20);
  heap.deallocate(p, 40);
}

BOOST_AUTO_TEST_CASE(pools_for_many_threads_tell_what_can_be_told_without_stopping_them) {
  pool_options named;
  named.name = "shared";
  concurrent_pool pool(named);
  void* const p = pool.allocate(100, 8);
  BOOST_TEST(says(explain(p), "of 'shared' (concurrent_pool)"));
  BOOST_TEST(explain(p).sight.block.begin == p);
  pool.deallocate(p, 100, 8);
  concurrent_general_resource general;
  void* const q = general.allocate(100, 8);
  BOOST_TEST(explain(q).sight.block.begin == q);
  BOOST_TEST(names(explain(q).holders[0], "concurrent_general_resource", "concurrent_general_resource"));
  general.deallocate(q, 100, 8);
}

BOOST_AUTO_TEST_CASE(pages_tell_the_exact_size_and_what_is_slack) {
  page_resource_options named;
  named.name = "pages";
  page_resource pages(named);
  void* const p = pages.allocate(41);
  BOOST_TEST(says(explain(bytes_of(p) + 43), "3 bytes past the end of a live 41-byte block at 0x"));
  BOOST_TEST((explain(bytes_of(p) + 43).sight.state == block_state::slack));
  pages.deallocate(p, 41);
  BOOST_TEST(says(explain(p), "of 'pages' (page_resource), which gave it back"));

  reserving_resource_options reserving_named;
  reserving_named.name = "ranges";
  reserving_resource ranges(reserving_named);
  void* const q = ranges.allocate(41);
  BOOST_TEST(says(explain(bytes_of(q) + 43), "3 bytes past the end of a live 41-byte block at 0x"));
  const reservation range = ranges.reserve(1 << 20, 4096);
  BOOST_TEST(says(explain(range.data() + 5), "5 bytes into a live 1048576-byte block"));
  ranges.deallocate(q, 41);
  BOOST_TEST((explain(q).sight.state == block_state::free));
}

BOOST_AUTO_TEST_CASE(a_guarded_block_tells_guards_slack_quarantine_and_stacks) {
  guarded_page_options options;
  options.name = "hunt";
  options.record_stacks = true;
  guarded_page_resource pages(options);
  void* const p = pages.allocate(41, 1);
  const explanation over = explain(bytes_of(p) + 43);
  BOOST_TEST(says(over, "3 bytes past the end of a live 41-byte block at 0x"));
  BOOST_TEST(says(over, "in a guard that faults, of 'hunt' (guarded_page_resource)"));
  BOOST_TEST(over.sight.allocated.count != 0u);
  BOOST_TEST(to_string(over).find("  allocated at:\n    #0 0x") != std::string::npos);
  const explanation under = explain(bytes_of(p) - 2);
  BOOST_TEST(says(under, "2 bytes before a live 41-byte block"));
  BOOST_TEST((under.sight.state == block_state::slack));
  pages.deallocate(p, 41, 1);
  const explanation freed = explain(bytes_of(p) + 5);
  BOOST_TEST(says(freed, "5 bytes into a freed 41-byte block at 0x"));
  BOOST_TEST(says(freed, "which is in quarantine"));
  BOOST_TEST((freed.sight.state == block_state::quarantined));
  BOOST_TEST(to_string(freed).find("  freed at:\n") != std::string::npos);
  pages.trim();
  BOOST_TEST(says(explain(p), "'hunt' (guarded_page_resource), which gave it back"));
}

BOOST_AUTO_TEST_CASE(a_debugged_block_tells_its_exact_size_on_any_upstream) {
  debug_options options;
  options.name = "orders";
  options.report_leaks = false;
  std::optional<debug_resource> memory;
  memory.emplace(*std::pmr::new_delete_resource(), options);
  void* const p = memory->allocate(41, 8);
  BOOST_TEST(says(explain(bytes_of(p) + 43), "3 bytes past the end of a live 41-byte block at 0x"));
  BOOST_TEST(says(explain(bytes_of(p) - 2), "2 bytes before a live 41-byte block at 0x"));
  BOOST_TEST(says(explain(p), "of 'orders' (debug_resource)"));
  memory->deallocate(p, 41, 8);
  BOOST_TEST((explain(p).sight.state == block_state::quarantined));
  memory.reset();
  BOOST_TEST(says(explain(p), "'orders' (debug_resource), which is destroyed"));
}

BOOST_AUTO_TEST_CASE(a_secure_block_tells_its_exact_size_and_its_state) {
  secure_options options;
  options.name = "keys";
  std::optional<secure_resource> memory(options);
  void* const p = memory->allocate(41, 8);
  BOOST_TEST(says(explain(bytes_of(p) + 5), "5 bytes into a live 41-byte block at 0x"));
  BOOST_TEST((explain(bytes_of(p) + 41).sight.state == block_state::slack));
  memory->deallocate(p, 41, 8);
  BOOST_TEST((explain(p).sight.state == block_state::quarantined));
  void* const large = memory->allocate(1 << 20);
  BOOST_TEST(says(explain(bytes_of(large) + 5), "5 bytes into a live 1048576-byte block at 0x"));
  memory->deallocate(large, 1 << 20);
  memory.reset();
  BOOST_TEST(says(explain(p), "of 'keys' (secure_resource), which is gone; they are kept inaccessible"));
}

BOOST_AUTO_TEST_CASE(a_secure_scratch_tells_its_guards_and_what_was_wiped) {
  secure_scratch_options options;
  options.name = "passwords";
  secure_scratch memory(options);
  void* p = nullptr;
  {
    const secure_scratch::scope scope(memory);
    p = memory.allocate(100);
    BOOST_TEST(says(explain(bytes_of(p) + 5), "5 bytes into the 100 bytes in use at 0x"));
    BOOST_TEST(says(explain(bytes_of(p) - 5), "in a guard that faults, of 'passwords' (secure_scratch)"));
  }
  BOOST_TEST(says(explain(bytes_of(p) + 5), "in what was in use until it went back"));
}

BOOST_AUTO_TEST_CASE(a_slice_of_a_budget_is_told_by_its_name) {
  memory_budget budget({1 << 20, 0});
  budget_slice slice = budget.permanent("audio", 4096);
  void* const p = slice.allocate(100);
  BOOST_TEST(says(explain(bytes_of(p) + 5), "5 bytes into the 100 bytes in use at 0x"));
  BOOST_TEST(says(explain(p), "of 'audio' (budget_slice)"));
  budget_slice moved(std::move(slice));
  BOOST_TEST(names(explain(p).holders[0], "audio", "budget_slice"));
}

BOOST_AUTO_TEST_CASE(the_text_is_cut_off_where_the_buffer_ends) {
  std::array<char, 20> text{};
  const explanation told = explain(nullptr);
  BOOST_TEST(format_explanation(told, text.data(), 12) == 12u);
  BOOST_TEST(std::string(text.data()) == "0x0: in no m");
  BOOST_TEST(to_string(told) == std::string_view(told.headline()));
}

BOOST_AUTO_TEST_SUITE_END()
