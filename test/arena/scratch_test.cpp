#if !defined(_WIN32)
#include <pthread.h>
#endif

#include <algorithm>
#include <allot/adaptor/fallback_resource.hpp>
#include <allot/adaptor/size_routing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/arena/scratch_set.hpp>
#include <allot/block/page_block.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <forward_list>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::all_are;
using test::fill;
using test::misuse_watch;
using test::with_code;
using testing::counting_resource;

namespace {

scratch_options checked_options(bool checked) {
  scratch_options options;
  options.checked = checked;
  return options;
}

/// A scope whose end the test decides.
std::unique_ptr<scratch> begin(scratch_pair& pair) { return std::unique_ptr<scratch>(new scratch(pair.get())); }

/// Whether get() keeps away from the arena of `taken` when told these conflicts.
template <class... Conflicts>
bool avoids(scratch_pair& pair, const scratch& taken, const Conflicts&... conflicts) {
  const scratch got = pair.get(conflicts...);
  return &got.whole_arena() != &taken.whole_arena() && &pair.pick(conflicts...) != &taken.whole_arena();
}

/// An adaptor that tells only whose memory it really is.
class root_only final : public resource {
 public:
  explicit root_only(resource& parent) : parent_(parent) {}
  std::string_view kind() const noexcept override { return "root_only"; }
  const std::pmr::memory_resource* root() const noexcept override { return parent_.root(); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return parent_.allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    parent_.deallocate(p, bytes, alignment);
  }
  resource& parent_;
};

/// An adaptor that tells only where its memory comes from.
class upstream_only final : public resource {
 public:
  explicit upstream_only(std::pmr::memory_resource& parent) : parent_(parent) {}
  std::string_view kind() const noexcept override { return "upstream_only"; }
  std::pmr::memory_resource* upstream() const noexcept override { return &parent_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return parent_.allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    parent_.deallocate(p, bytes, alignment);
  }
  std::pmr::memory_resource& parent_;
};

/// Runs `work` in a thread of its own and waits for it.
template <class Work>
void in_thread(Work work) {
  std::thread(std::move(work)).join();
}

/// Something to do when a thread's thread_local objects are destroyed.
struct thread_end {
  std::function<void()> run;
  ~thread_end() {
    if (run) run();
  }
};

#if !defined(_WIN32)
/// A pthread key whose destructor runs after the library's: in the second round, the first one sets it again.
struct late_key {
  pthread_key_t key{};
  static inline late_key* current = nullptr;
  std::function<void()> run;
  int rounds = 0;

  late_key() {
    current = this;
    ::pthread_key_create(&key, [](void*) {
      if (++current->rounds < 2) {
        ::pthread_setspecific(current->key, current);
      } else {
        current->run();
      }
    });
  }
  ~late_key() { ::pthread_key_delete(key); }
  void arm() const { ::pthread_setspecific(key, this); }
};
#endif

static_assert(!std::is_copy_constructible_v<scratch> && !std::is_move_constructible_v<scratch>);
static_assert(!std::is_copy_assignable_v<scratch> && !std::is_move_assignable_v<scratch>);
static_assert(std::is_nothrow_default_constructible_v<scratch_pair>);
static_assert(!std::is_copy_constructible_v<scratch_set> && !std::is_move_constructible_v<scratch_set>);
static_assert(!std::is_copy_constructible_v<scratch_set::lease> &&
              std::is_nothrow_move_constructible_v<scratch_set::lease>);

// ---- what ends a process, or must be the first thing in one

const test::child_program unknown_page_size{"scratch_without_a_page_size", [] {
                                              const os::failure_injection injection(1, os::os_call::page_size);
                                              try {
                                                (void)thread_scratch();
                                                std::exit(1);
                                              } catch (const allocation_error& error) {
                                                std::exit(error.code() == memory_errc::page_size_unknown ? 0 : 2);
                                              }
                                            }};

#if !defined(_WIN32)
const test::child_program no_keys_left{"scratch_without_a_thread_key", [] {
                                         std::vector<pthread_key_t> keys;
                                         for (pthread_key_t key{}; ::pthread_key_create(&key, nullptr) == 0;)
                                           keys.push_back(key);
                                         {
                                           const os::failure_injection counted(0, os::os_call::unmap);
                                           try {
                                             (void)thread_scratch();
                                             std::exit(1);
                                           } catch (const allocation_error&) {
                                           }
                                           if (counted.calls() != 1) std::exit(3);  // the pages made for the pair
                                         }
                                         for (const pthread_key_t key : keys) ::pthread_key_delete(key);
                                         const void* address = nullptr;
                                         in_thread([&] {
                                           scratch temporary = get_scratch();
                                           address = temporary.push(1);
                                         });
                                         std::exit(test::readable(address) ? 2 : 0);
                                       }};
#endif

/// What this process has, in mappings and bytes of address space.
struct footprint {
  std::size_t mappings = test::map_count();
  std::size_t bytes = test::address_space();
};

void use_scratch() {
  scratch output = get_scratch();
  scratch temporary = get_scratch(output);
  fill(output.push(10000), 10000, 1);
  fill(temporary.push(300000), 300000, 2);
}

/// Runs batches of threads that all use scratch memory at the same time.
void run_batches(int batches, int threads) {
  for (int batch = 0; batch < batches; ++batch) {
    std::vector<std::thread> running;
    std::atomic<int> working{0};
    for (int i = 0; i < threads; ++i)
      running.emplace_back([&] {
        use_scratch();
        for (++working; working != threads;) std::this_thread::yield();
      });
    for (std::thread& thread : running) thread.join();
  }
}

/// Ends the process with 0 if 200 threads left less behind than one arena's address space and a few mappings.
void measure_threads(int batches, int threads) {
  run_batches(3, threads);
  const footprint before;
  run_batches(batches, threads);
  const footprint after;
  if (after.mappings <= before.mappings + 10 && after.bytes <= before.bytes + 60_MiB) std::exit(0);
  std::cerr << before.mappings << " -> " << after.mappings << " mappings, " << before.bytes << " -> " << after.bytes
            << " bytes" << std::endl;
  std::exit(1);
}

const test::child_program in_sequence{"scratch_of_threads_in_sequence", [] { measure_threads(200, 1); }};
const test::child_program in_batches{"scratch_of_threads_in_batches", [] { measure_threads(10, 20); }};

const test::child_program outer_by_default{"outer_scope_by_default", [] {
                                             set_checked_by_default(true);
                                             scratch outer = get_scratch();
                                             const scratch inner = get_scratch();
                                             (void)outer.push(1);
                                           }};

}  // namespace

BOOST_AUTO_TEST_SUITE(scratch_conflicts)

BOOST_AUTO_TEST_CASE(without_conflicts_scopes_nest_on_the_first_arena) {
  scratch_pair pair;
  const scratch outer = pair.get();
  const scratch inner = pair.get();
  BOOST_TEST(&outer.whole_arena() == &inner.whole_arena());
  BOOST_TEST(&pair.pick() == &outer.whole_arena());
}

BOOST_AUTO_TEST_CASE(the_arena_a_scope_is_on_is_never_given) {
  scratch_pair pair;
  const scratch output = pair.get();
  BOOST_TEST(avoids(pair, output, output));
  BOOST_TEST(avoids(pair, output, output.whole_arena()));
  BOOST_TEST(avoids(pair, output, &output));
  BOOST_TEST(avoids(pair, output, &output.whole_arena()));
  const scratch other = pair.get(output);
  BOOST_TEST(avoids(pair, other, other));
  BOOST_TEST(&pair.pick(other) == &output.whole_arena());
}

