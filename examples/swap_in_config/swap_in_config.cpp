// One program, any strategy: three kinds of memory are named here, a config file says what each of them is.
//
//     swap_in_config arenas.toml
//
// Orders come in batches. The book keeps the open ones for long, a batch is read into memory that is thrown away after
// it, and each customer has a statement that grows. The report is the same with every config; the time is not.

#include <algorithm>
#include <allot/arena/arena.hpp>
#include <allot/config/config.hpp>
#include <allot/core/resource.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

namespace {

struct order {
  std::uint32_t number;
  std::uint32_t customer;
  std::uint64_t cents;
};

/// The same numbers on every machine (Marsaglia, Xorshift RNGs, 2003).
class numbers {
 public:
  std::uint32_t below(std::uint32_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ % bound;
  }

 private:
  std::uint32_t state_ = 2463534242;
};

/// As it would come over the network.
std::pmr::string next_batch(numbers& random, std::uint32_t& next_number, std::pmr::memory_resource* memory) {
  std::pmr::string text(memory);
  for (int i = 0; i < 200; ++i)
    for (const std::uint32_t field : {next_number++, random.below(500), random.below(100000)})
      text.append(std::pmr::string(std::to_string(field), memory)).append(" ");
  return text;
}

std::pmr::vector<order> parsed(const std::pmr::string& text, std::pmr::memory_resource* memory) {
  std::pmr::vector<order> batch(memory);
  const char* at = text.c_str();
  const auto field = [&at] {
    char* end = nullptr;
    const unsigned long long value = std::strtoull(at, &end, 10);
    at = end + 1;
    return value;
  };
  while (*at != '\0') {
    const auto number = static_cast<std::uint32_t>(field());
    const auto customer = static_cast<std::uint32_t>(field());
    batch.push_back({number, customer, field()});
  }
  return batch;
}

/// What is temporary for a batch goes at once where the strategy can do that; others have it back already.
void end_batch(std::pmr::memory_resource* memory) {
  if (auto* const arena = dynamic_cast<allot::arena*>(memory)) arena->clear();
}

struct report {
  std::size_t open = 0;
  std::uint64_t open_cents = 0;
  std::size_t lines = 0;
  std::size_t longest_statement = 0;
};

report trade(const allot::resource_set& resources) {
  // Looked up once: containers hold the resource itself.
  std::pmr::memory_resource* const book_memory = resources["book"];
  std::pmr::memory_resource* const batch_memory = resources["batches"];
  std::pmr::memory_resource* const statement_memory = resources["statements"];

  std::pmr::map<std::uint32_t, order> book(book_memory);
  std::pmr::vector<std::pmr::string> statements(500, statement_memory);
  numbers random;
  std::uint32_t next_number = 1;
  for (int round = 0; round < 200; ++round) {
    {
      const std::pmr::string text = next_batch(random, next_number, batch_memory);
      for (const order& each : parsed(text, batch_memory)) {
        book.emplace(each.number, each);
        statements[each.customer].append("order ").append(std::to_string(each.number)).append("\n");
      }
    }
    end_batch(batch_memory);
    for (int filled = 0; filled < 190; ++filled) {
      const auto found = book.lower_bound(random.below(next_number));
      if (found != book.end()) book.erase(found);
    }
  }

  report result;
  result.open = book.size();
  for (const auto& [number, each] : book) result.open_cents += each.cents;
  for (const std::pmr::string& each : statements) {
    for (const char c : each) result.lines += c == '\n';
    result.longest_statement = std::max(result.longest_statement, each.size());
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: swap_in_config FILE\n";
    return 64;
  }
  try {
    const allot::resource_set resources = allot::load_config(argv[1]);
    const auto begin = std::chrono::steady_clock::now();
    const report result = trade(resources);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    std::cout << result.open << " orders are open, worth " << result.open_cents << " cents\n"
              << result.lines << " lines in statements, the longest has " << result.longest_statement << " bytes\n";
    for (const std::string& name : {std::string("book"), std::string("batches"), std::string("statements")})
      if (const allot::resource* const ours = allot::as_resource(resources[name]))
        std::cerr << name << ": " << ours->kind() << '\n';
    std::cerr << time.count() << " ms\n";
  } catch (const allot::config_error& wrong) {
    std::cerr << "swap_in_config: " << wrong.what() << '\n';
    return 78;
  } catch (const std::exception& error) {
    std::cerr << "swap_in_config: " << error.what() << '\n';
    return 1;
  }
}
