#include <allot/config/config.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "support/child.hpp"
#include "support/environment.hpp"
#include "support/machine.hpp"
#include "support/temporary_file.hpp"

using namespace allot;

namespace {

const std::string text = R"(
[budgets.game]
permanent = "1MiB"
[resources.a]
strategy = "chained_arena"
limit = "1MiB"
upstream = { strategy = "pool_resource", first_chunk = "1MiB" }
[resources.b]
strategy = "page_resource"
)";

std::string described_with(std::string_view settings) { return parse_config(text, "m.toml", {settings}).describe(); }

bool has(const std::string& all, const std::string& part) { return all.find(part) != all.npos; }

/// A variable of the environment, while it lives.
class variable {
 public:
  variable(const char* name, const std::string& value) : name_(name) { test::set_variable(name, value.c_str()); }
  ~variable() { test::set_variable(name_, nullptr); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 private:
  const char* name_;
};

/// A file of that content, while it lives.
struct file : test::temporary_file {
  explicit file(const std::string& content) : temporary_file("allot_config.toml") {
    set_content({content.begin(), content.end()});
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(config_settings_and_environment)

BOOST_AUTO_TEST_CASE(single_values_take_the_place_of_those_in_the_text) {
  BOOST_TEST(has(described_with("a.limit=64KiB"), "limit = \"64KiB\""));
  BOOST_TEST(has(described_with(" a.limit = \"2 MiB\" ; "), "limit = \"2MiB\""));
  BOOST_TEST(has(described_with("resources.a.limit=4096"), "limit = \"4KiB\""));
  BOOST_TEST(has(described_with("a.growth_percent=200; b.huge_pages=true"), "growth_percent = 200"));
  BOOST_TEST(has(described_with("a.growth_percent=200; b.huge_pages=true"), "huge_pages = true"));
  BOOST_TEST(has(described_with("budgets.game.permanent=2MiB"), "permanent = \"2MiB\""));
  BOOST_TEST(has(described_with("a.upstream.first_chunk=128KiB"), "first_chunk = \"128KiB\""));
  BOOST_TEST(has(described_with("a.upstream=b"), "upstream = \"b\""));
  BOOST_TEST(has(described_with("a.upstream={strategy='page_resource', name='x;y'}"), "name = \"x;y\""));
  BOOST_TEST(has(described_with("default=b"), "default = \"b\""));
  BOOST_TEST(has(described_with("b = {strategy=\"coalescing_heap\", large_threshold=131072}"), "\"128KiB\""));
  BOOST_TEST(has(described_with("c = {strategy=\"general_resource\"}"), "[resources.c]"));
  BOOST_TEST(described_with(" ; ;") == described_with(""));
  BOOST_TEST(has(described_with("a.upstream.spacing=geometric; a.upstream.growth=25e-1"), "growth = 2.5"));
  BOOST_TEST(has(described_with("a.upstream.spacing=geometric; a.upstream.growth=3e0"), "growth = 3.0"));
  BOOST_TEST(has(described_with("b.name=a.word/of:one+s"), "name = \"a.word/of:one+s\""));
}

BOOST_AUTO_TEST_CASE(a_program_can_take_its_part_of_a_config) {
  const char* const text =
      "default = 'c'\n"
      "[budgets.game]\npermanent = '1MiB'\n"
      "[resources.a]\nstrategy = 'pool_resource'\nupstream = 'b'\n"
      "[resources.b]\nstrategy = 'statistics_resource'\nupstream = { strategy = 'page_resource' }\n"
      "[resources.c]\nstrategy = 'general_resource'\n";
  std::pmr::memory_resource* const before = std::pmr::get_default_resource();
  config_settings part;
  part.only = {"a"};
  const resource_set resources = parse_config(text, "config", part);
  BOOST_TEST((resources.names() == std::vector<std::string>{"a", "b"}));
  BOOST_TEST(resources.find("c") == nullptr);
  BOOST_CHECK_THROW((void)resources.budget("game"), config_error);
  BOOST_TEST(std::pmr::get_default_resource() == before);
  BOOST_TEST(parse_config(resources.describe()).describe() == resources.describe());
  std::pmr::vector<int> numbers(100, resources["a"]);

  part.only = {"c", "b"};
  {
    const resource_set others = parse_config(text, "config", part);
    BOOST_TEST((others.names() == std::vector<std::string>{"b", "c"}));
    BOOST_TEST(std::pmr::get_default_resource() == others["c"]);
  }
  BOOST_TEST(std::pmr::get_default_resource() == before);

  part.only = {"a", "dd"};
  BOOST_CHECK_EXCEPTION((void)parse_config(text, "config", part), config_error, [](const config_error& wrong) {
    return wrong.file() == "config" && wrong.key() == "resources.dd" &&
           has(wrong.what(), "there is no resource \"dd\"");
  });
  BOOST_CHECK_THROW(check_config(text, "config", part), config_error);
}

BOOST_AUTO_TEST_CASE(places_are_those_in_the_whole_text_however_many_settings_there_are) {
  std::string many;
  for (int i = 0; i < 3'000; ++i) many += "r" + std::to_string(i) + "={strategy=\"page_resource\"};\n ";
  const std::string last = many + "r5.no_such = 1";
  BOOST_CHECK_EXCEPTION(check_config(text, "m.toml", {last}), config_error, [](const config_error& e) {
    return e.line() == 3'001 && e.column() == 5 && e.key() == "resources.r5.no_such";
  });
}

BOOST_AUTO_TEST_CASE(a_line_end_does_not_part_settings) {
  BOOST_CHECK_EXCEPTION((void)described_with("a.limit=1\na.no_such_thing=5"), config_error, [](const config_error& e) {
    return e.line() == 2 && e.column() == 3 && has(e.what(), "is a second setting; a semicolon stands between two");
  });
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_setting_is_told_with_its_column) {
  if (test::narrow) return test::skip(test::of_64_bits);
  const struct {
    const char* settings;
    std::size_t column;
    const char* key;
    const char* says;
  } wrongs[] = {
      {"a.limit=64MB", 9, "resources.a.limit", "\"64MB\" is not allowed; it must be a size"},
      {"b.huge_pages=true; a.limit = 64MB", 30, "resources.a.limit", "\"64MB\" is not allowed"},
      {"a.limt=1", 3, "resources.a.limt", "did you mean \"limit\"?"},
      {"aa.limit=1", 1, "resources.aa", "there is nothing of that name; did you mean \"a\"?"},
      {"a.limit", 1, "resources.a.limit", "\"a.limit\" is no setting; write KEY=VALUE"},
      {"b.huge_pages=true;  x", 21, "resources.x", "\"x\" is no setting"},
      {"a.limit=", 9, "resources.a.limit", "\"\" is not allowed; it must be a size from 64B"},
      {"a.limit=64KiB;a.limit=128KiB", 15, "resources.a.limit", "is set twice"},
      {"default=b; resources.a.limit=1; default=a", 33, "default", "is set twice"},
      {"a.limit=1;resources.a.limit=2", 11, "resources.a.limit", "is set twice"},
      {"[a]#=", 2, "resources.a", "is no setting"},
      {"=5", 1, "", "is no TOML"},
      {"a.limit=1 2", 11, "resources.a.limit", "is no TOML"},
      {"a.limit=\"1", 11, "resources.a.limit", "is no TOML"},
      {"a..limit=1", 3, "resources.a", "is no TOML"},
      {"a.strategy=pool_resorce", 12, "resources.a.strategy", "did you mean \"pool_resource\"?"},
      {"a.limit.x=1", 3, "resources.a.limit", "is a string in the file, and has no values in it"},
      {"a=5", 3, "resources.a", "is a whole number and must be a table"},
      {"default=c", 9, "default", "there is no resource \"c\""},
      {"resources.z.limit=5", 11, "resources.z", "there is nothing of that name"},
      {"a.limit=64K", 9, "resources.a.limit", "\"64K\" is not allowed; it must be a size from 64B to 128TiB"},
      {"a.limit = 1.5GiB", 11, "resources.a.limit", "\"1.5GiB\" is not allowed; it must be a size"},
      {"a.limit=12furlong", 9, "resources.a.limit", "\"12furlong\" is not allowed; it must be a size"},
      {"a.limit=1.5", 9, "resources.a.limit", "is a number with a fraction and must be a size"},
      {"a.limit=0x10q", 13, "resources.a.limit", "is no TOML"},
      {"a.upstream.spacing=as much as fits", 20, "resources.a.upstream.spacing", "is not known; it takes: four_per"},
      {"b.huge_pages=yes", 14, "resources.b.huge_pages", "is a string and must be true or false"},
      {"b.upstream.strategy=page_resource", 3, "resources.b.upstream",
       "the config has no table there that a value could be set in; write upstream = { strategy = "},
      {"'\xc3\xa9'.x=1", 1, "resources.\"\xc3\xa9\"", "there is nothing of that name"},
      {"b.name='\xc3\xa9'; a.limit=0", 21, "resources.a.limit", "0 is not allowed"},
      // what a setting makes wrong is told at the setting, whatever the file says
      {"b.strategy=limiting_resource", 12, "resources.b.strategy", "a limiting_resource needs upstream, the name of"},
      {"a.strategy=page_resource", 12, "resources.a.strategy",
       "page_resource has no option resources.a.limit; it has: "},
      {"a.virtual_blocks=true", 18, "resources.a.virtual_blocks",
       "cannot be: resources.a.upstream has no effect here; it is only without virtual_blocks"},
      {"a.upstream.largest_chunk=4096", 26, "resources.a.upstream.largest_chunk",
       "is below first_chunk, which is 1MiB"},
      {"budgets.game.permanent=127TiB", 24, "budgets.game.permanent", "cannot be made: "},
  };
  for (const auto& wrong : wrongs) {
    BOOST_TEST_CONTEXT(wrong.settings) {
      BOOST_CHECK_EXCEPTION((void)described_with(wrong.settings), config_error, [&](const config_error& e) {
        BOOST_TEST_CONTEXT(e.what()) {
          BOOST_TEST(e.file() == "settings");
          BOOST_TEST(e.line() == 1u);
          BOOST_TEST(e.column() == wrong.column);
          BOOST_TEST(e.key() == wrong.key);
          BOOST_TEST(has(e.what(), wrong.says));
        }
        return true;
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_variable_of_the_environment_changes_single_values) {
  const file config(text);
  {
    const variable set("ALLOT_CONFIG_SET", "a.limit=64KiB; b.huge_pages=true");
    const std::string described = load_config(config.path()).describe();
    BOOST_TEST(has(described, "limit = \"64KiB\""));
    BOOST_TEST(has(described, "huge_pages = true"));
    BOOST_TEST(has(parse_config(text).describe(), "limit = \"1MiB\""));  // a text is what it says
  }
  const variable set("ALLOT_CONFIG_SET", "a.limit=lots");
  BOOST_CHECK_EXCEPTION((void)load_config(config.path()), config_error, [](const config_error& e) {
    return e.file() == "environment variable ALLOT_CONFIG_SET" && e.column() == 9 && e.key() == "resources.a.limit";
  });
}

BOOST_AUTO_TEST_CASE(a_variable_of_the_environment_names_another_file) {
  const file config(text);
  const file other("[resources.other]\nstrategy = \"page_resource\"\n");
  {
    const variable set("ALLOT_CONFIG_FILE", other.path());
    BOOST_TEST(load_config(config.path()).find("other") != nullptr);
    BOOST_TEST(load_config("no/such/file").find("other") != nullptr);
  }
  {
    const variable set("ALLOT_CONFIG_FILE", "");
    BOOST_TEST(load_config(config.path()).find("a") != nullptr);
  }
  const variable set("ALLOT_CONFIG_FILE", "no/such/file");
  BOOST_CHECK_EXCEPTION((void)load_config(config.path()), config_error, [](const config_error& e) {
    return e.file() == "no/such/file" &&
           e.problem() == "cannot be read: No such file or directory (named by environment variable ALLOT_CONFIG_FILE)";
  });
}

BOOST_AUTO_TEST_SUITE_END()
