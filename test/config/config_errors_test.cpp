#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#include <algorithm>
#include <allot/config/config.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory_resource>
#include <random>
#include <string>
#include <string_view>

#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/temporary_file.hpp"

using namespace allot;

namespace {

/// A text that is wrong, and what the error must say.
struct mistake {
  std::string text;
  std::size_t line;
  std::size_t column;
  std::string key;
  std::string says;  ///< a part of what(), or several with | between
};

bool is_one_clear_line(std::string_view what) {
  return what.size() < 2000 && what.find('\n') == what.npos && what.find('\0') == what.npos;
}

/// Checks that a text is refused as the mistake says, by reading and by looking alike.
void expect_refused(const mistake& wrong) {
  std::pmr::memory_resource* const before = std::pmr::get_default_resource();
  for (const bool only_check : {true, false}) {
    try {
      if (only_check)
        check_config(wrong.text, "m.toml");
      else
        (void)parse_config(wrong.text, "m.toml");
      BOOST_ERROR("accepted: " << wrong.text.substr(0, 200));
    } catch (const config_error& e) {
      const std::string what = e.what();
      BOOST_TEST_CONTEXT("what: " << what) {
        BOOST_TEST(e.file() == "m.toml");
        BOOST_TEST(e.line() == wrong.line);
        BOOST_TEST(e.column() == wrong.column);
        BOOST_TEST(e.key() == wrong.key);
        BOOST_TEST(is_one_clear_line(what));
        BOOST_TEST(what.find("m.toml") == 0u);
        for (std::string_view rest = wrong.says; !rest.empty();) {
          const std::string_view part = rest.substr(0, rest.find('|'));
          BOOST_TEST(what.find(part) != what.npos, "does not say: " << part);
          rest.remove_prefix(std::min(rest.size(), part.size() + 1));
        }
      }
    }
  }
  BOOST_TEST(std::pmr::get_default_resource() == before);
}

const std::string pool = "[resources.a]\nstrategy = \"pool_resource\"\n";

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_errors)

BOOST_AUTO_TEST_CASE(unknown_keys_are_named_with_what_would_be_right) {
  const mistake mistakes[] = {
      {pool + "spcing = \"exact\"\n", 3, 1, "resources.a.spcing",
       "is no option of pool_resource|did you mean \"spacing\"?|it has: strategy, upstream, "},
      {"[resources.a]\nstrategy = \"chained_arena\"\nilmti = 1\n", 3, 1, "resources.a.ilmti",
       "did you mean \"limit\"?"},
      {"[budgets.b]\npermanant = 1\n", 2, 1, "budgets.b.permanant", "is no option of memory_budget|\"permanent\""},
      {"defualt = \"a\"\n" + pool, 1, 1, "defualt",
       "did you mean \"default\"?|a config has: default, resources, budgets"},
      {"[resource.a]\nstrategy = \"pool_resource\"\n", 1, 2, "resource", "did you mean \"resources\"?"},
      {"[budgets.b]\nstrategy = \"memory_budget\"\n", 2, 1, "budgets.b.strategy", "is no option of memory_budget"},
      {pool + "upstream = { strategy = \"page_resource\", hugepages = true }\n", 3, 42,
       "resources.a.upstream.hugepages", "did you mean \"huge_pages\"?"},
  };
  for (const mistake& m : mistakes) expect_refused(m);
}

BOOST_AUTO_TEST_CASE(unknown_strategies_are_named_with_the_nearest) {
  const mistake mistakes[] = {
      {"[resources.a]\nstrategy = \"pool_resorce\"\n", 2, 12, "resources.a.strategy",
       "\"pool_resorce\" is not known|did you mean \"pool_resource\"?|there are: |general_resource"},
      {"[resources.a]\nstrategy = \"xyzzy\"\n", 2, 12, "resources.a.strategy", "is not known; there are: "},
      {"[resources.a]\n", 1, 1, "resources.a", "has no strategy; there are: "},
      {"[resources.a]\nstrategy = 3\n", 2, 12, "resources.a.strategy",
       "is a whole number|must be the name of a strategy"},
      {"[resources.a]\nstrategy = \"memory_budget\"\n", 2, 12, "resources.a.strategy", "write [budgets.NAME]"},
  };
  for (const mistake& m : mistakes) expect_refused(m);
}

