#include <algorithm>
#include <allot/config/config.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/temporary_file.hpp"

using namespace allot;

namespace {

std::string traced(const test::temporary_file& to) {
  return "[resources.pages]\nstrategy = \"page_resource\"\n[resources.a]\nstrategy = \"tracing_resource\"\n"
         "upstream = \"pages\"\nfile = '" +
         to.path() + "'\n";
}

const std::string impossible =
    "[resources.b]\nstrategy = \"tracing_resource\"\nupstream = \"a\"\nfile = \"/no/such/folder/file\"\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(config_tracing)

BOOST_AUTO_TEST_CASE(lines_are_added_to_the_file) {
  const test::temporary_file to("allot_trace.txt");
  for (int i = 0; i < 2; ++i) {
    const resource_set resources = parse_config(traced(to));
    resources["a"]->deallocate(resources["a"]->allocate(100), 100);
  }
  const std::vector<char> lines = to.content();
  BOOST_TEST(std::count(lines.begin(), lines.end(), '\n') == 4);
}

BOOST_AUTO_TEST_CASE(a_file_is_not_left_behind_when_a_later_part_cannot_be_made) {
  const test::temporary_file to("allot_trace.txt");
  BOOST_CHECK_EXCEPTION((void)parse_config(traced(to) + impossible), config_error, [](const config_error& e) {
    return e.key() == "resources.b" &&
           std::string(e.what()).find("/no/such/folder/file: No such file") != std::string::npos;
  });
  BOOST_TEST(!std::filesystem::exists(to.path()));
  std::ofstream(to.path(), std::ios::binary) << "before\n";
  BOOST_CHECK_THROW((void)parse_config(traced(to) + impossible), config_error);
  const std::vector<char> kept = to.content();
  BOOST_TEST(std::string(kept.begin(), kept.end()) == "before\n");  // somebody else's stays
}

BOOST_AUTO_TEST_CASE(a_replacement_leaves_its_file_only_when_all_of_it_is_made) {
  const test::temporary_file to("allot_trace.txt");
  resource_set resources = parse_config("[resources.a]\nstrategy = \"page_resource\"\n");
  const std::string file = "', upstream = { strategy = \"page_resource\" } }\n";
  const std::string below = "upstream = { strategy = \"tracing_resource\", file = '" + to.path() + file;
  const std::string traced_twice = "strategy = \"tracing_resource\"\n" + below;
  BOOST_CHECK_THROW(resources.replace("a", traced_twice + "file = \"/no/such/folder/file\"\n"), config_error);
  BOOST_TEST(!std::filesystem::exists(to.path()));
  resources.replace("a", traced_twice);
  BOOST_TEST(std::filesystem::exists(to.path()));
  resources.replace("a", "strategy = \"page_resource\"\n");
  BOOST_TEST(std::filesystem::exists(to.path()));
}

BOOST_AUTO_TEST_SUITE_END()
