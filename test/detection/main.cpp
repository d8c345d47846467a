// Attacks our secure resources, and other allocators beside them, and tells what came of it: docs/detection.md is what
// this program prints. Each try is a process of its own.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "detection/attacks.hpp"
#include "detection/table.hpp"
#include "detection/trial.hpp"
#include "support/arguments.hpp"

namespace {

using namespace allot::detection;
using allot::test::wrong_usage;

constexpr int exit_usage = 64;
constexpr std::size_t layout_pairs = 200'000;

constexpr std::string_view usage = R"(usage: detection [OPTION]...

  --tries N           how often each attack is tried, up to 1000 (default: 12)
  --only NAME,NAME    only these candidates: checked, hardened, paranoid, trap, glibc, or one of --preload
  --attack NAME       only this attack; --list names them
  --preload NAME=LIB  another candidate: the malloc of this library, loaded before the C library
  --check PAGE        no table: compare ours with the tables of that page; exit code 1 when something is worse
  --explain           also print what the candidates say, to standard error
  --list              print candidates and attacks
)";

struct options {
  std::size_t tries = 12;
  std::vector<std::string> only;
  std::string attack;
  std::vector<candidate> preloaded;
  std::string page;
  bool explain = false;
  bool list = false;
};

options parsed(const std::vector<std::string>& arguments) {
  options found;
  allot::test::for_each_option(arguments, [&](const std::string& name, const auto& value) {
    if (name == "--tries") {
      found.tries = allot::test::number_in(value(), 1000);
    } else if (name == "--only") {
      found.only = allot::test::names_in(value());
    } else if (name == "--attack") {
      found.attack = value();
    } else if (name == "--preload") {
      const std::string& text = value();
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0) throw wrong_usage("not NAME=LIB: '" + text + "'");
      found.preloaded.push_back({text.substr(0, equals), std::nullopt, text.substr(equals + 1)});
    } else if (name == "--check") {
      found.page = value();
    } else if (name == "--explain") {
      found.explain = true;
    } else if (name == "--list") {
      found.list = true;
    } else {
      throw wrong_usage("no such option: '" + name + "'");
    }
  });
  return found;
}

std::vector<candidate> chosen_candidates(const options& wanted, std::vector<std::string>& missing) {
  std::vector<candidate> all = own_candidates();
  for (const candidate& c : wanted.preloaded) {
    if (can_be_had(c))
      all.push_back(c);
    else
      missing.push_back(c.name);
  }
  return allot::test::chosen_by_name(all, wanted.only);
}

std::vector<attack> chosen_attacks(const options& wanted) {
  std::vector<attack> chosen;
  for (const attack& a : attacks())
    if (wanted.attack.empty() || a.name == wanted.attack) chosen.push_back(a);
  if (chosen.empty()) throw wrong_usage("no such attack: '" + wanted.attack + "'");
  return chosen;
}

cell attacked(const candidate& of, const attack& by, const options& wanted) {
  cell found;
  for (std::size_t turn = 0; turn < wanted.tries; ++turn) {
    std::string said;
    const outcome came = try_attack(of, by, turn, said);
    found.add(came);
    if (wanted.explain) std::cerr << by.name << " on " << of.name << ": " << word(came) << '\n' << said;
  }
  return found;
}

layout_cell measured(const candidate& of, std::size_t bytes) {
  const auto found = try_layout(of, bytes, layout_pairs);
  if (!found) throw std::runtime_error(of.name + " could not be measured with " + std::to_string(bytes) + " bytes");
  return layout_cell::of(*found);
}

void print_tables(const options& wanted) {
  std::vector<std::string> missing;
  const std::vector<candidate> candidates = chosen_candidates(wanted, missing);
  std::vector<std::string> names;
  for (const candidate& c : candidates) names.push_back(c.name);

  std::cout << "Tries of each attack: " << wanted.tries << ".\n";
  for (const std::string& name : missing) std::cout << "Left out, because it is not installed: " << name << ".\n";
  std::cout << '\n';
  print_head(std::cout, "attack", names);
  for (const attack& a : chosen_attacks(wanted)) {
    std::vector<std::string> cells;
    for (const candidate& c : candidates) cells.push_back(attacked(c, a, wanted).text());
    print_row(std::cout, a.title, cells);
    std::cout.flush();
  }
  if (!wanted.attack.empty()) return;

  std::cout << '\n';
  print_head(std::cout, "layout", names);
  for (const std::size_t bytes : layout_sizes) {
    std::vector<std::string> adjacent;
    std::vector<std::string> frees;
    for (const candidate& c : candidates) {
      const layout_cell now = measured(c, bytes);
      adjacent.push_back(now.adjacent_text());
      frees.push_back(now.frees_text());
    }
    print_row(std::cout, adjacent_title(bytes), adjacent);
    print_row(std::cout, frees_title(bytes), frees);
  }
}

