// A program that takes general_resource by one line: an address book with short strings, longer notes and a photograph
// here and there, so small, medium and large blocks. What the tiers have is shown when the book is full, when most of
// it has been thrown away, and when nothing is left.

#include <allot/general/general_resource.hpp>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

namespace {

/// All its members' memory comes from where the entry's does.
struct entry {
  using allocator_type = std::pmr::polymorphic_allocator<std::byte>;

  explicit entry(const allocator_type& allocator) : street(allocator), notes(allocator), photograph(allocator) {}

  std::pmr::string street;
  std::pmr::vector<std::pmr::string> notes;
  std::pmr::vector<std::byte> photograph;
};

using address_book = std::pmr::map<std::pmr::string, entry>;

void add(address_book& book, int number) {
  entry& made = book[std::pmr::string("someone with the number " + std::to_string(number), book.get_allocator())];
  made.street = "street of many houses, house number " + std::to_string(number * 7);
  for (int i = 0; i < number % 5; ++i) made.notes.emplace_back(static_cast<std::size_t>(100 + number * 13 % 3000), 'n');
  if (number % 200 == 0) made.photograph.resize(std::size_t{2} << 20);
}

void print(const char* when, const allot::general_resource& memory) {
  const allot::general_statistics now = memory.statistics();
  std::cout << when << '\n';
  const auto line = [](const char* name, const allot::general_tier& tier) {
    std::cout << "  " << std::left << std::setw(7) << name << std::right << std::setw(7) << tier.live_blocks
              << " blocks" << std::setw(10) << tier.live_bytes << " bytes\n";
  };
  line("small", now.small_tier);
  line("medium", now.medium_tier);
  line("large", now.large_tier);
  std::cout << "  committed" << std::setw(23) << memory.usage().committed << " bytes\n";
}

}  // namespace

int main() {
  allot::general_resource memory;
  address_book book(&memory);

  for (int i = 0; i < 2000; ++i) add(book, i);
  print("2000 entries", memory);
  bool good = memory.statistics().large_tier.live_blocks == 10 && memory.statistics().small_tier.live_blocks >= 4000;
  const std::size_t full = memory.usage().committed;

  for (auto at = book.begin(); at != book.end();) at = at->second.notes.size() < 4 ? book.erase(at) : std::next(at);
  memory.trim();
  print("those with fewer than four notes removed", memory);
  good = good && book.size() == 400 && memory.statistics().large_tier.live_blocks == 0 &&
         memory.usage().committed < full / 3;

  book.clear();
  memory.trim();
  print("empty", memory);
  return good && memory.check() && memory.usage().used == 0 ? 0 : 1;
}
