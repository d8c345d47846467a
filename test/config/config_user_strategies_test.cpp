#include <algorithm>
#include <allot/config/config.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace allot;

namespace {

/// What the factory was told, for tests to look at.
struct told {
  std::string name;
  std::pmr::memory_resource* upstream = nullptr;
  bool flag = false;
  std::size_t size = 0;
  std::uint64_t count = 0;
  double real = 0;
  std::string text;
  std::string choice;
};
told last;
std::size_t alive = 0;

class mine final : public std::pmr::memory_resource {
 public:
  explicit mine(std::pmr::memory_resource* upstream) : upstream_(upstream) { ++alive; }
  ~mine() override { --alive; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_->allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
};

std::unique_ptr<std::pmr::memory_resource> make_mine(strategy_request& wanted) {
  last = {std::string(wanted.name()),  wanted.upstream(),
          wanted.flag("loud", false),  wanted.size("slack", 16, 1, std::size_t{1} << 20),
          wanted.count("tries", 3),    wanted.real("factor", 1.5, 1, 2),
          wanted.text("note", "none"), wanted.choice("mode", "slow", {"slow", "fast"})};
  (void)wanted.flag("loud", false);  // it is named once all the same
  if (last.text == "refuse") wanted.refuse("note", "is not to my liking");
  if (last.text == "throw") throw std::runtime_error("no more of these");
  if (last.text == "throw_number") throw 42;
  if (last.text == "nothing") return nullptr;
  return std::make_unique<mine>(last.upstream != nullptr ? last.upstream : std::pmr::get_default_resource());
}

struct registered {
  registered() {
    static const bool once = [] {
      register_strategy("mine", &make_mine);
      return true;
    }();
    (void)once;
  }
};

const std::string head = "[resources.a]\nstrategy = \"mine\"\n";

void expect(const std::string& text, std::size_t line, std::size_t column, const std::string& key,
            const std::string& says) {
  BOOST_CHECK_EXCEPTION((void)parse_config(text, "m.toml"), config_error, [&](const config_error& e) {
    BOOST_TEST_CONTEXT(e.what()) {
      BOOST_TEST(e.line() == line);
      BOOST_TEST(e.column() == column);
      BOOST_TEST(e.key() == key);
      BOOST_TEST(std::string(e.what()).find(says) != std::string::npos);
    }
    return true;
  });
  BOOST_TEST(alive == 0u);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(config_user_strategies, registered)

BOOST_AUTO_TEST_CASE(a_strategy_of_ones_own_gets_its_name_upstream_and_options) {
  {
    const resource_set resources = parse_config(head + R"(loud = true
slack = "2KiB"
tries = 7
factor = 2
note = "a b"
mode = "fast"
upstream = "pages"
[resources.pages]
strategy = "page_resource"
)");
    BOOST_TEST(last.name == "a");
    BOOST_TEST(last.upstream == resources["pages"]);
    BOOST_TEST(last.flag);
    BOOST_TEST(last.size == 2048u);
    BOOST_TEST(last.count == 7u);
    BOOST_TEST(last.real == 2.0);
    BOOST_TEST(last.text == "a b");
    BOOST_TEST(last.choice == "fast");
    const std::pmr::vector<int> v(10, 1, resources["a"]);
    BOOST_TEST(alive == 1u);
    BOOST_TEST(parse_config(resources.describe()).describe() == resources.describe());
    BOOST_TEST(resources.describe().find("slack = \"2KiB\"") != std::string::npos);
  }
  BOOST_TEST(alive == 0u);
}

BOOST_AUTO_TEST_CASE(options_that_are_not_given_have_the_factorys_defaults) {
  const resource_set resources = parse_config(head + "name = \"other\"\n");
  BOOST_TEST(last.name == "other");
  BOOST_TEST(last.upstream == nullptr);
  BOOST_TEST(!last.flag);
  BOOST_TEST(last.size == 16u);
  BOOST_TEST(last.count == 3u);
  BOOST_TEST(last.real == 1.5);
  BOOST_TEST(last.text == "none");
  BOOST_TEST(last.choice == "slow");
}

BOOST_AUTO_TEST_CASE(its_mistakes_are_told_as_those_of_the_suite) {
  expect(head + "slck = 5\n", 3, 1, "resources.a.slck",
         "is no option of mine; did you mean \"slack\"? it has: strategy, upstream, name, loud, slack, tries, factor, "
         "note, mode");
  expect(head + "slack = true\n", 3, 9, "resources.a.slack", "is a truth value and must be a size from 1B to 1MiB");
  expect(head + "slack = \"2MiB\"\n", 3, 9, "resources.a.slack", "\"2MiB\" is not allowed");
  expect(head + "factor = 3\n", 3, 10, "resources.a.factor", "a number from 1.0 to 2.0");
  expect(head + "mode = \"fest\"\n", 3, 8, "resources.a.mode", "did you mean \"fast\"? it takes: slow, fast");
  expect(head + "note = \"refuse\"\n", 3, 8, "resources.a.note", "is not to my liking");
  expect(head + "note = \"throw\"\n", 1, 1, "resources.a", "cannot be made: no more of these");
  expect(head + "note = \"throw_number\"\n", 1, 1, "resources.a",
         "cannot be made: what was thrown is no std::exception");
  expect(head + "note = \"nothing\"\n", 1, 1, "resources.a", "the factory of mine made nothing");
  expect(head + "upstream = \"b\"\n", 3, 12, "resources.a.upstream", "there is no resource \"b\"");
  // the other one was made by then
  expect("[resources.b]\nstrategy = \"mine\"\n" + head + "slck = 5\n", 5, 1, "resources.a.slck",
         "is no option of mine");
  expect("[resources.a]\nstrategy = \"mien\"\n", 2, 12, "resources.a.strategy", "did you mean \"mine\"?");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_is_refused) {
  for (const char* name : {"mine", "pool_resource", "memory_budget", "new_delete_resource", "", "a\nb", "a\x7f"})
    BOOST_CHECK_THROW(register_strategy(name, &make_mine), std::invalid_argument);
  BOOST_CHECK_THROW(register_strategy("nobody", nullptr), std::invalid_argument);
  const std::vector<std::string> names = strategy_names();
  BOOST_TEST(std::count(names.begin(), names.end(), "mine") == 1);
  BOOST_TEST(std::count(names.begin(), names.end(), "nobody") == 0);
}

BOOST_AUTO_TEST_CASE(threads_register_and_read_at_the_same_time_and_one_gets_the_name) {
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([t, &won] {
      for (int i = 0; i < 20; ++i) {
        try {
          register_strategy("racing_" + std::to_string(i), &make_mine);
          ++won;
        } catch (const std::invalid_argument&) {
        }
        check_config("[resources.a]\nstrategy = \"racing_" + std::to_string(i) + "\"\n");
        (void)strategy_names();
        const resource_set made =
            parse_config("[resources.a]\nstrategy = \"pool_resource\"\nname = \"t" + std::to_string(t) + "\"\n");
        (void)made.describe();
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(won == 20);
}

BOOST_AUTO_TEST_CASE(threads_look_names_up_in_one_set) {
  const resource_set resources = parse_config(head + "[resources.b]\nstrategy = \"concurrent_pool\"\n");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        std::pmr::vector<int> v(10, i, resources["b"]);
        (void)resources.names();
        (void)resources.describe();
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(resources.find("a") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