BOOST_AUTO_TEST_CASE(a_pair_stands_for_its_first_arena) {
  scratch_pair pair;
  const scratch first = pair.get();
  BOOST_TEST(avoids(pair, first, pair));
  BOOST_TEST(avoids(pair, first, static_cast<const std::pmr::memory_resource&>(pair)));
  BOOST_TEST(pair.pick(pair).usage().used == 0u);
  BOOST_TEST(first.whole_arena().owns(pair.allocate(10)));
}

BOOST_AUTO_TEST_CASE(a_conflict_may_be_a_plain_memory_resource) {
  scratch_pair pair;
  scratch output = pair.get();
  std::pmr::memory_resource& by_reference = output;
  const std::pmr::memory_resource& by_const_reference = output;
  std::pmr::memory_resource* const pointer = &output;
  const std::pmr::memory_resource* const pointer_to_const = &output;
  resource* const ours = &output;
  BOOST_TEST(avoids(pair, output, by_reference));
  BOOST_TEST(avoids(pair, output, by_const_reference));
  BOOST_TEST(avoids(pair, output, pointer));
  BOOST_TEST(avoids(pair, output, pointer_to_const));
  BOOST_TEST(avoids(pair, output, ours));
  BOOST_TEST(avoids(pair, output, *ours));
}

BOOST_AUTO_TEST_CASE(a_conflict_may_be_an_allocator) {
  scratch_pair pair;
  scratch output = pair.get();
  const std::pmr::polymorphic_allocator<int> allocator(&output);
  const std::pmr::vector<std::pmr::string> container(&output);
  BOOST_TEST(avoids(pair, output, allocator));
  BOOST_TEST(avoids(pair, output, container.get_allocator()));
  BOOST_TEST(!avoids(pair, output, std::pmr::polymorphic_allocator<int>(std::pmr::new_delete_resource())));
}

BOOST_AUTO_TEST_CASE(a_conflict_may_be_a_range) {
  scratch_pair pair;
  scratch output = pair.get();
  scratch second = pair.get(output);
  std::vector<std::pmr::memory_resource*> pointers{nullptr, std::pmr::new_delete_resource(), &output};
  BOOST_TEST(avoids(pair, output, pointers));
  pointers.push_back(&second);
  BOOST_TEST(avoids(pair, output, pointers));
  BOOST_TEST(avoids(pair, second, pointers));
  const std::forward_list<std::pmr::polymorphic_allocator<char>> allocators{&output};
  BOOST_TEST(avoids(pair, output, allocators));
  const std::array<const scratch*, 2> array{&output, &second};
  BOOST_TEST(avoids(pair, output, array));
  BOOST_TEST(avoids(pair, second, array));
  const std::pmr::memory_resource* const plain_array[] = {&output, &second};
  BOOST_TEST(avoids(pair, second, plain_array));
  const std::initializer_list<std::pmr::memory_resource*> list = {&second, &output};
  BOOST_TEST(avoids(pair, output, list));
  BOOST_TEST(&pair.pick(std::vector<std::pmr::memory_resource*>{}) == &output.whole_arena());
  // several ranges, and ranges beside others
  BOOST_TEST(avoids(pair, output, std::vector<std::pmr::memory_resource*>{}, output, allocators));
  BOOST_TEST(avoids(pair, second, allocators, second));
}

BOOST_AUTO_TEST_CASE(every_resource_of_an_array_counts) {
  scratch_pair pair;
  scratch output = pair.get();
  const upstream_only resources[] = {upstream_only(*std::pmr::new_delete_resource()), upstream_only(output)};
  BOOST_TEST(avoids(pair, output, resources));
}

BOOST_AUTO_TEST_CASE(a_null_pointer_conflicts_with_nothing) {
  scratch_pair pair;
  const scratch first = pair.get();
  const std::pmr::memory_resource* const none = nullptr;
  const scratch* const no_scope = nullptr;
  BOOST_TEST(&pair.pick(nullptr) == &first.whole_arena());
  BOOST_TEST(&pair.pick(none) == &first.whole_arena());
  BOOST_TEST(&pair.pick(no_scope) == &first.whole_arena());
  BOOST_TEST(avoids(pair, first, none, first, nullptr));
}

BOOST_AUTO_TEST_CASE(a_conflict_may_stand_on_an_arena_by_any_of_its_upstreams) {
  scratch_pair pair;
  const scratch taken = pair.get();
  monotonic_arena elsewhere;
  fallback_resource second({elsewhere, taken.whole_arena()});
  fallback_resource first({taken.whole_arena(), elsewhere});
  size_routing_resource large({{elsewhere, 64}}, taken.whole_arena());
  fallback_resource deep({elsewhere, second});
  fallback_resource none({elsewhere, elsewhere});
  for (std::pmr::memory_resource* const conflict :
       {static_cast<std::pmr::memory_resource*>(&second), static_cast<std::pmr::memory_resource*>(&first),
        static_cast<std::pmr::memory_resource*>(&large), static_cast<std::pmr::memory_resource*>(&deep)})
    BOOST_TEST(avoids(pair, taken, conflict));
  BOOST_TEST(!avoids(pair, taken, &none));
}

BOOST_AUTO_TEST_CASE(foreign_resources_and_other_arenas_conflict_with_nothing) {
  scratch_pair pair;
  scratch_pair other;
  const scratch first = pair.get();
  const scratch foreign = other.get();
  std::pmr::monotonic_buffer_resource standard;
  chained_arena own;
  BOOST_TEST(&pair.pick(standard) == &first.whole_arena());
  BOOST_TEST(&pair.pick(*std::pmr::new_delete_resource()) == &first.whole_arena());
  BOOST_TEST(&pair.pick(std::pmr::null_memory_resource()) == &first.whole_arena());
  BOOST_TEST(&pair.pick(own) == &first.whole_arena());
  BOOST_TEST(&pair.pick(foreign, other) == &first.whole_arena());
}

BOOST_AUTO_TEST_CASE(a_sub_arena_stands_for_the_scope_below) {
  scratch_pair pair;
  scratch output = pair.get();
  monotonic_arena parent(4096, &output);
  const monotonic_arena slice = parent.carve(512);
  BOOST_TEST(avoids(pair, output, parent));
  BOOST_TEST(avoids(pair, output, slice));
  BOOST_TEST(avoids(pair, output, static_cast<const std::pmr::memory_resource*>(&slice)));
}

BOOST_AUTO_TEST_CASE(a_slice_of_a_slice_stands_for_the_scope_below) {
  scratch_pair pair;
  scratch output = pair.get();
  monotonic_arena parent(4096, &output);
  monotonic_arena slice = parent.carve(512);
  const monotonic_arena inner = slice.carve(64);
  BOOST_TEST(avoids(pair, output, inner));
}

BOOST_AUTO_TEST_CASE(adaptors_stand_for_what_they_adapt) {
  scratch_pair pair;
  scratch output = pair.get();
  root_only by_root(output);
  const upstream_only by_upstream(output);
  counting_resource counting(&output);
  BOOST_TEST(avoids(pair, output, by_root));
  BOOST_TEST(avoids(pair, output, by_upstream));
  BOOST_TEST(avoids(pair, output, counting));
  BOOST_TEST(avoids(pair, output, static_cast<std::pmr::memory_resource*>(&by_root)));
  BOOST_TEST(avoids(pair, output, static_cast<const std::pmr::memory_resource*>(&by_upstream)));
  BOOST_TEST(avoids(pair, output, std::pmr::polymorphic_allocator<int>(&counting)));
}