BOOST_AUTO_TEST_CASE(values_of_the_wrong_type_are_named_with_what_is_allowed) {
  const mistake mistakes[] = {
      {pool + "page_local = 1\n", 3, 14, "resources.a.page_local", "is a whole number and must be true or false"},
      {pool + "page_local = \"true\"\n", 3, 14, "resources.a.page_local", "is a string and must be true or false"},
      {pool + "first_chunk = true\n", 3, 15, "resources.a.first_chunk",
       "is a truth value and must be a size|\"64KiB\""},
      {pool + "first_chunk = 1.5\n", 3, 15, "resources.a.first_chunk", "is a number with a fraction"},
      {pool + "first_chunk = [1]\n", 3, 15, "resources.a.first_chunk", "is a list"},
      {pool + "first_chunk = 2026-01-01\n", 3, 15, "resources.a.first_chunk", "is a date or time"},
      {pool + "growth = \"2\"\n", 3, 10, "resources.a.growth", "is a string and must be a number from 1.05 to 4.0"},
      {pool + "spacing = 4\n", 3, 11, "resources.a.spacing", "must be one of four_per_doubling, eight_per_doubling"},
      {pool + "sizes = 16\n", 3, 9, "resources.a.sizes", "must be a list of 1 to 96 sizes"},
      {pool + "name = 5\n", 3, 8, "resources.a.name", "must be a string of 1 to 31 bytes"},
      {pool + "upstream = 5\n", 3, 12, "resources.a.upstream", "must be the name of a resource, or a table"},
      {"resources = 5\n", 1, 13, "resources", "must be a table"},
      {"[resources]\na = \"pool_resource\"\n", 2, 5, "resources.a", "is a string and must be a table"},
      {"[[resources.a]]\nstrategy = \"pool_resource\"\n", 1, 1, "resources.a", "is a list and must be a table"},
      {"default = [\"a\", \"a\"]\n" + pool, 1, 11, "default", "must be the name of one resource"},
  };
  for (const mistake& m : mistakes) expect_refused(m);
}

BOOST_AUTO_TEST_CASE(sizes_and_numbers_out_of_range_are_named_with_the_range) {
  if (test::narrow) return test::skip(test::of_64_bits);
  const std::string arena = "[resources.a]\nstrategy = \"chained_arena\"\n";
  const std::string secure = "[resources.a]\nstrategy = \"secure_resource\"\n";
  const mistake mistakes[] = {
      {pool + "first_chunk = \"64kB\"\n", 3, 15, "resources.a.first_chunk", "\"64kB\" is not allowed|must be a size"},
      {pool + "first_chunk = \"\"\n", 3, 15, "resources.a.first_chunk", "\"\" is not allowed"},
      {pool + "first_chunk = \"99999999999TiB\"\n", 3, 15, "resources.a.first_chunk", "is not allowed"},
      {pool + "first_chunk = -1\n", 3, 15, "resources.a.first_chunk", "-1 is not allowed"},
      {pool + "largest_required_pool_block = \"64KiB\"\n", 3, 31, "resources.a.largest_required_pool_block",
       "\"64KiB\" is not allowed; it must be a size of at most 32KiB"},
      {pool + "growth = 1.0\n", 3, 10, "resources.a.growth", "1.0 is not allowed; it must be a number from 1.05 to 4"},
      {pool + "growth = nan\n", 3, 10, "resources.a.growth", "nan is not allowed"},
      {pool + "growth = -inf\n", 3, 10, "resources.a.growth", "-inf is not allowed"},
      {pool + "spacing = \"fuor_per_doubling\"\n", 3, 11, "resources.a.spacing",
       "\"fuor_per_doubling\" is not known; did you mean \"four_per_doubling\"? it takes: "},
      {pool + "spacing = \"exact\"\nsizes = []\n", 4, 9, "resources.a.sizes", "has 0 sizes"},
      {pool + "spacing = \"exact\"\nsizes = [16, 0]\n", 4, 14, "resources.a.sizes",
       "0 is not allowed|from 16B to 32KiB"},
      {pool + "spacing = \"exact\"\n", 3, 11, "resources.a.spacing", "exact needs sizes"},
      {pool + "sizes = [16]\n", 3, 9, "resources.a.sizes", "has no effect here; it is only with spacing = \"exact\""},
      {pool + "name = \"0123456789012345678901234567890123456789\"\n", 3, 8, "resources.a.name", "1 to 31 bytes"},
      {pool + "name = \"a\\u007fb\"\n", 3, 8, "resources.a.name", "without control characters"},
      {arena + "growth_percent = 99\n", 3, 18, "resources.a.growth_percent", "a whole number from 100 to "},
      {arena + "limit = \"none\"\n", 3, 9, "resources.a.limit", "or \"unlimited\""},
      {secure + "region_bits = 36\n", 3, 15, "resources.a.region_bits", "from 20 to 35"},
      {secure + "canary_bytes = 9\n", 3, 16, "resources.a.canary_bytes", "0, 8, 16, 32, 64"},
      {"[resources.a]\nstrategy = \"guarded_page_resource\"\nslots = 4\n", 3, 9, "resources.a.slots", "given together"},
      {"[resources.a]\nstrategy = \"monotonic_arena\"\nauto_align = 24\n", 3, 14, "resources.a.auto_align",
       "power of two|or \"natural\""},
  };
  for (const mistake& m : mistakes) expect_refused(m);
}

