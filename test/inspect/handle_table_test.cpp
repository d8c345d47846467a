#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/block/page_block.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/inspect/arena_handles.hpp>
#include <allot/inspect/handle_table.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace allot;

namespace {

/// Counts how many of it there are, and throws when told to.
struct counted {
  static inline int there = 0;
  static inline int throw_after = -1;
  explicit counted(int v) : value(v) {
    if (throw_after-- == 0) throw std::runtime_error("no");
    ++there;
  }
  counted(const counted& other) : value(other.value) { ++there; }
  counted& operator=(const counted&) = default;
  ~counted() { --there; }
  int value;
};

struct point {
  point() = default;
  point(int a, int b) : x(a), y(b) {}
  int x = 0;
  int y = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(handles)

static_assert(sizeof(handle<int>) == 8 && std::is_trivially_copyable_v<handle<int>>);
static_assert(!handle<int>() && handle<int>() == handle<int>(0, 0) && handle<int>(1, 1) != handle<int>(1, 2));

BOOST_AUTO_TEST_CASE(a_handle_is_a_value_that_compares_and_hashes) {
  const handle<int> a(3, 1);
  const handle<int> b(3, 2);
  BOOST_TEST((a == handle<int>(3, 1)));
  BOOST_TEST((a != b));
  BOOST_TEST((a < b));
  BOOST_TEST(!(b < a));
  BOOST_TEST((handle<int>(2, 9) < a));
  BOOST_TEST(static_cast<bool>(a));
  std::unordered_set<handle<int>> some{a, b, handle<int>(3, 1)};
  BOOST_TEST(some.size() == 2u);
  BOOST_TEST(some.count(a) == 1u);
}

BOOST_AUTO_TEST_CASE(a_stale_handle_is_found_out_when_its_slot_and_its_block_are_used_again) {
  pool_resource pool;
  handle_table<std::pmr::string> names(pool);
  const auto first = names.emplace("the first, longer than what a string keeps in itself");
  const void* const where = names.get(first);
  BOOST_TEST(*names.get(first) == "the first, longer than what a string keeps in itself");
  BOOST_TEST((names.get(first)->get_allocator().resource() == &pool));
  BOOST_TEST(names.erase(first));
  BOOST_TEST(names.get(first) == nullptr);
  BOOST_TEST(!names.erase(first));
  const auto second = names.emplace("second");
  BOOST_TEST(names.get(second) == where);
  BOOST_TEST(second.index() == first.index());
  BOOST_TEST(names.get(first) == nullptr);
  BOOST_TEST(!names.contains(first));
  BOOST_TEST(!names.erase(first));
  BOOST_TEST(*names.get(second) == "second");
}

BOOST_AUTO_TEST_CASE(handles_of_no_object_and_of_no_slot_lead_nowhere) {
  pool_resource pool;
  handle_table<int> numbers(pool);
  BOOST_TEST(numbers.get({}) == nullptr);
  BOOST_TEST(!numbers.erase({}));
  const auto one = numbers.insert(1);
  BOOST_TEST(numbers.get({}) == nullptr);
  for (const handle<int> wrong : {handle<int>(one.index(), 0), handle<int>(one.index(), 2),
                                  handle<int>(one.index() + 1, 1), handle<int>(~std::uint32_t{0}, ~std::uint32_t{0})})
    BOOST_TEST(numbers.get(wrong) == nullptr);
  BOOST_TEST(numbers.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_slot_whose_generations_are_used_up_is_retired) {
  pool_resource pool;
  handle_table<int, 2> numbers(pool);
  std::vector<handle<int>> given;
  for (int i = 0; i < 100; ++i) {
    given.push_back(numbers.insert(i));
    BOOST_TEST(*numbers.get(given.back()) == i);
    if (i % 10 != 9) BOOST_TEST(numbers.erase(given.back()));
  }
  BOOST_TEST((std::set<handle<int>>(given.begin(), given.end()).size()) == given.size());
  std::map<std::uint32_t, int> uses;
  for (const handle<int> each : given) {
    BOOST_TEST(each.generation() >= 1u);
    BOOST_TEST(each.generation() <= 3u);
    ++uses[each.index()];
  }
  for (const auto& [index, count] : uses) BOOST_TEST(count <= 3);
  for (std::size_t i = 0; i < given.size(); ++i) BOOST_TEST(numbers.contains(given[i]) == (i % 10 == 9));

  handle_table<int, 1> once(pool);
  const auto a = once.insert(1);
  once.erase(a);
  BOOST_TEST(once.insert(2).index() != a.index());
  BOOST_TEST(!once.contains(a));
}

BOOST_AUTO_TEST_CASE(objects_are_destroyed_once_and_every_block_goes_back) {
  testing::counting_resource memory;
  counted::there = 0;
  {
    handle_table<counted> table(memory);
    std::vector<handle<counted>> all;
    for (int i = 0; i < 200; ++i) all.push_back(table.emplace(i));
    for (std::size_t i = 0; i < all.size(); i += 3) BOOST_TEST(table.erase(all[i]));
    BOOST_TEST(static_cast<std::size_t>(counted::there) == table.size());
    table.clear();
    BOOST_TEST(table.empty());
    BOOST_TEST(counted::there == 0);
    for (const auto& each : all) BOOST_TEST(!table.contains(each));
    (void)table.emplace(1);
  }
  BOOST_TEST(counted::there == 0);
  BOOST_TEST(memory.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_failing_constructor_or_upstream_leaves_the_table_as_it_was) {
  counted::there = 0;
  testing::counting_resource memory;
  testing::failing_resource failing(&memory);
  {
    handle_table<counted> table(failing);
    std::vector<handle<counted>> all;
    int failures = 0;
    for (int i = 0; i < 300; ++i) {
      for (std::size_t nth = 1;; ++nth) {  // the object, the slots, then neither
        failing.fail_at(nth);
        const std::size_t before = memory.live_bytes();
        try {
          all.push_back(table.emplace(i));
          break;
        } catch (const std::bad_alloc&) {
          ++failures;
          BOOST_REQUIRE(memory.live_bytes() == before);
          BOOST_REQUIRE(table.size() == static_cast<std::size_t>(i));
          BOOST_REQUIRE(counted::there == i);
        }
      }
      failing.fail_at(0);
      counted::throw_after = 0;
      BOOST_CHECK_THROW((void)table.emplace(i), std::runtime_error);
      counted::throw_after = -1;
      BOOST_REQUIRE(table.size() == all.size());
    }
    BOOST_TEST(failures >= 303);
    for (int i = 0; i < 300; ++i) BOOST_TEST(table.get(all[static_cast<std::size_t>(i)])->value == i);
  }
  BOOST_TEST(memory.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_table_that_was_moved_keeps_its_handles_and_leaves_none_behind) {
  pool_resource pool;
  handle_table<std::pmr::string> before(pool);
  const auto a = before.emplace("a");
  const auto* const where = before.get(a);
  handle_table<std::pmr::string> after(std::move(before));
  BOOST_TEST(after.get(a) == where);
  BOOST_TEST(after.size() == 1u);
  BOOST_TEST(before.get(a) == nullptr);
  BOOST_TEST(before.size() == 0u);
  (void)after.emplace("b");
  BOOST_TEST(after.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_objects_destructor_and_constructor_may_use_the_table) {
  struct node {
    node(handle_table<node>& t, int depth) : table(t) {
      if (depth != 0) child = table.emplace(table, depth - 1);
    }
    ~node() {
      (void)table.erase(child);
      (void)table.emplace(table, 0);  // and another one
    }
    handle_table<node>& table;
    handle<node> child;
  };
  pool_resource pool;
  std::pmr::monotonic_buffer_resource never_freed;
  using table_type = handle_table<node>;
  auto& table = *::new (never_freed.allocate(sizeof(table_type), alignof(table_type))) table_type(never_freed);
  const auto root = table.emplace(table, 200);
  BOOST_TEST(table.size() == 201u);
  BOOST_TEST(table.erase(root));
  BOOST_TEST(!table.contains(root));
  BOOST_TEST(table.size() == 201u);
  std::size_t seen = 0;
  table.for_each([&](handle<node> of, node& object) {
    ++seen;
    BOOST_TEST(table.get(of) == &object);
  });
  BOOST_TEST(seen == table.size());
}

BOOST_AUTO_TEST_CASE(random_insertions_and_erasures_agree_with_a_map) {
  for (const unsigned seed : {1U, 2U, 3U}) {
    std::mt19937 random(seed);
    pool_resource pool;
    handle_table<std::uint64_t, 5> table(pool);
    std::map<handle<std::uint64_t>, std::uint64_t> model;
    std::vector<handle<std::uint64_t>> ever;
    for (int step = 0; step < 20'000; ++step) {
      const auto what = random() % 100;
      if (what < 45 || ever.empty()) {
        const std::uint64_t value = random();
        const auto of = table.insert(value);
        BOOST_REQUIRE(model.emplace(of, value).second);
        ever.push_back(of);
      } else if (what < 90) {
        const auto of = ever[random() % ever.size()];
        BOOST_REQUIRE(table.erase(of) == (model.erase(of) == 1));
      } else {
        const auto of = ever[random() % ever.size()];
        const auto found = model.find(of);
        const std::uint64_t* const got = table.get(of);
        BOOST_REQUIRE((got != nullptr) == (found != model.end()));
        if (got != nullptr) BOOST_REQUIRE(*got == found->second);
      }
      BOOST_REQUIRE(table.size() == model.size());
    }
    std::size_t seen = 0;
    table.for_each([&](auto of, std::uint64_t& value) {
      ++seen;
      BOOST_REQUIRE((model.at(of) == value));
    });
    BOOST_TEST(seen == model.size());
  }
}

// ---- arenas

namespace {

/// What is true of every kind of arena.
template <class Check>
void in_every_arena(Check check) {
  for (const bool checked : {false, true}) {
    monotonic_arena_options plain;
    plain.checked = checked;
    monotonic_arena reserved(plain);
    chained_arena_options linked;
    linked.checked = checked;
    linked.first_block = 256;
    linked.growth_percent = 100;
    chained_arena chain(linked);
    for (arena* each : {static_cast<arena*>(&reserved), static_cast<arena*>(&chain)})
      BOOST_TEST_CONTEXT(each->kind() << (checked ? ", checked" : "")) check(*each);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_behind_a_rewind_is_stale_even_where_another_object_lies_now) {
  in_every_arena([](arena& memory) {
    arena_handles<point> table(memory);
    const auto kept = table.emplace(1, 2);
    const arena_mark before = memory.mark();
    const auto gone = table.emplace(3, 4);
    point* const where = table.get(gone);
    BOOST_TEST(where->y == 4);
    memory.rewind(before);
    BOOST_TEST(table.get(gone) == nullptr);
    BOOST_TEST(!table.erase(gone));
    const auto next = table.emplace(5, 6);
    BOOST_TEST(table.get(next) == where);
    BOOST_TEST(table.get(gone) == nullptr);
    BOOST_TEST(table.get(kept)->x == 1);
    BOOST_TEST(table.size() == 2u);
    BOOST_TEST(table.erase(next));
    BOOST_TEST(!table.contains(next));
    BOOST_TEST(table.get({}) == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(every_way_back_makes_what_it_gives_up_stale) {
  in_every_arena([](arena& memory) {
    arena_handles<point> table(memory);
    const auto handle_of = [&](int x) { return table.emplace(x, x); };
    auto of = handle_of(1);
    memory.clear();
    BOOST_TEST(!table.contains(of));
    of = handle_of(2);
    memory.release();
    BOOST_TEST(!table.contains(of));
    of = handle_of(3);
    memory.pop(1);
    BOOST_TEST(!table.contains(of));
    memory.pop_to(0);
    (void)memory.push(100);
    of = handle_of(4);
    const auto lower = memory.position();
    (void)memory.push(100);
    memory.pop_to(lower);
    BOOST_TEST(table.contains(of));
    {
      const scope inner(memory);
      const auto inside = handle_of(5);
      BOOST_TEST(table.contains(inside));
      of = inside;
    }
    BOOST_TEST(!table.contains(of));
    BOOST_TEST(table.size() == 1u);
    BOOST_TEST(table.sweep() >= 1u);
    BOOST_TEST(table.size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_moved_arena_and_one_whose_memory_was_taken_away_have_no_objects) {
  monotonic_arena first;
  arena_handles<point> table(first);
  const auto of = table.emplace(1, 2);
  const monotonic_arena second(std::move(first));
  BOOST_TEST(!table.contains(of));

  page_block block(1 << 16);
  monotonic_arena on_block(block);
  arena_handles<point> over(on_block);
  const auto there = over.emplace(1, 2);
  BOOST_TEST(over.contains(there));
  block.release();
  BOOST_TEST(!over.contains(there));
}

BOOST_AUTO_TEST_CASE(handles_stay_exact_behind_any_number_of_nested_returns) {
  in_every_arena([](arena& memory) {
    arena_handles<point> table(memory);
    const auto first = table.emplace(0, 0);
    std::vector<std::pair<handle<point>, handle<point>>> pairs;
    for (int i = 0; i < 500; ++i) {  // each leaves one object and gives up another above it
      const auto stays = table.emplace(i, 1);
      const arena_mark mark = memory.mark();
      const auto goes = table.emplace(i, 2);
      (void)memory.push(64);
      (void)memory.mark();
      memory.rewind(mark);
      (void)memory.push(64);  // so that the position is beyond again
      pairs.emplace_back(stays, goes);
    }
    BOOST_TEST(table.contains(first));
    for (const auto& [stays, goes] : pairs) {
      BOOST_TEST(table.contains(stays));
      BOOST_TEST(!table.contains(goes));
    }
    for (int i = 0; i < 500; ++i) BOOST_TEST(table.get(pairs[static_cast<std::size_t>(i)].first)->x == i);
  });
}

BOOST_AUTO_TEST_CASE(without_memory_to_remember_returns_objects_may_be_lost_but_none_is_followed_in_vain) {
  monotonic_arena memory;
  arena_handles<point> table(memory);
  std::vector<handle<point>> stay;
  std::vector<handle<point>> go;
  for (int i = 0; i < 64; ++i) {
    stay.push_back(table.emplace(i, 1));
    const arena_mark mark = memory.mark();
    go.push_back(table.emplace(i, 2));
    (void)memory.mark();
    {
      const os::failure_injection none(1, os::os_call::map, os::failure_injection::rule::from_then_on);
      memory.rewind(mark);
    }
    (void)memory.push(64);
  }
  for (const auto& each : go) BOOST_TEST(!table.contains(each));
  std::size_t left = 0;
  for (const auto& each : stay) left += table.contains(each) ? 1U : 0U;
  BOOST_TEST(left > 0u);
  BOOST_TEST(left < stay.size());
}

BOOST_AUTO_TEST_CASE(slots_of_what_is_gone_are_used_again) {
  testing::counting_resource slots;
  {
    monotonic_arena memory;
    arena_handles<point> table(memory, slots);
    std::vector<handle<point>> old;
    for (int frame = 0; frame < 200; ++frame) {
      for (int i = 0; i < 50; ++i) old.push_back(table.emplace(frame, i));
      memory.clear();
    }
    BOOST_TEST(slots.live_bytes() < 128u * 64);
    for (const auto& each : old) BOOST_TEST(!table.contains(each));
    BOOST_TEST((std::set<handle<point>>(old.begin(), old.end()).size()) == old.size());
  }
  BOOST_TEST(slots.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_failure_leaves_table_and_arena_as_they_were) {
  struct moody {
    explicit moody(bool wrong) {
      if (wrong) throw std::runtime_error("no");
    }
  };
  testing::counting_resource below;
  testing::failing_resource slots(&below);
  std::array<std::byte, 4096> buffer;
  monotonic_arena memory(buffer.data(), buffer.size());
  arena_handles<moody> table(memory, slots);
  slots.fail_at(1);
  BOOST_CHECK_THROW((void)table.emplace(false), std::bad_alloc);
  BOOST_TEST(memory.position() == 0u);
  slots.fail_at(0);
  const auto of = table.emplace(false);
  const std::size_t position = memory.position();
  BOOST_CHECK_THROW((void)table.emplace(true), std::runtime_error);
  BOOST_TEST(memory.position() == position);
  BOOST_TEST(table.contains(of));
  BOOST_TEST(table.size() == 1u);
  while (memory.available() != 0) (void)memory.push(1, 1);
  BOOST_CHECK_THROW((void)table.emplace(false), allocation_error);
  BOOST_TEST(table.size() == 1u);
  BOOST_TEST(table.contains(of));
}

BOOST_AUTO_TEST_CASE(random_work_in_an_arena_agrees_with_a_model) {
  in_every_arena([](arena& memory) {
    std::mt19937 random(11);
    arena_handles<point, 6> table(memory);
    struct object {
      handle<point> of;
      std::size_t end;
      int value;
    };
    std::vector<object> live;
    std::vector<handle<point>> ever;
    std::vector<std::pair<arena_mark, std::size_t>> marks;
    const auto went_down = [&](std::size_t position) {
      live.erase(std::remove_if(live.begin(), live.end(), [&](const object& each) { return each.end > position; }),
                 live.end());
      marks.erase(std::remove_if(marks.begin(), marks.end(), [&](const auto& each) { return each.second > position; }),
                  marks.end());
    };
    for (int step = 0; step < 4000; ++step) {
      const auto what = random() % 100;
      if (what < 50) {
        const auto of = table.emplace(step, 0);
        live.push_back({of, memory.position(), step});
        ever.push_back(of);
      } else if (what < 60) {
        (void)memory.push(random() % 100);
      } else if (what < 72) {
        marks.emplace_back(memory.mark(), memory.position());
      } else if (what < 82 && !marks.empty()) {
        const auto [mark, position] = marks[random() % marks.size()];
        memory.rewind(mark);
        went_down(position);
      } else if (what < 88) {
        const std::size_t position = memory.position() - std::min<std::size_t>(memory.position(), random() % 200);
        memory.pop_to(position);
        went_down(position);
      } else if (what == 99 && random() % 8 == 0) {
        memory.clear();
        went_down(0);
      } else if (!ever.empty()) {
        const auto of = ever[random() % ever.size()];
        const auto found = std::find_if(live.begin(), live.end(), [&](const object& each) { return each.of == of; });
        const point* const got = table.get(of);
        BOOST_REQUIRE((got != nullptr) == (found != live.end()));
        if (got != nullptr) BOOST_REQUIRE(got->x == found->value);
      }
    }
    BOOST_TEST(table.size() == live.size());
    for (const object& each : live) BOOST_REQUIRE(table.get(each.of)->x == each.value);
  });
}

BOOST_AUTO_TEST_SUITE_END()
