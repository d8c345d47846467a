#include <allot/heap/free_tree.hpp>
#include <functional>
#include <new>

namespace allot {
namespace {

using node = free_tree::node;

bool is_red(const node* n) noexcept { return n != nullptr && n->red; }

/// Which of its parent's children.
int side_of(const node& n) noexcept { return n.parent->child[1] == &n ? 1 : 0; }

bool comes_before(const node& a, const node& b) noexcept {
  return a.granules != b.granules ? a.granules < b.granules : std::less<const node*>()(&a, &b);
}

node* outermost(node* from, int side) noexcept {
  while (from->child[side] != nullptr) from = from->child[side];
  return from;
}

}  // namespace

// ---- looking

free_tree::node* free_tree::first_of(std::size_t granules) const noexcept {
  node* best = nullptr;
  for (node* at = root_; at != nullptr;) {
    const bool holds = at->granules >= granules;
    if (holds) best = at;
    at = at->child[holds ? 0 : 1];
  }
  return best;
}

free_tree::node* free_tree::next(const node& from) noexcept {
  if (from.child[1] != nullptr) return outermost(from.child[1], 0);
  const node* at = &from;
  while (at->parent != nullptr && side_of(*at) == 1) at = at->parent;
  return at->parent;
}

bool free_tree::check(std::size_t most, std::size_t& count) const noexcept {
  count = 0;
  if (root_ == nullptr) return true;
  if (root_->parent != nullptr || root_->red) return false;
  const node* last = nullptr;
  std::size_t blacks = 0;  // on the way to each missing child
  for (const node* at = outermost(root_, 0); at != nullptr; at = next(*at)) {
    if (++count > most) return false;
    if (last != nullptr && !comes_before(*last, *at)) return false;
    last = at;
    for (const node* child : at->child) {
      if (child != nullptr && (child->parent != at || (at->red && child->red))) return false;
      if (child != nullptr) continue;
      std::size_t depth = 0;
      std::size_t steps = 0;
      for (const node* up = at; up != nullptr; up = up->parent) {
        if (++steps > most) return false;
        if (!up->red) ++depth;
      }
      if (blacks == 0) blacks = depth;
      if (depth != blacks) return false;
    }
  }
  return true;
}

// ---- changing

/// Puts `with` in the place below gone's parent.
void free_tree::replace(node& gone, node* with) noexcept {
  if (gone.parent == nullptr) {
    root_ = with;
  } else {
    gone.parent->child[side_of(gone)] = with;
  }
  if (with != nullptr) with->parent = gone.parent;
}

/// Moves top down to that side, its other child up.
void free_tree::rotate(node& top, int side) noexcept {
  node& up = *top.child[1 - side];
  replace(top, &up);
  top.child[1 - side] = up.child[side];
  if (up.child[side] != nullptr) up.child[side]->parent = &top;
  up.child[side] = &top;
  top.parent = &up;
}

void free_tree::insert(void* block, std::size_t granules) noexcept {
  node* const made = ::new (block) node{{nullptr, nullptr}, nullptr, granules, true};
  node** place = &root_;
  while (*place != nullptr) {
    made->parent = *place;
    place = &(*place)->child[comes_before(*made, **place) ? 0 : 1];
  }
  *place = made;
  balance_after_insert(made);
}

void free_tree::balance_after_insert(node* inserted) noexcept {
  while (is_red(inserted->parent)) {
    node& parent = *inserted->parent;
    node& grandparent = *parent.parent;  // there is one: the root is black
    const int side = side_of(parent);
    node* const uncle = grandparent.child[1 - side];
    if (is_red(uncle)) {
      parent.red = uncle->red = false;
      grandparent.red = true;
      inserted = &grandparent;
      continue;
    }
    node* top = &parent;
    if (side_of(*inserted) != side) {
      top = inserted;
      rotate(parent, side);
    }
    top->red = false;
    grandparent.red = true;
    rotate(grandparent, 1 - side);
    break;
  }
  root_->red = false;
}

void free_tree::erase(node& gone) noexcept {
  node* short_side = nullptr;  // has one black less above it than before
  node* parent = nullptr;
  bool black_lost = !gone.red;
  if (gone.child[0] != nullptr && gone.child[1] != nullptr) {
    node& heir = *outermost(gone.child[1], 0);
    black_lost = !heir.red;
    short_side = heir.child[1];
    parent = heir.parent == &gone ? &heir : heir.parent;
    if (parent != &heir) {
      replace(heir, short_side);
      heir.child[1] = gone.child[1];
      heir.child[1]->parent = &heir;
    }
    replace(gone, &heir);
    heir.child[0] = gone.child[0];
    heir.child[0]->parent = &heir;
    heir.red = gone.red;
  } else {
    short_side = gone.child[gone.child[0] != nullptr ? 0 : 1];
    parent = gone.parent;
    replace(gone, short_side);
  }
  if (black_lost) balance_after_erase(short_side, parent);
}

void free_tree::balance_after_erase(node* short_side, node* parent) noexcept {
  while (parent != nullptr && !is_red(short_side)) {
    const int side = parent->child[0] == short_side ? 0 : 1;
    node* sibling = parent->child[1 - side];  // there is one: it has the black that is short here
    if (sibling->red) {
      sibling->red = false;
      parent->red = true;
      rotate(*parent, side);
      sibling = parent->child[1 - side];
    }
    if (!is_red(sibling->child[0]) && !is_red(sibling->child[1])) {
      sibling->red = true;
      short_side = parent;
      parent = parent->parent;
      continue;
    }
    if (!is_red(sibling->child[1 - side])) {
      sibling->child[side]->red = false;
      sibling->red = true;
      rotate(*sibling, 1 - side);
      sibling = parent->child[1 - side];
    }
    sibling->red = parent->red;
    parent->red = false;
    sibling->child[1 - side]->red = false;
    rotate(*parent, side);
    return;
  }
  if (short_side != nullptr) short_side->red = false;
}

}  // namespace allot
