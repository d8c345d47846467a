// Arrays whose elements stay where they are. A std::vector moves its elements when it grows, so nobody may point into
// one that does; a vlarray commits more of the addresses it has reserved. So elements can point to each other while
// they are still being made, other threads can work on them meanwhile, and they need not be movable at all.

#include <allot/container/vlarray.hpp>
#include <cstddef>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

struct element {
  std::string_view name;
  element* parent;
  std::size_t children = 0;
};

/// A tree of all elements in "a(b(c)d)", with plain pointers to parents, made in one pass.
allot::vlarray<element> parsed(std::string_view text) {
  allot::vlarray<element> tree;
  element* open = nullptr;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ')') {
      open = open->parent;
    } else if (text[at] == '(') {
      open = &tree.back();
    } else {
      tree.push_back({text.substr(at, 1), open});
      if (open != nullptr) ++open->children;
    }
  }
  return tree;  // a move: what points into it stays valid
}

bool pointers_survive_growth() {
  std::string text = "r(";
  for (int i = 0; i < 100'000; ++i) text += "a(bc(d))";
  text += ')';
  const allot::vlarray<element> tree = parsed(text);
  std::size_t right = tree[0].name == "r" && tree[0].parent == nullptr && tree[0].children == 100'000 ? 1 : 0;
  for (std::size_t i = 1; i < tree.size(); i += 4) {
    const element *const a = &tree[i], *const b = a + 1, *const c = a + 2, *const d = a + 3;
    if (a->parent == &tree[0] && b->parent == a && c->parent == a && d->parent == c && a->children == 2) right += 4;
  }
  std::cout << "tree: " << right << " of " << tree.size() << " elements know their parent\n";
  return right == 400'001 && tree.size() == right;
}

struct account {
  std::mutex guard;  // can be neither copied nor moved
  long balance = 0;
};

bool threads_share_elements_while_the_array_grows() {
  constexpr std::size_t most = 100'000;
  allot::vlarray<account> accounts;
  account& first = accounts.emplace_back();
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&first] {
      for (int i = 0; i < 50'000; ++i) {
        const std::lock_guard<std::mutex> lock(first.guard);
        ++first.balance;
      }
    });
  }
  while (accounts.size() < most) accounts.emplace_back();
  for (std::thread& worker : workers) worker.join();
  std::cout << "accounts: " << accounts.size() << ", paid into the first meanwhile: " << accounts.front().balance
            << '\n';
  return &accounts.front() == &first && first.balance == 100'000;
}

bool memory_goes_back() {
  allot::vlarray<int> numbers(4'000'000, 7);
  const int* const front = numbers.data();
  const std::size_t full = numbers.committed_bytes();
  numbers.resize(1'000);
  const std::size_t emptied = numbers.committed_bytes();
  const std::size_t given_back = numbers.decommit_unused();
  const std::size_t left = numbers.committed_bytes();
  numbers.resize(2'000'000, 8);
  std::cout << "committed bytes: " << full << " full, " << emptied << " with 1000 numbers, " << left << " after "
            << given_back << " went back, " << numbers.committed_bytes() << " grown again, "
            << (numbers.data() == front ? "at the same address\n" : "elsewhere\n");
  return emptied == full && left + given_back == full && left < full / 10 && numbers.data() == front &&
         numbers[999] == 7 && numbers[1'000] == 8;
}

bool a_full_array_says_so() {
  allot::vlarray_options options;
  options.max_elements = 1'000;  // the least it will hold: reservations are whole pages
  allot::vlarray<std::string> queue(options);
  std::string job = "a job with a text too long for the string itself";
  while (queue.try_push_back(job) != nullptr) {
  }
  const bool refused = queue.try_push_back(std::move(job)) == nullptr;
  std::cout << "queue: full with " << queue.size() << " jobs of at most " << queue.max_size() << ", the next was "
            << (refused ? "refused" : "taken") << " and is still \"" << job << "\"\n";
  if (!refused || queue.size() != queue.max_size() || queue.size() < 1'000 || job != queue.front()) return false;
  queue.pop_back();
  return queue.try_push_back(std::move(job)) == &queue.back();
}

}  // namespace

int main() {
  const bool good = pointers_survive_growth() && threads_share_elements_while_the_array_grows() && memory_goes_back() &&
                    a_full_array_says_so();
  std::cout << (good ? "all as it should be\n" : "not as it should be\n");
  return good ? 0 : 1;
}
