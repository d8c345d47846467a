// The tickets of a help desk on memory resources: what before.cpp does with malloc. docs/convert.md walks from one to
// the other.
//
//   open NUMBER OWNER TITLE     note NUMBER TEXT     close NUMBER     report

#include <allot/arena/chained_arena.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/pool/pool_resource.hpp>
#include <charconv>
#include <iostream>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

/// Its texts and notes are where the ticket is: the map that holds it hands its resource on.
struct ticket {
  using allocator_type = std::pmr::polymorphic_allocator<std::byte>;

  ticket(std::string_view o, std::string_view t, const allocator_type& a) : owner(o, a), title(t, a), notes(a) {}

  std::pmr::string owner;
  std::pmr::string title;
  std::pmr::vector<std::pmr::string> notes;
};

struct closed_ticket {
  int number;
  std::size_t notes;
};

class desk {
 public:
  explicit desk(std::pmr::memory_resource& upstream) : pool_(&upstream), arena_(&upstream), open_(&pool_) {}

  /// What is wrong with a command, or nothing.
  std::string_view obey(std::string_view line, int& number);

 private:
  std::string_view add_note(int number, std::string_view text);
  std::string_view close(int number);
  void report();

  allot::pool_resource pool_;   // for what comes and goes one by one
  allot::chained_arena arena_;  // for what is thrown away together
  std::pmr::unordered_map<int, ticket> open_;
  allot::vlarray<closed_ticket> closed_;
  const closed_ticket* busiest_ = nullptr;  // a pointer: elements of a vlarray stay where they are
  int reports_ = 0;
};

std::string_view desk::add_note(int number, std::string_view text) {
  const auto at = open_.find(number);
  if (at == open_.end()) return "is not open";
  at->second.notes.emplace_back(text);
  return {};
}

std::string_view desk::close(int number) {
  const auto at = open_.find(number);
  if (at == open_.end()) return "is not open";
  const closed_ticket& now = closed_.emplace_back(closed_ticket{number, at->second.notes.size()});
  if (busiest_ == nullptr || now.notes > busiest_->notes) busiest_ = &now;
  open_.erase(at);
  return {};
}

void desk::report() {
  std::cout << "report " << ++reports_ << ": " << open_.size() << " open, " << closed_.size() << " closed\n";
  {
    std::pmr::map<std::string_view, std::pmr::map<int, const ticket*>> by_owner(&arena_);
    for (const auto& [number, open] : open_) by_owner[open.owner].emplace(number, &open);
    for (const auto& [owner, tickets] : by_owner) {
      std::cout << owner << '\n';
      for (const auto& [number, open] : tickets) {
        std::cout << "  " << number << ' ' << open->title << '\n';
        for (const std::pmr::string& note : open->notes) std::cout << "    " << note << '\n';
      }
    }
  }
  arena_.clear();
  if (busiest_ != nullptr)
    std::cout << "busiest of the closed: " << busiest_->number << " with " << busiest_->notes << " notes\n";
}

std::string_view cut_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size() == rest.size() ? word.size() : word.size() + 1);
  return word;
}

std::string_view desk::obey(std::string_view line, int& number) {
  const std::string_view command = cut_word(line);
  number = 0;
  if (command == "report") return report(), std::string_view();
  const std::string_view digits = cut_word(line);
  if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != digits.npos)
    return "is no number of a ticket";
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (command == "open") {
    const std::string_view owner = cut_word(line);
    return open_.try_emplace(number, owner, line).second ? "" : "is open already";
  }
  if (command == "note") return add_note(number, line);
  if (command == "close") return close(number);
  return "comes with a command that is none";
}

}  // namespace

int main() try {
  desk tickets(*std::pmr::new_delete_resource());
  std::pmr::string line(std::pmr::new_delete_resource());
  // From here on no container is made without saying where its memory comes from.
  std::pmr::set_default_resource(std::pmr::null_memory_resource());
  std::ios::sync_with_stdio(false);

  while (std::getline(std::cin, line)) {
    int number = 0;
    const std::string_view wrong = tickets.obey(line, number);
    if (!wrong.empty()) std::cout << "refused: " << number << ' ' << wrong << '\n';
  }
  return 0;
} catch (const std::bad_alloc& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
