#include <algorithm>
#include <allot/heap/free_index.hpp>

namespace allot {

void free_index::clear() noexcept {
  for (link& head : lists_) head = {&head, &head};
  std::fill_n(filled_, words, std::uint64_t{0});
  tree_.clear();
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