/// Compares with what a page states, and counts.
class comparison {
 public:
  explicit comparison(const std::string& page) : name_(page), in_(page), stated_(in_) {}

  void attack_on(const candidate& c, const attack& a, const cell& now) {
    const auto text = stated_.find(a.title, c.name);
    const auto stated = text ? cell::parse(*text) : std::nullopt;
    count(a.title, c, stated && !is_worse(now, *stated, a.decided == attack::by::layout), text.value_or("nothing"),
          now.text());
  }

  /// Random layouts differ from run to run, so some is allowed for.
  void layout_of(const candidate& c, std::size_t bytes, const layout_cell& now) {
    constexpr double percents_of_luck = 10;
    const auto adjacent = stated_.find(adjacent_title(bytes), c.name);
    count(adjacent_title(bytes), c,
          adjacent && now.adjacent <= std::strtod(adjacent->c_str(), nullptr) + percents_of_luck,
          adjacent.value_or("nothing"), now.adjacent_text());
    const auto frees = stated_.find(frees_title(bytes), c.name);
    const std::size_t slash = frees ? frees->find('/') : std::string::npos;
    bool good = slash != std::string::npos;
    if (good) {
      const std::size_t digit = frees->find_first_of("0123456789", slash);
      good = digit != std::string::npos && now.median >= std::strtoul(frees->c_str() + digit, nullptr, 10) / 2;
    }
    count(frees_title(bytes), c, good, frees.value_or("nothing"), now.frees_text());
  }

  int result() const {
    std::cout << compared_ << " cells compared, " << worse_ << " worse\n";
    return worse_ == 0 && compared_ > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }

 private:
  void count(std::string_view row, const candidate& c, bool good, const std::string& stated, const std::string& now) {
    ++compared_;
    if (good) return;
    ++worse_;
    std::cout << c.name << ", " << row << ": " << name_ << " states " << stated << ", now " << now << '\n';
  }

  std::string name_;
  std::ifstream in_;
  page_tables stated_;
  std::size_t compared_ = 0;
  std::size_t worse_ = 0;
};

int compare(const options& wanted) {
  std::vector<std::string> missing;
  comparison with(wanted.page);
  for (const candidate& c : chosen_candidates(wanted, missing)) {
    if (!c.level) continue;
    for (const attack& a : chosen_attacks(wanted)) with.attack_on(c, a, attacked(c, a, wanted));
    if (!wanted.attack.empty()) continue;
    for (const std::size_t bytes : layout_sizes) with.layout_of(c, bytes, measured(c, bytes));
  }
  return with.result();
}

void list(const options& wanted) {
  std::vector<std::string> missing;
  for (const candidate& c : chosen_candidates(wanted, missing)) std::cout << "candidate  " << c.name << '\n';
  for (const attack& a : attacks()) std::cout << "attack     " << a.name << ": " << a.title << '\n';
}

}  // namespace

int main(int count, char** arguments) {
  if (is_trial(count, arguments)) run_trial(arguments);
  try {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words == std::vector<std::string>{"--help"}) {
      std::cout << usage;
      return EXIT_SUCCESS;
    }
    const options wanted = parsed(words);
    if (wanted.list) {
      list(wanted);
      return EXIT_SUCCESS;
    }
    if (!wanted.page.empty()) return compare(wanted);
    print_tables(wanted);
    return EXIT_SUCCESS;
  } catch (const wrong_usage& e) {
    std::cerr << "detection: " << e.what() << '\n' << usage;
    return exit_usage;
  } catch (const std::exception& e) {
    std::cerr << "detection: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