BOOST_AUTO_TEST_CASE(upstreams_that_are_missing_or_go_in_circles_are_named) {
  const mistake mistakes[] = {
      {pool + "upstream = \"pages\"\n[resources.page]\nstrategy = \"page_resource\"\n", 3, 12, "resources.a.upstream",
       "there is no resource \"pages\"; did you mean \"page\"? there are: a, page"},
      {pool + "upstream = \"page_resource\"\n", 3, 12, "resources.a.upstream",
       "for a strategy write { strategy = \"page_resource\" }"},
      {"[resources.a]\nstrategy = \"sampling_guard_resource\"\n", 1, 1, "resources.a",
       "a sampling_guard_resource needs upstream, the name of a resource"},
      {pool + "upstream = \"a\"\n", 3, 12, "resources.a.upstream", "stands on itself: \"a\" -> \"a\""},
      {pool + "upstream = \"b\"\n[resources.b]\nstrategy = \"pool_resource\"\nupstream = \"c\"\n"
              "[resources.c]\nstrategy = \"pool_resource\"\nupstream = { strategy = \"pool_resource\", upstream = "
              "\"b\" }\n",
       6, 12, "resources.b.upstream", "stands on itself: \"b\" -> \"c\" -> \"c.upstream\" -> \"b\""},
      {"[budgets.a]\nparent = \"a\"\npermanent = 1\n", 2, 10, "budgets.a.parent", "stands on itself: \"a\" -> \"a\""},
      {"[resources.a]\nstrategy = \"budget_slice\"\nbudget = \"b\"\nbytes = 1\n", 3, 10, "resources.a.budget",
       "there is no budget \"b\""},
      {"[budgets.b]\npermanent = 4096\n[resources.a]\nstrategy = \"budget_slice\"\nbudget = \"b\"\n", 3, 1,
       "resources.a", "a budget_slice needs bytes"},
      {"default = \"b\"\n" + pool, 1, 11, "default", "there is no resource \"b\"|there are: a"},
      {"[resources.a]\nstrategy = \"page_resource\"\nupstream = \"b\"\n", 3, 1, "resources.a.upstream",
       "is no option of page_resource"},
  };
  for (const mistake& m : mistakes) expect_refused(m);
}

