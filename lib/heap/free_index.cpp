#include <algorithm>
#include <allot/heap/free_index.hpp>

namespace allot {

void free_index::clear() noexcept {
  for (link& head : lists_) head = {&head, &head};
  std::fill_n(filled_, words, std::uint64_t{0});
  tree_.clear();
}

// ---- blocks of which there are several sizes to a list

void free_index::insert_larger(void* at, std::size_t granules) noexcept {
  if (granules >= tree_size) return tree_.insert(at, granules);
  add(list_of(granules), at);
  static_cast<sized_link*>(at)->granules = granules;
}

void free_index::remove_larger(void* at, std::size_t granules) noexcept {
  if (granules >= tree_size) return tree_.erase(*static_cast<free_tree::node*>(at));
  unlink(*static_cast<link*>(at), list_of(granules));
}

free_index::block free_index::find(std::size_t granules) const noexcept {
  if (granules >= tree_size) return of(tree_.first_of(granules));
  std::size_t list = list_of(granules);
  if (granules >= exact_sizes) {
    if (const block found = find_in(list, granules); found.at != nullptr) return found;
    ++list;
  }
  list = next_filled(list);
  return list < list_count ? first_in(list) : of(tree_.first_of(0));
}

/// Of the first few of a list that has smaller ones, too.
free_index::block free_index::find_in(std::size_t list, std::size_t granules) const noexcept {
  int tried = 0;
  for (const link* at = lists_[list].next; at != &lists_[list] && tried < most_tried; at = at->next, ++tried)
    if (static_cast<const sized_link*>(at)->granules >= granules) return block_in(list, at);
  return {};
}

// ---- all of them

std::size_t free_index::largest() const noexcept {
  if (const free_tree::node* const last = tree_.largest(); last != nullptr) return last->granules;
  for (std::size_t word = words; word-- > 0;)
    if (filled_[word] != 0) return least_of(word * 64 + highest_bit(filled_[word]));
  return 0;
}

bool free_index::check(std::size_t count) const noexcept {
  std::size_t found = 0;
  for (std::size_t list = 0; list < list_count; ++list) {
    const link* const head = &lists_[list];
    if (test_bit(filled_, list) != (head->next != head)) return false;
    const link* last = head;
    for (const link* at = head->next; at != head; at = at->next) {
      if (at->previous != last || ++found > count || list_of(block_in(list, at).granules) != list) return false;
      last = at;
    }
    if (head->previous != last) return false;
  }
  std::size_t in_tree = 0;
  if (!tree_.check(count - found, in_tree) || found + in_tree != count) return false;
  const free_tree::node* const first = tree_.first_of(0);
  return first == nullptr || first->granules >= tree_size;
}

}  // namespace allot
