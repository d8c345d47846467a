#pragma once

#include <algorithm>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <cstdint>

// A tree of ranges that may lie inside one another: a treap ordered by where they begin, each node knowing how far any
// of its tree reaches, so that the ranges around an address are found without a look at the others.

namespace allot::os::address_registry {

constexpr std::size_t longest_name = 31;

/// Debuggers read this, see the end of address_registry.cpp.
struct label {
  const char* kind;
  std::uint64_t stamp;  // of a range: how many had been removed when it came; of a gone one: when it went
  std::uint32_t kind_size;
  std::uint32_t name_size;
  char name[longest_name + 1];
};

struct node {
  node* left;
  node* right;
  std::uintptr_t begin;
  std::uintptr_t end;
  std::uintptr_t last_end;  // the highest end in the tree below
  resource* owner;
  std::uint64_t thread;  // the number of the one that last had memory taken for the range
  std::uint64_t taken;   // when that was, in an order of all such times
  std::uint64_t order;   // of equal ranges the one added later lies inside
  std::uint32_t priority;
  bool shared;
  label tag;
};

struct gone_range {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool destroyed;
  label tag;
};

/// By where they begin, larger ones first, then the ones that came first.
inline bool comes_before(const node& a, const node& b) noexcept {
  if (a.begin != b.begin) return a.begin < b.begin;
  if (a.end != b.end) return a.end > b.end;
  return a.order < b.order;
}

inline void update(node& at) noexcept {
  at.last_end = at.end;
  if (at.left != nullptr) at.last_end = std::max(at.last_end, at.left->last_end);
  if (at.right != nullptr) at.last_end = std::max(at.last_end, at.right->last_end);
}

/// Cuts a tree into what comes before `at` and what comes behind.
inline void split(node* tree, const node& at, node*& before, node*& behind) noexcept {
  if (tree == nullptr) {
    before = behind = nullptr;
  } else if (comes_before(*tree, at)) {
    split(tree->right, at, tree->right, behind);
    before = tree;
    update(*tree);
  } else {
    split(tree->left, at, before, tree->left);
    behind = tree;
    update(*tree);
  }
}

inline node* join(node* before, node* behind) noexcept {
  if (before == nullptr) return behind;
  if (behind == nullptr) return before;
  node* const top = before->priority > behind->priority ? before : behind;
  if (top == before) {
    top->right = join(top->right, behind);
  } else {
    top->left = join(before, top->left);
  }
  update(*top);
  return top;
}

inline node* with(node* tree, node& fresh) noexcept {
  if (tree == nullptr || fresh.priority > tree->priority) {
    split(tree, fresh, fresh.left, fresh.right);
    tree = &fresh;
  } else {
    node*& side = comes_before(fresh, *tree) ? tree->left : tree->right;
    side = with(side, fresh);
  }
  update(*tree);
  return tree;
}

inline node* without(node* tree, const node& old) noexcept {
  if (tree == &old) return join(tree->left, tree->right);
  node*& side = comes_before(old, *tree) ? tree->left : tree->right;
  side = without(side, old);
  update(*tree);
  return tree;
}

inline node* find_in(node* tree, std::uintptr_t begin, const resource* owner) noexcept {
  while (tree != nullptr && tree->begin != begin) tree = begin < tree->begin ? tree->left : tree->right;
  if (tree == nullptr || tree->owner == owner) return tree;
  // Ranges that begin alike lie on both sides.
  node* const found = find_in(tree->left, begin, owner);
  return found != nullptr ? found : find_in(tree->right, begin, owner);
}

template <class Visit>
void for_each_around(node* tree, std::uintptr_t p, Visit visit) {
  for (; tree != nullptr && tree->last_end > p; tree = tree->begin <= p ? tree->right : nullptr) {
    for_each_around(tree->left, p, visit);
    if (tree->begin <= p && p < tree->end) visit(*tree);
  }
}

template <class Visit>
void for_each_of(node* tree, Visit visit) {
  for (; tree != nullptr; tree = tree->right) {
    for_each_of(tree->left, visit);
    visit(*tree);
  }
}

}  // namespace allot::os::address_registry