BOOST_AUTO_TEST_CASE(a_chained_arena_over_a_scope_stands_for_it) {
  scratch_pair pair;
  scratch output = pair.get();
  chained_arena chain(&output);
  BOOST_TEST(avoids(pair, output, chain));
  chained_arena over_arena(&output.whole_arena());
  BOOST_TEST(avoids(pair, output, over_arena));
  chained_arena over_pair(&pair);
  BOOST_TEST(avoids(pair, output, over_pair));
}

BOOST_AUTO_TEST_CASE(stacks_of_three_stand_for_the_scope_at_the_bottom) {
  scratch_pair pair;
  scratch output = pair.get();
  chained_arena chain(&output);
  upstream_only by_upstream(chain);
  chained_arena top(&by_upstream);
  BOOST_TEST(avoids(pair, output, top));

  monotonic_arena parent(2048, &output);
  monotonic_arena slice = parent.carve(512);
  const root_only over_slice(slice);
  BOOST_TEST(avoids(pair, output, over_slice));

  root_only over_chain(chain);
  const root_only twice(static_cast<resource&>(over_chain));
  BOOST_TEST(avoids(pair, output, over_chain));
  BOOST_TEST(avoids(pair, output, twice));
  monotonic_arena on_adaptor(512, &over_chain);
  BOOST_TEST(avoids(pair, output, on_adaptor));
}

BOOST_AUTO_TEST_CASE(a_scope_of_a_pair_over_a_scope_stands_for_that) {
  scratch_pair pair;
  scratch output = pair.get();
  scratch_options options;
  options.upstream = &output;
  scratch_pair upper(options);
  const scratch over = upper.get();
  BOOST_TEST(avoids(pair, output, upper));
  BOOST_TEST(avoids(pair, output, static_cast<const std::pmr::memory_resource&>(over)));
  BOOST_TEST(avoids(pair, output, over));
  BOOST_TEST(avoids(pair, output, &over));
}

BOOST_AUTO_TEST_CASE(three_conflicts_take_the_fourth_arena_and_four_are_refused) {
  scratch_options options;
  options.name = "quartet";
  scratch_pair pair(options);
  scratch first = pair.get();
  scratch second = pair.get(first);
  scratch third = pair.get(first, second);
  scratch fourth = pair.get(first, second, third);
  const std::array<scratch*, 4> all{&first, &second, &third, &fourth};
  unsigned value = 0;
  std::array<void*, 4> bytes{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    bytes[i] = all[i]->push(100);
    fill(bytes[i], 100, ++value);
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST(&all[i]->whole_arena() != &all[j]->whole_arena());
  }
  BOOST_TEST(&pair.pick(first, third, fourth) == &second.whole_arena());

  const memory_usage before = pair.usage();
  BOOST_CHECK_EXCEPTION((void)pair.get(first, second, third, fourth), allocation_error,
                        with_code(memory_errc::limit_reached));
  BOOST_CHECK_EXCEPTION((void)pair.pick(all), allocation_error, with_code(memory_errc::limit_reached));
  try {
    (void)pair.get(all);
  } catch (const allocation_error& error) {
    BOOST_TEST(error.resource_name() == "quartet");
  }
  BOOST_TEST((pair.usage() == before));
  BOOST_TEST(pair.check());
  for (std::size_t i = 0; i < all.size(); ++i) {
    BOOST_TEST(all_are(bytes[i], 100, static_cast<unsigned>(i) + 1));
    BOOST_TEST(all[i]->push(1, 1) == static_cast<char*>(bytes[i]) + 100);
  }
}

BOOST_AUTO_TEST_CASE(a_threads_own_pair_avoids_conflicts_too) {
  scratch output = get_scratch();
  const scratch temporary = get_scratch(output);
  BOOST_TEST(&output.whole_arena() != &temporary.whole_arena());
  std::pmr::memory_resource* const pointer = &output;
  const scratch again = get_scratch(pointer, temporary);
  BOOST_TEST(&again.whole_arena() != &output.whole_arena());
  BOOST_TEST(&again.whole_arena() != &temporary.whole_arena());
  BOOST_TEST(&thread_scratch().pick() == &output.whole_arena());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scratch_scopes)

