#include <allot/arena/scratch_set.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/os/in_pages.hpp>

namespace allot {

struct scratch_set::node {
  explicit node(const scratch_options& options) noexcept : pair(options) {}

  scratch_pair pair;
  node* next = nullptr;
};

scratch_set::scratch_set(const scratch_options& options) noexcept : options_(options), name_(options.name) {}

scratch_set::~scratch_set() { scratch_set::trim(); }

scratch_set::lease scratch_set::acquire() {
  {
    const std::lock_guard lock(mutex_);
    if (free_ != nullptr) return {*this, std::exchange(free_, free_->next)};
  }
  scratch_options options = options_;
  options.name = name_;
  os::status outcome;
  node* const made = os::make_in_pages<node>(outcome, options);
  if (made == nullptr)
    throw allocation_error({outcome.error, "scratch_set", sizeof(node), alignof(node), 0, outcome.os_code});
  return {*this, made};
}

void scratch_set::give_back(node* returned) noexcept {
  const std::lock_guard lock(mutex_);
  returned->next = std::exchange(free_, returned);
}

std::size_t scratch_set::trim() noexcept {
  node* unused = nullptr;
  {
    const std::lock_guard lock(mutex_);
    unused = std::exchange(free_, nullptr);
  }
  std::size_t given_back = 0;
  while (unused != nullptr) {
    node& freed = *std::exchange(unused, unused->next);
    given_back += freed.pair.usage().reserved;
    os::destroy_in_pages(freed);
  }
  return given_back;
}

scratch_set::lease::~lease() {
  if (node_ != nullptr) set_.give_back(node_);
}

scratch_pair& scratch_set::lease::pair() const noexcept { return node_->pair; }

}  // namespace allot