BOOST_AUTO_TEST_CASE(what_is_no_toml_is_refused_at_its_place) {
  const mistake mistakes[] = {
      {"[resources.a\nstrategy = \"pool_resource\"\n", 1, 13, "resources.a", "is no TOML: "},
      {pool + "page_local = yes\n", 3, 14, "resources.a.page_local", "is no TOML: |; it must be true or false"},
      {pool + "first_chunk = 64K\n", 3, 17, "resources.a.first_chunk",
       "is no TOML: |; it must be a size from 1KiB to 128MiB (bytes, or a string such as \"64KiB\")"},
      {pool + "spacing = exact\n", 3, 11, "resources.a.spacing", "is no TOML: |it must be one of four_per_doubling, "},
      {"[resources.a]\nstrategy = pool_resource\n", 2, 12, "resources.a.strategy", "is no TOML: |one of these|pool_"},
      {"[budgets.b]\npermanent = 64K\n", 2, 15, "budgets.b.permanent", "is no TOML: |it must be a size"},
      {"[resources.\"a.b\"]\n 'first chunk'.\"x\" = 64K\n", 2, 24, "resources.\"a.b\".\"first chunk\".x",
       "is no TOML: "},
      {pool + pool, 3, 1, "resources.a", "is no TOML: "},
      {pool + "page_local = true\npage_local = false\n", 4, 14, "resources.a.page_local",
       "is no TOML: |redefine|page_local"},
      {"default = \"a\"\ndefault = \"b\"\n" + pool, 2, 11, "default",
       "is no TOML: |redefine|default|it must be the name of one resource"},
      {"default = a\n" + pool, 1, 11, "default", "is no TOML: |it must be the name of one resource, in quotes"},
      {pool + "name = \"a\x01z\"\n", 3, 10, "resources.a.name", "has a control character"},
      {pool + std::string("name = \"a\0z\"\n", 13), 3, 10, "resources.a.name", "has a control character"},
      {std::string("\0", 1), 1, 1, "", "has a control character"},
      {"[=]\n", 1, 2, "", "a table's header must begin with a key"},
      {"\xef\xbb\xbf [[ (\n", 1, 5, "", "a table's header must begin with a key"},
      {"# \xe2\x80\xa8[#\n", 1, 3, "", "beyond ASCII"},
      {"a = \"\xc3\xa9\xc3\xa9\" \xc8\x93\n", 1, 10, "a", "beyond ASCII"},
      {"[[[a]]]\n", 1, 3, "", "a table's header must begin with a key"},
      {"[]\n", 1, 2, "", "is no TOML: "},
      {"[", 1, 2, "", "is no TOML: "},
      {"\x7f"
       "ELF\x02\x01\x01",
       1, 1, "", "has a control character"},
      {"\xff\xfe[\0r", 1, 1, "", "beyond ASCII"},
  };
  for (const mistake& m : mistakes) expect_refused(m);
}

