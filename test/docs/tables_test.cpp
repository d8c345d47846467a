// What the pages list, against what the library says.

#include <algorithm>
#include <allot/core/memory_errc.hpp>
#include <allot/secure/secure_options.hpp>
#include <allot/secure/secure_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace allot;

namespace {

std::string page(const std::string& name) {
  std::ifstream in(ALLOT_DOCS_DIR "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The first line that starts so, or "".
std::string line_of(const std::string& text, const std::string& start) {
  const std::size_t at = ("\n" + text).find("\n" + start);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

/// The row of an option in the table of levels.
template <class Shown>
std::string row_of_levels(const std::string& option, Shown shown) {
  std::string row = "\n| `" + option + "` |";
  for (const auto level : {secure_level::checked, secure_level::hardened, secure_level::paranoid, secure_level::trap})
    row += " " + std::string(shown(completed(options_at(level)))) + " |";
  return row + "\n";
}

/// log2 of the most blocks that lie beside each other between two guards: the places of a slab.
double bits_of_places(std::size_t bytes) {
  secure_options options;
  options.guard_interval = 1;
  secure_resource memory(options);
  std::vector<std::uintptr_t> blocks((std::size_t{16} << 20) / (bytes + 1024));
  for (std::uintptr_t& each : blocks) each = reinterpret_cast<std::uintptr_t>(memory.allocate(bytes, 8));
  std::sort(blocks.begin(), blocks.end());
  std::uintptr_t stride = UINTPTR_MAX;
  for (std::size_t i = 1; i < blocks.size(); ++i) stride = std::min(stride, blocks[i] - blocks[i - 1]);
  int run = 1;
  int longest = 1;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    run = blocks[i] - blocks[i - 1] == stride ? run + 1 : 1;
    longest = std::max(longest, run);
  }
  return std::log2(longest);
}

/// log2 of how many freed blocks wait in random order, which are half of all that wait.
double bits_of_quarantine(secure_level level, std::size_t bytes) {
  secure_resource memory(options_at(level));
  for (int i = 0; i < 60'000; ++i) memory.deallocate(memory.allocate(bytes, 8), bytes, 8);
  return std::log2(static_cast<double>(memory.report().quarantined_blocks) / 2);
}

std::string rounded(double bits) { return std::to_string(std::lround(bits)); }

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pages)

BOOST_AUTO_TEST_CASE(the_table_of_errors_has_every_code_with_its_message_and_hint) {
  const std::string errors = page("errors.md");
  int codes = 0;
  for (;; ++codes) {
    const auto code = static_cast<memory_errc>(codes);
    if (message(code) == message(static_cast<memory_errc>(-1))) break;
    const std::string row = line_of(errors, "| " + std::to_string(codes) + " | `");
    const std::string end = " | " + std::string(message(code)) + " | " + std::string(hint(code)) + " |";
    BOOST_TEST(ends_with(row, end), "docs/errors.md has no row that ends with:" << end);
  }
  BOOST_TEST(codes > 1);
  BOOST_TEST(line_of(errors, "| " + std::to_string(codes) + " | `") == "");
}

BOOST_AUTO_TEST_CASE(the_table_of_misuse_has_every_kind) {
  const std::string header = page("../include/allot/core/misuse.hpp");
  std::string first_cells;
  std::istringstream errors(page("errors.md"));
  for (std::string line; std::getline(errors, line);)
    if (line.rfind("| `", 0) == 0) first_cells += line.substr(0, line.find(" | "));
  const std::string first = "enum class misuse_kind {\n";
  const std::size_t start = header.find(first);
  BOOST_TEST_REQUIRE(start != std::string::npos);
  std::istringstream kinds(header.substr(start + first.size(), header.find("};", start) - start - first.size()));
  int count = 0;
  for (std::string line; std::getline(kinds, line); ++count) {
    const std::string kind = line.substr(2, line.find(',') - 2);
    BOOST_TEST(first_cells.find("`" + kind + "`") != std::string::npos,
               "docs/errors.md does not say who finds " << kind);
  }
  BOOST_TEST(count > 20);
}

BOOST_AUTO_TEST_CASE(the_table_of_secure_levels_has_what_they_stand_for) {
  constexpr std::array wishes{"none", "attempt", "require"};
  constexpr std::array policies{"inherit", "wipe", "deny"};
  const auto yes = [](bool is) { return is ? "yes" : "no"; };
  const auto wish_name = [&](wish w) { return wishes.at(static_cast<std::size_t>(w)); };
  using options = secure_options;
  const std::string security = page("security.md");
  for (const std::string& row : {
           row_of_levels("region_bits", [](const options& o) { return std::to_string(*o.region_bits); }),
           row_of_levels("quarantine", [](const options& o) { return std::to_string(*o.quarantine / 1024) + " KiB"; }),
           row_of_levels("guard_interval", [](const options& o) { return std::to_string(*o.guard_interval); }),
           row_of_levels("canary_bytes", [](const options& o) { return std::to_string(*o.canary_bytes); }),
           row_of_levels("random_places", [&](const options& o) { return yes(*o.random_places); }),
           row_of_levels("zero_on_free", [&](const options& o) { return yes(*o.zero_on_free); }),
           row_of_levels("verify_on_allocate", [&](const options& o) { return yes(*o.verify_on_allocate); }),
           row_of_levels("lock", [&](const options& o) { return wish_name(*o.lock); }),
           row_of_levels("no_dump", [&](const options& o) { return wish_name(*o.no_dump); }),
           row_of_levels("fork", [&](const options& o) { return policies.at(static_cast<std::size_t>(*o.fork)); }),
       })
    BOOST_TEST(security.find(row) != std::string::npos, "docs/security.md does not have" << row);
}

BOOST_AUTO_TEST_CASE(the_table_of_randomness_has_what_there_is) {
  const std::string security = page("security.md");
  const auto has = [&](const std::string& start, const std::string& bits) {
    BOOST_TEST(line_of(security, "| " + start + " | " + bits) != "",
               "docs/security.md has no row that begins with: " << start << " | " << bits);
  };
  secure_resource memory;
  (void)memory.allocate(16, 8);
  const secure_report report = memory.report();
  // Where a memory tool has the addresses in hand, or there are few, places are the system's.
  if (report.region_entropy != 0 && sizeof(void*) == 8)
    has("place of a region, of large blocks, of the records",
        "about " + rounded(report.region_entropy) + " on 64-bit Linux");
  has("a canary", rounded(report.canary_entropy) + ",");
  has("a block's place in an empty slab",
      rounded(bits_of_places(16)) + " for 16 bytes, " + rounded(bits_of_places(64)) + " for 64, " +
          rounded(bits_of_places(1024)) + " for 1 KiB, " + rounded(bits_of_places(31 * 1024)) + " for 31 KiB");
  using level = secure_level;
  has("place in the quarantine at `hardened`", rounded(bits_of_quarantine(level::hardened, 16)) + " for 16 bytes, " +
                                                   rounded(bits_of_quarantine(level::hardened, 64)) + " for 64, " +
                                                   rounded(bits_of_quarantine(level::hardened, 1024)) + " for 1 KiB,");
  has("the same at `paranoid`", rounded(bits_of_quarantine(level::paranoid, 16)) + ", " +
                                    rounded(bits_of_quarantine(level::paranoid, 64)) + ", " +
                                    rounded(bits_of_quarantine(level::paranoid, 1024)) + " |");
}

BOOST_AUTO_TEST_CASE(every_page_is_in_the_list_of_all_pages) {
  const std::string list = page("README.md");
  for (const auto& entry : std::filesystem::directory_iterator(ALLOT_DOCS_DIR)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".md" || name == "README.md") continue;
    BOOST_TEST((list.find("](" + name + ")") != std::string::npos), "docs/README.md does not list " << name);
  }
}

BOOST_AUTO_TEST_CASE(every_name_in_the_table_of_arena_names_stands_in_the_program_below_it) {
  const std::string names = page("arena_names.md");
  const std::size_t block = names.find("\n```cpp\n");
  BOOST_TEST_REQUIRE(block != std::string::npos);
  const std::string program = names.substr(block);
  int rows = 0;
  for (std::size_t row = names.find("\n| `"); row < block; row = names.find("\n| `", row + 1), ++rows) {
    const std::size_t cell = names.find(" | `", row + 1) + 4;
    const std::string ours = names.substr(cell, names.find('`', cell) - cell);
    BOOST_TEST((program.find(ours) != std::string::npos), "no program of docs/arena_names.md has: " << ours);
  }
  BOOST_TEST(rows > 20);
}

BOOST_AUTO_TEST_SUITE_END()
