#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "house/rules.hpp"
#include "support/child.hpp"

using namespace allot::test;

namespace {

namespace fs = std::filesystem;

const fs::path root = ALLOT_SOURCE_DIR;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The files of the source tree, relative to its root.
std::set<std::string> files() {
  std::set<std::string> found;
  for (const char* folder : {"include", "lib", "test", "examples"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file()) found.insert(entry.path().lexically_relative(root).generic_string());
  return found;
}

/// The top level of what git has, or nothing when this is no checkout: what else lies in the folder is nobody's
/// business.
std::set<std::string> tracked_top_level() {
  std::set<std::string> names;
  // safe.directory: in a container the checkout may belong to another user
  const std::string command = "git -c safe.directory='*' -C '" + root.string() + "' ls-files 2>/dev/null";
  std::FILE* const listing = ::popen(command.c_str(), "r");
  if (listing == nullptr) return names;
  std::array<char, 4096> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), listing) != nullptr) {
    const std::string path = line.data();
    names.insert(path.substr(0, path.find_first_of("/\n")));
  }
  ::pclose(listing);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(source_tree)

BOOST_AUTO_TEST_CASE(every_file_keeps_the_rules) {
  const std::set<std::string> all = files();
  BOOST_TEST(all.count("include/allot/core/compiler.hpp") == 1u);
  for (const std::string& path : all)
    for (const std::string& violation : house::violations(path, read(root / path))) BOOST_ERROR(violation);
}

BOOST_AUTO_TEST_CASE(every_file_of_lib_has_its_public_header) {
  for (const std::string& violation : house::mirror_violations(files())) BOOST_ERROR(violation);
}

BOOST_AUTO_TEST_CASE(the_top_level_is_what_the_design_says) {
  const std::set<std::string> names = tracked_top_level();
  if (names.empty()) return skip("the source tree is not a git checkout, or git is not there");
  BOOST_TEST(names.count("include") == 1u);
  for (const std::string& violation : house::top_level_violations(names)) BOOST_ERROR(violation);
}

BOOST_AUTO_TEST_SUITE_END()