BOOST_AUTO_TEST_CASE(what_an_option_takes_is_told_of_the_strategy_of_its_own_table) {
  BOOST_CHECK_EXCEPTION(
      check_config(pool + "[resources.b]\nfirst_chunk = 64K\n"), config_error, [](const config_error& e) {
        return e.key() == "resources.b.first_chunk" && e.problem().find("must be") == std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(a_text_without_a_resource_is_an_error) {
  for (const char* text : {"", "\n\n", "# nothing\n", "\xef\xbb\xbf", "[resources]\n", "[budgets]\n[resources]\n"})
    expect_refused({text, 0, 0, "", "has no [resources.NAME]"});
}

BOOST_AUTO_TEST_CASE(names_are_neither_empty_nor_endless_nor_unprintable) {
  const std::string rest = "]\nstrategy = \"pool_resource\"\n";
  expect_refused({"[resources.\"\"" + rest, 1, 12, "resources.\"\"", "is no name; names have 1 to 63 bytes"});
  expect_refused({"[resources.\"a\\u0000b\"" + rest, 1, 12, "resources.\"a\\u0000b\"", "is no name"});
  const std::string name(5000, 'n');
  expect_refused({"[resources." + name + rest, 1, 12, "resources.\"" + name.substr(0, 60) + "\"...", "is no name"});
  expect_refused({pool + name + " = 1\n", 3, 1, "resources.a.\"" + name.substr(0, 60) + "\"...", "is no option of"});
  check_config("[resources.\"a b.c\"" + rest);
  expect_refused({"[resources.\"a b.c\"" + rest + "upstream = { strategy = \"limiting_resource\" }\n", 3, 12,
                  "resources.\"a b.c\".upstream", "a limiting_resource needs upstream"});
  check_config("[resources." + std::string(63, 'n') + rest);
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused_before_it_takes_the_stack) {
  constexpr std::size_t many = 200'000;
  const std::string says = "is nested more than 32 deep";
  expect_refused({"a = " + repeated("[", many), 1, 37, "a", says});
  expect_refused({"a = " + repeated("{a=", many), 1, 101, "a", says});
  const std::string begins = repeated("a.", 101).substr(0, 201);  // of such a key
  expect_refused({"[" + repeated("a.", many) + "a]", 1, 65, begins, says});
  expect_refused({repeated("a.", many) + "a = 1", 1, 66, begins, says});
  expect_refused({repeated("x = { a = [ ", many), 1, 197, "x", says});
  for (const char* const quotes : {"'''", "\"\"\""})  // such a string may end in two quotes of its own
    for (const std::size_t own : {1u, 2u}) {
      const std::string text = quotes + std::string("a") + quotes + std::string(own, *quotes);
      BOOST_CHECK_THROW(check_config("y = { a = " + text + ", " + repeated("b.", many) + "b = 1 }"), config_error);
    }
  std::string stack = "{ strategy = \"page_resource\" }";
  for (int i = 0; i < 10; ++i) stack = "{ strategy = \"pool_resource\", upstream = " + stack + " }";
  check_config(pool + "upstream = " + stack);
  for (int i = 0; i < 30; ++i) stack = "{ strategy = \"pool_resource\", upstream = " + stack + " }";
  BOOST_CHECK_THROW(check_config(pool + "upstream = " + stack), config_error);
}

BOOST_AUTO_TEST_CASE(strings_and_comments_are_no_nesting) {
  const std::string brackets = repeated("[.{", 100);
  check_config("# " + brackets + "\n" + pool + "# \"\n" + "name = 'a\\' # ' " + brackets + "\n");
  check_config("[resources.a] # '''\nstrategy = '''pool_resource''' # " + brackets + "\n");
  check_config("[resources.a]\nstrategy = 'pool_resource'\nname = \"\"\"say \"hi\"\"\"\"   # \"\xc3\xa9");
  check_config("[resources.\"" + brackets.substr(0, 60) + "\"]\nstrategy = \"pool_resource\"\n");
  check_config("[resources.a]\nstrategy = \"\"\"\\\n  pool_resource\"\"\" # " + brackets);
  std::string sizes = "16";
  for (int i = 0; i < 50; ++i) sizes += ", \n 1.5";
  BOOST_CHECK_EXCEPTION(check_config(pool + "spacing = \"exact\"\nsizes = [" + sizes + "]\n"), config_error,
                        [](const config_error& e) { return e.key() == "resources.a.sizes" && e.line() == 5; });
}

BOOST_AUTO_TEST_CASE(long_chains_and_long_circles_need_no_deep_stack) {
  constexpr int count = 20'000;
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "[resources.r" + std::to_string(i) + "]\nstrategy = \"pool_resource\"\nupstream = \"r" +
            std::to_string(i + 1) + "\"\n";
  check_config(text + "[resources.r20000]\nstrategy = \"page_resource\"\n");
  text += "[resources.r20000]\nstrategy = \"pool_resource\"\nupstream = \"r0\"\n";
  BOOST_CHECK_EXCEPTION(check_config(text), config_error, [](const config_error& e) {
    return e.problem().find("stands on itself") == 0 && e.problem().find("...") != e.problem().npos &&
           is_one_clear_line(e.what());
  });
}

BOOST_AUTO_TEST_CASE(an_error_is_one_line_whatever_files_and_factories_are_called) {
  const config_error wrong("a\nfile", 1, 2, "key", "says\r\nmuch\x7f");
  BOOST_TEST(wrong.what() == std::string("a?file:1:2: key: says??much?"));
  BOOST_TEST(wrong.file() == "a\nfile");
  BOOST_TEST(wrong.problem() == "says\r\nmuch\x7f");
}

BOOST_AUTO_TEST_CASE(what_stands_below_a_budget_in_place_is_named_there) {
  expect_refused(
      {"[budgets.b]\npermanent = 4096\non_overflow = \"fall_back\"\n"
       "fallback = { strategy = \"page_resource\", huge = true }\n" +
           pool,
       4, 42, "budgets.b.fallback.huge", "is no option of page_resource"});
  expect_refused(
      {"[budgets.b]\npermanent = 4096\non_overflow = \"fall_back\"\n"
       "fallback = { strategy = \"limiting_resource\" }\n" +
           pool,
       4, 12, "budgets.b.fallback", "a limiting_resource needs upstream"});
}

BOOST_AUTO_TEST_CASE(a_megabyte_of_garbage_is_one_error) {
  std::mt19937 random(1);
  std::string bytes(std::size_t{1} << 20, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  std::string letters = bytes;
  for (char& c : letters) c = "ab.=[]{}\"'#,\n 1\\"[static_cast<unsigned char>(c) % 16];
  for (const std::string& text : {bytes, letters, std::string(std::size_t{1} << 20, ' ') + "x",
                                  std::string(std::size_t{1} << 20, 'x'), std::string(std::size_t{1} << 20, '"')}) {
    BOOST_CHECK_EXCEPTION(check_config(text), config_error, [](const config_error& e) {
      return e.file() == "config" && e.line() > 0 && e.column() > 0 && is_one_clear_line(e.what());
    });
  }
  expect_refused({std::string(std::size_t{5} << 20, '#'), 0, 0, "", "is longer than the 4 MiB"});
}

BOOST_AUTO_TEST_CASE(marks_of_encoding_and_other_line_ends_are_read) {
  check_config("\xef\xbb\xbf[resources.a]\r\nstrategy = \"pool_resource\"\r\nfirst_chunk = \"1MiB\"\r\n");
  expect_refused({"\xef\xbb\xbf[resources.a]\r\nstrategy = \"pool_resource\"\r\nfirst_chunk = \"1MB\"\r\n", 3, 15,
                  "resources.a.first_chunk", "\"1MB\" is not allowed"});
  check_config("[resources.\"\xc3\xa9t\xc3\xa9\"]\nstrategy = \"pool_resource\"\n");
}

BOOST_AUTO_TEST_CASE(a_count_that_no_variable_holds_is_refused) {
  const std::string many = "[resources.a]\nstrategy = \"guarded_page_resource\"\nquarantine_blocks = 4294967296\n";
  if (test::narrow)
    BOOST_CHECK_EXCEPTION((void)parse_config(many), config_error,
                          [](const config_error& e) { return e.key() == "resources.a.quarantine_blocks"; });
  else
    BOOST_TEST(parse_config(many).describe().find("quarantine_blocks = 4294967296") != std::string::npos);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(files_that_cannot_be_read_are_named_with_the_reason) {
  const auto expect = [](const std::string& path, const std::string& reason) {
    BOOST_CHECK_EXCEPTION((void)load_config(path), config_error, [&](const config_error& e) {
      BOOST_TEST_MESSAGE(e.what());
      return e.file() == path && e.line() == 0 && e.problem() == "cannot be read: " + reason;
    });
  };
  expect("no/such/file.toml", "No such file or directory");
  expect("", "No such file or directory");
  expect(std::filesystem::temp_directory_path().string(), "it is a directory");
  const std::string no_file = "it is a pipe, a device or the like, and must be a regular file";
  expect("/dev/zero", no_file);
  const test::temporary_file large_file("allot_config_large");
  const std::filesystem::path large = large_file.path();
  std::ofstream(large) << "#";
  std::filesystem::resize_file(large, std::uintmax_t{1} << 40);
  expect(large.string(), "it is longer than the 4 MiB a config may have; is it the right file?");
  BOOST_CHECK_THROW((void)read_config_file(large.string()), config_error);
  std::ofstream(large, std::ios::trunc) << pool;
  BOOST_TEST(read_config_file(large.string()) == pool);
  const test::temporary_file pipe("allot_config_pipe");
  BOOST_REQUIRE(::mkfifo(pipe.path().c_str(), 0600) == 0);
  expect(pipe.path(), no_file);  // and does not wait for a writer
}
#endif

BOOST_AUTO_TEST_SUITE_END()
