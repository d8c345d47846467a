// check-config and strategies

#include <allot/config/config.hpp>
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "tool/run_tool.hpp"

using namespace allot::test;

BOOST_AUTO_TEST_SUITE(config_commands)

BOOST_AUTO_TEST_CASE(all_files_are_checked_and_each_mistake_has_its_place) {
  const temporary_file good("good");
  const temporary_file bad("bad");
  write_text(good.path(), one_resource("pool_resource"));
  write_text(bad.path(), "[resources.a]\nstrategy = 'pool_resource'\nspacing = 'none'\n");
  BOOST_TEST(run_tool({"check-config", good.path()}).code == 0);
  BOOST_TEST(run_tool({"check-config", good.path()}).out == good.path() + ": good\n");

  const tool_outcome both = run_tool({"check-config", bad.path(), good.path()});
  BOOST_TEST(both.code == 1);
  BOOST_TEST(both.says("allot: " + bad.path() + ":3:"), both.errors);
  BOOST_TEST(both.out == good.path() + ": good\n");

  const nlohmann::json told = run_tool({"check-config", bad.path(), good.path(), "--json"}).value()["files"];
  BOOST_TEST(told[0]["good"] == false);
  BOOST_TEST(told[0]["error"]["line"] == 3);
  BOOST_TEST(told[0]["error"]["key"] == "resources.a.spacing");
  BOOST_TEST(told[1]["good"] == true);
  BOOST_TEST(!told[1].contains("error"));

  BOOST_TEST(run_tool({"check-config", bad.path(), bad.path() + ".not"}).code == 66);
  BOOST_TEST(run_tool({"check-config", std::filesystem::temp_directory_path().string()}).code == 1);
}

BOOST_AUTO_TEST_CASE(every_strategy_is_listed_with_a_line) {
  const tool_outcome done = run_tool({"strategies"});
  const nlohmann::json told = run_tool({"strategies", "--json"}).value()["strategies"];
  std::set<std::string> names;
  for (const auto& each : told) {
    names.insert(each["name"].get<std::string>());
    BOOST_TEST(each["summary"].get<std::string>().size() > 5u, each);
    BOOST_TEST(done.prints(each["name"].get<std::string>() + " "));
  }
  for (const std::string& each : allot::strategy_names()) BOOST_TEST(names.count(each) == 1u, each);
}

BOOST_AUTO_TEST_CASE(one_strategy_is_told_with_all_its_options_and_nothing_of_the_next) {
  const tool_outcome done = run_tool({"strategies", "pool_resource"});
  BOOST_TEST(done.code == 0);
  allot::check_config(done.out);
  BOOST_TEST(done.out.rfind("# blocks of many sizes", 0) == 0u, done.out);
  BOOST_TEST(done.out.substr(done.out.size() - 18) == "# checked = false\n");

  const nlohmann::json told = run_tool({"strategies", "page_resource", "--json"}).value();
  BOOST_TEST(told["options"].size() == 2u);
  BOOST_TEST(told["options"][0]["name"] == "huge_pages");
  BOOST_TEST(told["options"][0]["takes"] == "true or false");
  BOOST_TEST(told["options"][0]["value"] == "false");
  BOOST_TEST(run_tool({"strategies", "budget_slice", "--json"}).value()["options"][1]["value"] == "\"4KiB\"");
}

BOOST_AUTO_TEST_SUITE_END()