namespace {

/// Every level makes its result in its caller's memory and all else in its own.
std::pmr::vector<int>* recurse(scratch_pair& pair, std::pmr::memory_resource& output, int level, bool& intact) {
  scratch temporary = pair.get(output);
  if (temporary.root() == &output) intact = false;
  std::pmr::vector<int> numbers(&temporary);
  for (int i = 0; i < 20; ++i) numbers.push_back(level * 1000 + i);
  const std::pmr::vector<int>* const inner = level != 0 ? recurse(pair, temporary, level - 1, intact) : nullptr;
  for (int i = 0; i < 20; ++i) intact = intact && numbers[static_cast<std::size_t>(i)] == level * 1000 + i;
  if (level != 0) {
    intact = intact && inner->size() == 5;
    for (int i = 0; i < 5; ++i) intact = intact && (*inner)[static_cast<std::size_t>(i)] == (level - 1) * 1000 + i;
  }
  numbers.push_back(1);
  return ::new (output.allocate(sizeof(std::pmr::vector<int>), alignof(std::pmr::vector<int>)))
      std::pmr::vector<int>(numbers.begin(), numbers.begin() + 5, &output);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_thousand_levels_of_results_need_two_arenas) {
  for (const bool checked : {false, true}) {
    scratch_pair pair(checked_options(checked));
    bool intact = true;
    {
      scratch output = pair.get();
      const std::pmr::vector<int>* const result = recurse(pair, output, 1000, intact);
      BOOST_TEST(output.owns(result));
      BOOST_TEST(result->front() == 1000000);
    }
    BOOST_TEST(intact);
    BOOST_TEST(pair.check());
    const std::array<arena*, 2> used{&pair.pick(), &pair.pick(pair.pick())};
    BOOST_TEST(used[0]->usage().peak > 1000u * 40);
    BOOST_TEST(used[1]->usage().peak > 1000u * 40);
    BOOST_TEST(pair.usage().reserved == used[0]->usage().reserved + used[1]->usage().reserved);
    const arena& third = pair.pick(used);
    BOOST_TEST(third.usage().reserved == 0u);
    BOOST_TEST(pair.pick(used, third).usage().reserved == 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_a_scope_took_is_gone_at_its_end) {
  for (const bool checked : {false, true}) {
    scratch_pair pair(checked_options(checked));
    const std::size_t before = pair.pick().position();
    void* first = nullptr;
    {
      scratch temporary = pair.get();
      first = temporary.allocate(100);
      fill(first, 100, 0xaa);
      BOOST_TEST(pair.usage().used >= 100u);
      BOOST_TEST(temporary.push(100, 1) != nullptr);
      BOOST_TEST(temporary.whole_arena().position() >= 200u);
    }
    BOOST_TEST(pair.pick().position() == before);
    BOOST_TEST(pair.usage().used == 0u);
    scratch again = pair.get();
    BOOST_TEST(again.allocate(100) == first);
  }
}

BOOST_AUTO_TEST_CASE(zeroed_memory_is_zero_where_an_earlier_scope_wrote) {
  scratch_pair pair;
  for (int round = 0; round < 3; ++round) {
    {
      scratch dirty = pair.get();
      fill(dirty.push(5000), 5000, 0xff);
    }
    scratch clean = pair.get();
    BOOST_TEST(all_are(clean.push_zeroed(5000), 5000, 0));
  }
}

BOOST_AUTO_TEST_CASE(scopes_on_any_kind_of_arena_take_it_back) {
  alignas(16) std::array<std::byte, 4096> buffer;
  monotonic_arena reservation;
  monotonic_arena from_upstream(4096, std::pmr::new_delete_resource());
  monotonic_arena on_buffer(buffer.data(), buffer.size());
  local_arena<4096> local;
  chained_arena chain;
  monotonic_arena slice = reservation.carve(1024);
  monotonic_arena fresh;
  for (arena* memory :
       {static_cast<arena*>(&from_upstream), static_cast<arena*>(&on_buffer), static_cast<arena*>(&local),
        static_cast<arena*>(&chain), static_cast<arena*>(&slice), static_cast<arena*>(&fresh)}) {
    void* first = nullptr;
    {
      const scope here(*memory);
      first = memory->push(100);
      fill(first, 100, 0xff);
      {
        const scope inner(*memory);
        fill(memory->push(200), 200, 0xee);
      }
      BOOST_TEST(memory->position() == 100u, memory->kind());
      BOOST_TEST(all_are(first, 100, 0xff));
    }
    BOOST_TEST(memory->position() == 0u, memory->kind());
    BOOST_TEST(memory->check(), memory->kind());
    {
      const scope again(*memory);
      void* const zeroed = memory->push_zeroed(100);
      BOOST_TEST(zeroed == first, memory->kind());
      BOOST_TEST(all_are(zeroed, 100, 0), memory->kind());
    }
    BOOST_TEST(memory->usage().peak >= 300u, memory->kind());
  }
}

BOOST_AUTO_TEST_CASE(a_scope_can_end_early_once_or_be_dismissed) {
  const misuse_watch watch;
  chained_arena memory;
  (void)memory.push(16);
  {
    scope here(memory);
    BOOST_TEST(here.position() == 16u);
    (void)memory.push(100);
    here.end();
    BOOST_TEST(memory.position() == 16u);
    (void)memory.push(50);
    BOOST_TEST(watch.nothing());
    here.end();
    BOOST_TEST(watch.only(misuse_kind::stale_mark));
    here.dismiss();
    BOOST_TEST(watch.only(misuse_kind::stale_mark));
  }
  BOOST_TEST(memory.position() == 66u);
  {
    scope kept(memory);
    (void)memory.push(34, 1);
    kept.dismiss();
  }
  BOOST_TEST(memory.position() == 100u);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(what_could_be_freed_before_a_scope_can_be_freed_after_it_but_not_meanwhile) {
  local_arena<4096> local;
  const page_block block(4096);
  monotonic_arena viewed(block);  // scopes end another way where every call looks whether the memory is there
  for (monotonic_arena* memory : {static_cast<monotonic_arena*>(&local), &viewed}) {
    const auto left_after = [memory](const auto& work) {
      void* const freed = memory->allocate(100, 1);
      work();
      memory->deallocate(freed, 100, 1);
      return memory->position();
    };
    BOOST_TEST(left_after([&] { const scope here(*memory); }) == 0u);
    BOOST_TEST(left_after([&] {
                 const scope here(*memory);
                 (void)memory->push(500);
                 const scope inner(*memory);
                 (void)memory->push(500);
               }) == 0u);
    BOOST_TEST(left_after([&] {
                 scope here(*memory);
                 here.dismiss();
               }) == 0u);
    void* const kept = memory->allocate(100, 1);
    {
      const scope here(*memory);
      memory->deallocate(kept, 100, 1);
      BOOST_TEST(memory->position() == here.position());
    }
    BOOST_TEST(memory->position() >= 100u);
  }
}

BOOST_AUTO_TEST_CASE(containers_work_in_a_scope) {
  for (const bool checked : {false, true}) {
    scratch_pair pair(checked_options(checked));
    for (int round = 0; round < 3; ++round) {
      scratch temporary = pair.get();
      std::pmr::vector<std::pmr::string> lines(&temporary);
      std::pmr::map<int, std::pmr::string> index(&temporary);
      for (int i = 0; i < 500; ++i) {
        lines.emplace_back("line number " + std::to_string(i) + " of a text that is longer than a small string");
        index.emplace(i, lines.back());
      }
      for (int i = 0; i < 500; i += 3) index.erase(i);
      BOOST_TEST(index.size() == 333u);
      BOOST_TEST(lines[499].substr(0, 15) == "line number 499");
      BOOST_TEST(index.at(1) == lines[1]);
      BOOST_TEST(temporary.owns(&lines[0]));
      BOOST_TEST(temporary.check());
    }
    BOOST_TEST(pair.usage().used == 0u);
  }
}

BOOST_AUTO_TEST_CASE(nested_scopes_take_back_only_their_own) {
  for (const bool checked : {false, true}) {
    scratch_pair pair(checked_options(checked));
    scratch outer = pair.get();
    void* const kept = outer.push(64);
    fill(kept, 64, 1);
    const std::size_t position = outer.whole_arena().position();
    for (int depth = 0; depth < 3; ++depth) {
      scratch inner = pair.get();
      fill(inner.push(1000), 1000, 2);
      {
        scratch innermost = pair.get();
        fill(innermost.push(100000), 100000, 3);
      }
      BOOST_TEST(inner.whole_arena().position() == position + 1000);
    }
    BOOST_TEST(outer.whole_arena().position() == position);
    BOOST_TEST(all_are(kept, 64, 1));
    BOOST_TEST(outer.push(1, 1) == static_cast<char*>(kept) + 64);
  }
}

BOOST_AUTO_TEST_CASE(a_scope_looks_like_its_arena) {
  scratch_pair pair;
  scratch temporary = pair.get();
  void* const p = temporary.allocate(100);
  BOOST_TEST(temporary.kind() == "scratch");
  BOOST_TEST(temporary.root() == &temporary.whole_arena());
  BOOST_TEST(temporary.upstream() == &temporary.whole_arena());
  BOOST_TEST(temporary.owns(p));
  BOOST_TEST(!temporary.owns(&pair));
  BOOST_TEST((temporary.usage() == temporary.whole_arena().usage()));
  BOOST_TEST(temporary.available() == temporary.whole_arena().available());
  BOOST_TEST((temporary.find_block(p).state == block_state::used));
  std::size_t used = 0;
  temporary.for_each_block(
      [&used](const block_info& region) { used += region.state == block_state::used ? region.bytes : 0; });
  BOOST_TEST(used == temporary.usage().used);
  BOOST_TEST(temporary.try_expand(p, 100, 200, 8));
  fill(p, 200, 5);
  struct point {
    int x = 3;
    int y;
    explicit point(int value) : y(value) {}
  };
  const point* const made = temporary.push<point>(4);
  BOOST_TEST(made->x + made->y == 7);
  BOOST_TEST(is_aligned(temporary.push_array<double>(10), alignof(double)));
  BOOST_TEST(all_are(p, 200, 5));
}

BOOST_AUTO_TEST_CASE(scopes_that_end_in_the_wrong_order_are_survived) {
  for (const bool checked : {false, true}) {
    const misuse_watch watch;
    scratch_pair pair(checked_options(checked));
    arena& memory = pair.pick();
    scratch* const first = begin(pair).release();
    (void)first->push(96);
    scratch* const second = begin(pair).release();
    (void)second->push(1000);
    scratch* const third = begin(pair).release();
    (void)third->push(1000);

    delete second;  // takes what the third has, too
    BOOST_TEST(memory.position() == 96u);
    BOOST_TEST(watch.nothing());
    delete third;  // the arena has been below its start
    BOOST_TEST(watch.only(misuse_kind::stale_mark));
    BOOST_TEST(memory.position() == 96u);

    scratch* const fourth = begin(pair).release();
    void* const kept = fourth->push(500);
    fill(kept, 500, 4);
    delete first;
    BOOST_TEST(memory.position() == 0u);
    BOOST_TEST(watch.nothing());
    {
      scratch next = pair.get();
      (void)next.push(10000);
      delete fourth;
      BOOST_TEST(watch.only(misuse_kind::stale_mark));
      BOOST_TEST(memory.position() == 10000u);
    }
    BOOST_TEST(memory.position() == 0u);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(pair.check());
  }
}

BOOST_AUTO_TEST_CASE(scopes_with_the_same_start_may_end_in_any_order) {
  for (const bool checked : {false, true}) {
    const misuse_watch watch;
    scratch_pair pair(checked_options(checked));
    scratch outer = pair.get();
    (void)outer.push(64);
    scratch* const first = begin(pair).release();
    scratch* const second = begin(pair).release();
    (void)second->push(100);
    delete first;
    delete second;
    BOOST_TEST(outer.whole_arena().position() == 64u);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(outer.push(16) != nullptr);
    BOOST_TEST(outer.whole_arena().position() == 80u);
  }
}

BOOST_AUTO_TEST_CASE(marks_and_scopes_of_one_arena_know_of_each_other) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(true));
  arena& memory = pair.pick();
  const scratch outer = pair.get();
  (void)memory.push(64);
  const arena_mark below = memory.mark();
  arena_mark inside;
  {
    const scratch inner = pair.get();
    (void)memory.push(64);
    inside = memory.mark();
    (void)memory.push(64);
    BOOST_TEST(memory.try_rewind(inside));
  }
  (void)memory.push(1000);
  BOOST_TEST(!memory.try_rewind(inside));
  {
    const scratch inner = pair.get();
    (void)memory.push(64);
    BOOST_TEST(memory.try_rewind(below));
    (void)memory.push(2000);
  }  // reports: the arena has been below its start
  BOOST_TEST(watch.only(misuse_kind::stale_mark));
  BOOST_TEST(memory.position() == 2064u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scratch_outer_scopes)

BOOST_AUTO_TEST_CASE(allocating_from_an_outer_scope_is_reported_and_has_no_effect) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(true));
  scratch outer = pair.get();
  std::pmr::memory_resource* const plain = &outer;
  void* const block = outer.allocate(64);
  {
    scratch inner = pair.get();
    const std::size_t position = outer.whole_arena().position();
    const auto refused = with_code(memory_errc::not_supported);
    BOOST_CHECK_EXCEPTION((void)outer.push(8), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_CHECK_EXCEPTION((void)outer.push(8, 1), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_CHECK_EXCEPTION((void)outer.push_zeroed(8), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_CHECK_EXCEPTION((void)outer.push<int>(1), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_CHECK_EXCEPTION((void)outer.push_array<int>(3), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_CHECK_EXCEPTION((void)outer.allocate(8), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_CHECK_EXCEPTION((void)plain->allocate(8), allocation_error, refused);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_TEST(outer.try_allocate(8) == nullptr);
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_TEST(outer.whole_arena().position() == position);
    BOOST_TEST(inner.push(8) != nullptr);
    BOOST_TEST(watch.nothing());
  }
  BOOST_TEST(outer.push(8) != nullptr);
  BOOST_TEST(plain->allocate(8) != nullptr);
  outer.deallocate(block, 64);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(growing_a_block_of_an_outer_scope_is_reported_and_has_no_effect) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(true));
  scratch outer = pair.get();
  resource& plain = outer;
  void* const block = outer.allocate(64);
  {
    const scratch inner = pair.get();
    const std::size_t position = outer.whole_arena().position();
    BOOST_TEST(!outer.try_expand(block, 64, 128, 8));
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_TEST(!plain.try_expand(block, 64, 65, 8));
    BOOST_TEST(watch.only(misuse_kind::outer_scope));
    BOOST_TEST(outer.whole_arena().position() == position);
    BOOST_TEST(outer.try_expand(block, 64, 64, 8));
    BOOST_TEST(outer.try_expand(block, 64, 32, 8));
    BOOST_TEST(watch.nothing());
  }
  BOOST_TEST(outer.try_expand(block, 32, 128, 8));
  fill(block, 128, 7);
  BOOST_TEST(outer.check());
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(an_outer_scope_may_free_and_look_while_an_inner_one_lives) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(true));
  scratch outer = pair.get();
  std::pmr::memory_resource* const plain = &outer;
  void* const first = outer.allocate(64);
  void* const second = outer.allocate(64);
  {
    scratch inner = pair.get();
    void* const own = inner.allocate(10);
    outer.deallocate(first, 64);
    plain->deallocate(second, 64);
    BOOST_TEST(outer.owns(own));
    BOOST_TEST(outer.check());
    BOOST_TEST(outer.usage().used >= 128u);
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(of_three_scopes_only_the_innermost_may_allocate) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(true));
  scratch outer = pair.get();
  std::unique_ptr<scratch> middle = begin(pair);
  {
    scratch inner = pair.get();
    BOOST_CHECK_THROW((void)outer.push(1), allocation_error);
    BOOST_CHECK_THROW((void)middle->push(1), allocation_error);
    BOOST_TEST(watch.only(misuse_kind::outer_scope, 2));
    BOOST_TEST(inner.push(1) != nullptr);
  }
  BOOST_TEST(middle->push(1) != nullptr);
  BOOST_CHECK_THROW((void)outer.push(1), allocation_error);
  BOOST_TEST(watch.only(misuse_kind::outer_scope));
  // a middle one that ends first is out of the way, too
  scratch* const inner = begin(pair).release();
  middle.reset();
  BOOST_TEST(inner->push(1) != nullptr);
  delete inner;
  BOOST_TEST(watch.only(misuse_kind::stale_mark));  // the middle one's end took its start along
  BOOST_TEST(outer.push(1) != nullptr);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(the_report_says_how_deep_both_scopes_are) {
  static std::size_t claimed;
  static std::size_t actual;
  scratch_pair pair(checked_options(true));
  const scratch outermost = pair.get();
  scratch outer = pair.get();
  const scratch inner = pair.get();
  const scratch innermost = pair.get();
  const misuse_watch watch([](const misuse_report& report) {
    claimed = report.claimed;
    actual = report.actual;
  });
  BOOST_CHECK_THROW((void)outer.push(1), allocation_error);
  BOOST_TEST(claimed == 2u);
  BOOST_TEST(actual == 4u);
}

BOOST_AUTO_TEST_CASE(scopes_of_different_arenas_do_not_stand_in_each_others_way) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(true));
  scratch first = pair.get();
  scratch second = pair.get(first);
  scratch third = pair.get(first, second);
  for (scratch* scope : {&first, &second, &third, &second, &first}) {
    void* const p = scope->allocate(100);
    BOOST_TEST(scope->try_expand(p, 100, 200, 8));
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(nothing_is_reported_when_unchecked) {
  const misuse_watch watch;
  scratch_pair pair(checked_options(false));
  scratch outer = pair.get();
  {
    const scratch inner = pair.get();
    void* const p = outer.allocate(64);
    fill(p, 64, 1);
    BOOST_TEST(outer.try_expand(p, 64, 128, 8));
    BOOST_TEST(outer.push(10) != nullptr);
  }
  BOOST_TEST(outer.whole_arena().position() == 0u);  // the inner one's end took it along
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_threads_own_pair_is_checked_when_the_program_says_so) {
  const auto outcome = test::run_child("outer_scope_by_default");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("an outer scope used while an inner one lives"), outcome.output);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scratch_of_threads)

namespace {

#if !defined(_WIN32)
/// The C library's heap takes address space for threads, too; told to use one heap for all it does not.
test::child_outcome run_with_one_heap(const char* child) {
  ::setenv("MALLOC_ARENA_MAX", "1", 1);
  const auto outcome = test::run_child(child);
  ::unsetenv("MALLOC_ARENA_MAX");
  return outcome;
}
#endif

}  // namespace

BOOST_AUTO_TEST_CASE(every_call_in_a_thread_finds_the_same_pair) {
  scratch_pair& pair = thread_scratch();
  BOOST_TEST(&thread_scratch() == &pair);
  const scratch first = get_scratch();
  BOOST_TEST(&first.whole_arena() == &pair.pick());
  BOOST_TEST(&get_scratch().whole_arena() == &first.whole_arena());
}

BOOST_AUTO_TEST_CASE(every_thread_has_its_own_pair) {
  const scratch_pair* const here = &thread_scratch();
  const scratch_pair* there = nullptr;
  bool apart = false;
  in_thread([&] {
    there = &thread_scratch();
    const scratch mine = get_scratch();
    apart = &mine.whole_arena() == &thread_scratch().pick();
  });
  BOOST_TEST(there != nullptr);
  BOOST_TEST(there != here);
  BOOST_TEST(apart);
  BOOST_TEST(&thread_scratch() == here);
}

BOOST_AUTO_TEST_CASE(a_threads_memory_is_unmapped_when_it_ends) {
  const void* data = nullptr;
  const void* pair = nullptr;
  bool readable_meanwhile = false;
  in_thread([&] {
    scratch temporary = get_scratch();
    data = temporary.push(100000);
    pair = &thread_scratch();
    readable_meanwhile = test::readable(pair);
  });
  BOOST_TEST(readable_meanwhile);
  BOOST_TEST(!test::readable(data));
  BOOST_TEST(!test::readable(pair));
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(threads_one_after_the_other_leave_nothing_behind) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::figures);
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer adds mappings");
  const auto outcome = run_with_one_heap("scratch_of_threads_in_sequence");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(threads_side_by_side_leave_nothing_behind) {
  if (test::emulates_large_pages()) return test::skip(test::counts_small_pages);
  if (test::under_thread_sanitizer() || memory_tools::active()) return test::skip("sanitizers add mappings");
  const auto outcome = run_with_one_heap("scratch_of_threads_in_batches");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_CASE(thread_local_destructors_find_the_same_pair_whenever_they_were_constructed) {
  if (test::frees_thread_variables_early()) return test::skip(test::thread_variables_are_gone);
  struct seen {
    const scratch_pair* pair = nullptr;
    bool worked = false;
  };
  seen early;
  seen late;
  const scratch_pair* during = nullptr;
  const auto look = [](seen& what) {
    what.pair = &thread_scratch();
    scratch output = get_scratch();
    scratch temporary = get_scratch(output);
    std::pmr::vector<int> numbers(1000, 5, &temporary);
    what.worked = numbers[999] == 5 && &output.whole_arena() != &temporary.whole_arena();
  };
  in_thread([&] {
    thread_local thread_end before_the_first_call;
    before_the_first_call.run = [&] { look(early); };
    during = &thread_scratch();
    use_scratch();
    thread_local thread_end after_the_first_call;
    after_the_first_call.run = [&] { look(late); };
  });
  BOOST_TEST(early.worked);
  BOOST_TEST(late.worked);
  BOOST_TEST(early.pair == during);
  BOOST_TEST(late.pair == during);
  BOOST_TEST(!test::readable(during));
}

BOOST_AUTO_TEST_CASE(a_thread_that_first_calls_in_a_thread_local_destructor_leaves_nothing_behind) {
  if (test::frees_thread_variables_early()) return test::skip(test::thread_variables_are_gone);
  const void* data = nullptr;
  in_thread([&] {
    thread_local thread_end at_end;
    at_end.run = [&] {
      scratch temporary = get_scratch();
      data = temporary.push(5000);
      fill(temporary.push(5000), 5000, 1);
    };
  });
  BOOST_TEST(data != nullptr);
  BOOST_TEST(!test::readable(data));
}

BOOST_AUTO_TEST_CASE(a_thread_local_object_may_hold_a_scope) {
  if (test::frees_thread_variables_early()) return test::skip(test::thread_variables_are_gone);
  struct holder {
    scratch memory = get_scratch();
    void* bytes = memory.push(1000);
    holder() { fill(bytes, 1000, 9); }
    ~holder() { *intact = all_are(bytes, 1000, 9) && memory.push(10) != nullptr; }
    bool* intact = nullptr;
  };
  bool intact = false;
  const void* data = nullptr;
  in_thread([&] {
    thread_local holder held;
    held.intact = &intact;
    data = held.bytes;
    use_scratch();
  });
  BOOST_TEST(intact);
  BOOST_TEST(!test::readable(data));
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(who_calls_after_the_pair_was_freed_gets_a_new_one_which_is_freed_again) {
  (void)thread_scratch();  // the library's key is older than ours
  late_key late;
  const void* first = nullptr;
  bool gone = false;
  const void* data = nullptr;
  bool worked = false;
  late.run = [&] {
    gone = !test::readable(first);
    scratch temporary = get_scratch();
    scratch other = get_scratch(temporary);
    data = temporary.push(50000);
    fill(other.push(50000), 50000, 3);
    worked = &thread_scratch() == &thread_scratch();
  };
  in_thread([&] {
    late.arm();
    scratch temporary = get_scratch();
    first = temporary.push(100);
  });
  BOOST_TEST(late.rounds == 2);
  BOOST_TEST(worked);
  BOOST_TEST(gone);
  BOOST_TEST(!test::readable(first));
  BOOST_TEST(!test::readable(data));
}
#endif

BOOST_AUTO_TEST_CASE(where_the_system_refuses_a_new_thread_gets_an_error_and_the_next_call_works) {
  std::size_t refused = 0;
  for (std::size_t nth = 1;; ++nth) {
    bool fired = false;
    bool threw = false;
    bool next_works = false;
    std::size_t mapped = 0;
    const void* data = nullptr;
    in_thread([&] {
      (void)test::map_count();  // takes memory of its own the first time
      const std::size_t mappings = test::map_count();
      {
        const os::failure_injection injection(nth);
        try {
          const scratch temporary = get_scratch();
        } catch (const allocation_error& error) {
          threw = error.code() == memory_errc::out_of_memory;
        }
        fired = injection.fired();
      }
      if (fired && !test::under_thread_sanitizer()) mapped = test::map_count() - mappings;
      scratch temporary = get_scratch();
      data = temporary.push(100);
      next_works = &temporary.whole_arena() == &thread_scratch().pick();
    });
    BOOST_TEST(next_works);
    BOOST_TEST(threw == fired);
    BOOST_TEST(mapped == 0u);
    BOOST_TEST(!test::readable(data));
    if (!fired) break;
    ++refused;
  }
  BOOST_TEST(refused > 0u);
}

BOOST_AUTO_TEST_CASE(without_a_page_size_the_error_says_so) {
  BOOST_TEST(test::run_child("scratch_without_a_page_size").exit_code == 0);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_thread_without_a_key_to_free_its_pair_by_gets_an_error_and_the_next_one_works) {
  const auto outcome = test::run_child("scratch_without_a_thread_key");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scratch_memory)

namespace {

constexpr std::size_t large = std::size_t{20} << 20;

void take(scratch& temporary, std::size_t bytes, std::size_t piece) {
  for (std::size_t taken = 0; taken < bytes; taken += piece) *static_cast<char*>(temporary.allocate(piece)) = 1;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_arena_keeps_no_more_than_it_is_told_when_its_last_scope_ends) {
  const std::size_t page = test::system_page_size();
  for (const std::size_t retained : {std::size_t{0}, std::size_t{100000}, std::size_t{1} << 20}) {
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{300000}, large}) {
      for (const bool checked : {false, true}) {
        scratch_options options = checked_options(checked);
        options.retained = retained;
        scratch_pair pair(options);
        for (int round = 0; round < 2; ++round) {
          {
            scratch temporary = pair.get();
            take(temporary, large, piece);
            BOOST_TEST(pair.usage().committed >= large);
          }
          BOOST_TEST(pair.usage().committed <= retained + page, retained << ' ' << piece);
          BOOST_TEST(pair.usage().used == 0u);
          BOOST_TEST(pair.check());
        }
        scratch next = pair.get();
        fill(next.push(100000), 100000, 1);
        BOOST_TEST(all_are(next.push_zeroed(100000), 100000, 0));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_arena_over_an_upstream_keeps_no_more_either) {
  const std::size_t page = test::system_page_size();
  for (const std::size_t retained : {std::size_t{0}, std::size_t{100000}, std::size_t{1} << 20}) {
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{300000}, large}) {
      for (const bool checked : {false, true}) {
        counting_resource upstream;
        {
          scratch_options options = checked_options(checked);
          options.retained = retained;
          options.upstream = &upstream;
          scratch_pair pair(options);
          for (int round = 0; round < 2; ++round) {
            {
              const scratch outer = pair.get();
              scratch temporary = pair.get();
              take(temporary, large, piece);
              BOOST_TEST(upstream.live_bytes() >= large);
            }
            BOOST_TEST(upstream.live_bytes() <= retained + page, retained << ' ' << piece);
            BOOST_TEST(pair.usage().committed == upstream.live_bytes());
            BOOST_TEST(pair.check());
          }
          scratch next = pair.get();
          fill(next.push(100000), 100000, 1);
          BOOST_TEST(all_are(next.push_zeroed(100000), 100000, 0));
        }
        BOOST_TEST(upstream.live_blocks() == 0u);
        BOOST_TEST(upstream.mismatches().empty());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(scopes_that_need_no_more_than_is_kept_ask_nobody) {
  counting_resource upstream;
  scratch_options options;
  options.upstream = &upstream;
  scratch_pair pair(options);
  for (int round = 0; round < 10; ++round) {
    scratch temporary = pair.get();
    take(temporary, 100000, 500);
    if (round == 0) continue;
    BOOST_TEST(upstream.deallocations() == 0u);
  }
  const std::size_t asked = upstream.allocations();
  {
    scratch temporary = pair.get();
    take(temporary, 100000, 500);
  }
  BOOST_TEST(upstream.allocations() == asked);
}

BOOST_AUTO_TEST_CASE(memory_a_scope_needs_stays_while_an_outer_one_lives) {
  scratch_options options;
  options.retained = 100000;
  scratch_pair pair(options);
  {
    scratch outer = pair.get();
    void* const kept = outer.push(16);
    fill(kept, 16, 6);
    {
      scratch inner = pair.get();
      take(inner, large, 1000);
    }
    BOOST_TEST(pair.usage().committed >= large);
    BOOST_TEST(all_are(kept, 16, 6));
  }
  BOOST_TEST(pair.usage().committed <= 100000 + test::system_page_size());
}

BOOST_AUTO_TEST_CASE(a_pair_that_was_never_used_holds_nothing) {
  scratch_pair pair;
  {
    const scratch first = pair.get();
    const scratch second = pair.get(first);
  }
  BOOST_TEST((pair.usage() == memory_usage{}));
  BOOST_TEST(pair.available() == 0u);
  BOOST_TEST(pair.trim() == 0u);
  BOOST_TEST(pair.kind() == "scratch_pair");
  BOOST_TEST(pair.upstream() == nullptr);
  BOOST_TEST(pair.root() == &pair.pick());
}

BOOST_AUTO_TEST_CASE(a_pairs_usage_is_the_sum_over_its_arenas) {
  scratch_pair pair;
  memory_usage sum;
  {
    scratch first = pair.get();
    scratch second = pair.get(first);
    scratch third = pair.get(first, second);
    void* const p = first.push(1000);
    void* const q = second.push(3000);
    void* const r = third.push(500000);
    for (const scratch* one : {&first, &second, &third}) {
      const memory_usage part = one->usage();
      sum.reserved += part.reserved;
      sum.committed += part.committed;
      sum.used += part.used;
      sum.peak += part.peak;
      sum.wasted += part.wasted;
    }
    BOOST_TEST((pair.usage() == sum));
    for (const void* address : {p, q, r}) {
      BOOST_TEST(pair.owns(address));
      BOOST_TEST((pair.find_block(address).state == block_state::used));
    }
    BOOST_TEST(!pair.owns(&pair));
    BOOST_TEST(pair.find_block(&pair).begin == nullptr);
    std::size_t used = 0;
    pair.for_each_block(
        [&used](const block_info& region) { used += region.state == block_state::used ? region.bytes : 0; });
    BOOST_TEST(used == sum.used);
  }
  BOOST_TEST(pair.usage().used == 0u);
  BOOST_TEST(pair.usage().peak == sum.peak);
  BOOST_TEST(pair.usage().reserved == sum.reserved);
}

BOOST_AUTO_TEST_CASE(trim_gives_back_what_no_scope_uses) {
  counting_resource upstream;
  scratch_options options;
  options.upstream = &upstream;
  options.retained = 64_MiB;
  scratch_pair pair(options);
  scratch outer = pair.get();
  void* const kept = outer.push(100);
  fill(kept, 100, 8);
  {
    scratch inner = pair.get(outer);
    scratch same = pair.get();
    take(inner, 1_MiB, 1000);
    take(same, 1_MiB, 1000);
  }
  const std::size_t held = upstream.live_bytes();
  BOOST_TEST(held >= 2_MiB);
  const std::size_t given_back = pair.trim();
  BOOST_TEST(given_back >= 1900000u);
  BOOST_TEST(upstream.live_bytes() == held - given_back);
  BOOST_TEST(pair.trim() == 0u);
  BOOST_TEST(all_are(kept, 100, 8));
  BOOST_TEST(pair.check());
  take(outer, 1_MiB, 1000);
}

BOOST_AUTO_TEST_CASE(release_gives_everything_back_and_living_scopes_end_with_a_stale_mark) {
  for (const bool checked : {false, true}) {
    const misuse_watch watch;
    counting_resource upstream;
    scratch_options options = checked_options(checked);
    options.upstream = &upstream;
    scratch_pair pair(options);
    std::unique_ptr<scratch> first = begin(pair);
    std::unique_ptr<scratch> second(new scratch(pair.get(*first)));
    take(*first, 100000, 1000);
    take(*second, 100000, 1000);
    pair.release();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST((pair.usage() == memory_usage{}));
    pair.release();
    void* const p = pair.allocate(300);  // in the arena of the first scope
    fill(p, 300, 2);
    const std::size_t position = pair.pick().position();
    {
      scratch fresh = pair.get();
      take(fresh, 1000, 100);
    }
    BOOST_TEST(pair.pick().position() == position);
    BOOST_TEST(watch.nothing());
    first.reset();
    BOOST_TEST(watch.only(misuse_kind::stale_mark));
    second.reset();
    BOOST_TEST(watch.only(misuse_kind::stale_mark));
    BOOST_TEST(pair.pick().position() == position);
    BOOST_TEST(all_are(p, 300, 2));
    BOOST_TEST(pair.check());
    pair.release();
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_failing_upstream_is_survived_by_a_scope) {
  counting_resource counting;
  testing::failing_resource upstream(&counting);
  const std::size_t failures = testing::for_each_failure(upstream, [&] {
    scratch_options options;
    options.upstream = &upstream;
    scratch_pair pair(options);
    scratch outer = pair.get();
    scratch inner = pair.get(outer);
    try {
      take(outer, 100000, 5000);
      take(inner, 100000, 5000);
    } catch (const testing::injected_failure&) {
    }
    BOOST_TEST(pair.check());
    BOOST_TEST(inner.push(100) != nullptr);
    BOOST_TEST(outer.push(100) != nullptr);
  });
  BOOST_TEST(failures > 0u);
  BOOST_TEST(counting.live_blocks() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scratch_sets)

BOOST_AUTO_TEST_CASE(leases_are_exclusive_and_a_returned_pair_serves_the_next) {
  scratch_set set;
  const scratch_pair* returned = nullptr;
  void* data = nullptr;
  {
    const scratch_set::lease first = set.acquire();
    const scratch_set::lease second = set.acquire();
    BOOST_TEST(&first.pair() != &second.pair());
    scratch temporary = second.get();
    scratch other = second.get(temporary);
    BOOST_TEST(&temporary.whole_arena() == &second.pair().pick());
    BOOST_TEST(&other.whole_arena() != &temporary.whole_arena());
    data = temporary.push(1000);
    fill(data, 1000, 1);
    returned = &first.pair();  // returned last
  }
  const scratch_set::lease again = set.acquire();
  BOOST_TEST(&again.pair() == returned);
  const scratch_set::lease second = set.acquire();
  BOOST_TEST(second.get().push(1000) == data);  // with the memory it kept
}

BOOST_AUTO_TEST_CASE(a_moved_lease_gives_the_pair_back_once) {
  scratch_set set;
  const scratch_pair* pair = nullptr;
  {
    scratch_set::lease first = set.acquire();
    pair = &first.pair();
    const scratch_set::lease second = std::move(first);
    BOOST_TEST(&second.pair() == pair);
  }
  const scratch_set::lease one = set.acquire();
  const scratch_set::lease two = set.acquire();
  BOOST_TEST(&one.pair() == pair);
  BOOST_TEST(&two.pair() != pair);
}

BOOST_AUTO_TEST_CASE(a_lease_may_go_on_in_another_thread) {
  scratch_set set;
  scratch_set::lease begun = set.acquire();
  scratch output = begun.get();
  auto* const numbers = output.push<std::pmr::vector<int>>(&output);
  numbers->assign(1000, 4);
  const scratch_pair* const pair = &begun.pair();
  bool right = false;
  in_thread([&, lease = std::move(begun)] {
    scratch temporary = lease.get(output);
    std::pmr::vector<int> doubled(numbers->begin(), numbers->end(), &temporary);
    for (int& number : doubled) number *= 2;
    numbers->assign(doubled.begin(), doubled.end());
    right = &lease.pair() == pair && &temporary.whole_arena() != &output.whole_arena();
  });
  BOOST_TEST(right);
  BOOST_TEST(std::all_of(numbers->begin(), numbers->end(), [](int number) { return number == 8; }));
}

BOOST_AUTO_TEST_CASE(many_leases_at_once_are_all_apart) {
  counting_resource upstream;
  scratch_options options;
  options.upstream = &upstream;
  options.name = "jobs";
  {
    scratch_set set(options);
    std::vector<const scratch_pair*> seen;
    {
      std::vector<scratch_set::lease> leases;
      for (unsigned i = 0; i < 100; ++i) {
        leases.push_back(set.acquire());
        fill(leases.back().get().push(2000), 2000, i);
        seen.push_back(&leases.back().pair());
        BOOST_TEST(leases.back().pair().name() == "jobs");
      }
    }
    std::sort(seen.begin(), seen.end());
    BOOST_TEST((std::adjacent_find(seen.begin(), seen.end()) == seen.end()));
    BOOST_TEST(upstream.live_blocks() == 100u);
    std::vector<scratch_set::lease> again;
    for (int i = 0; i < 100; ++i) {
      again.push_back(set.acquire());
      BOOST_TEST(std::binary_search(seen.begin(), seen.end(), &again.back().pair()));
    }
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(trim_frees_the_pairs_nobody_has) {
  scratch_set set;
  const scratch_set::lease kept = set.acquire();
  scratch output = kept.get();
  const void* const alive = output.push(1000);
  const void* data = nullptr;
  const void* pair = nullptr;
  {
    const scratch_set::lease gone = set.acquire();
    scratch temporary = gone.get();
    data = temporary.push(1000);
    pair = &gone.pair();
  }
  BOOST_TEST(test::readable(pair));
  BOOST_TEST(set.trim() == 64_MiB);
  BOOST_TEST(!test::readable(data));
  BOOST_TEST(!test::readable(pair));
  BOOST_TEST(test::readable(alive));
  BOOST_TEST(set.trim() == 0u);
}

BOOST_AUTO_TEST_CASE(a_set_copies_its_name_and_hands_its_options_on) {
  std::optional<scratch_set> set;
  {
    const std::string name = "a name that goes away";
    scratch_options options;
    options.name = name;
    options.checked = true;
    set.emplace(options);
  }
  const scratch_set::lease memory = set->acquire();
  BOOST_TEST(memory.pair().name() == "a name that goes away");
  BOOST_TEST(memory.pair().pick().checked());
}

BOOST_AUTO_TEST_CASE(where_the_system_refuses_a_set_says_so_and_goes_on) {
  scratch_set set;
  const scratch_set::lease first = set.acquire();
  {
    const os::failure_injection injection(1);
    BOOST_CHECK_EXCEPTION((void)set.acquire(), allocation_error, with_code(memory_errc::out_of_memory));
  }
  const scratch_set::lease second = set.acquire();
  BOOST_TEST(&first.pair() != &second.pair());
}

BOOST_AUTO_TEST_CASE(eight_threads_take_and_return_leases) {
  scratch_set set;
  std::mutex mutex;
  std::map<const scratch_pair*, int> holders;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned id = 1; id <= 8; ++id)
    threads.emplace_back([&, id] {
      for (int round = 0; round < 200; ++round) {
        const scratch_set::lease memory = set.acquire();
        {
          const std::lock_guard lock(mutex);
          if (holders[&memory.pair()]++ != 0) ++wrong;
        }
        {
          scratch output = memory.get();
          scratch temporary = memory.get(output);
          void* const kept = output.push(500);
          fill(kept, 500, id);
          fill(temporary.push(500), 500, id + 8);
          if (round % 50 == 0) (void)set.trim();
          if (!all_are(kept, 500, id)) ++wrong;
        }
        const std::lock_guard lock(mutex);
        if (--holders[&memory.pair()] != 0) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(set.trim() % 64_MiB == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
