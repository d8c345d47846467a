#include <allot/arena/window_link.hpp>
#include <allot/core/never_destroyed.hpp>
#include <allot/os/fork_mutex.hpp>
#include <mutex>

namespace allot {
namespace {

struct window_list {
  os::fork_mutex mutex;
  window_link* newest = nullptr;
};

window_list& all() noexcept { return never_destroyed<window_list>(); }

}  // namespace

void window_link::enter() noexcept {
  window_list& list = all();
  const std::lock_guard lock(list.mutex);
  next_ = list.newest;
  if (list.newest != nullptr) list.newest->previous_ = this;
  list.newest = this;
  joined_ = true;
}

void window_link::leave() noexcept {
  window_list& list = all();
  const std::lock_guard lock(list.mutex);
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : list.newest) = next_;
}

void window_link::close_all() noexcept {
  window_list& list = all();
  const std::lock_guard lock(list.mutex);
  for (window_link* each = list.newest; each != nullptr; each = each->next_) each->limit_.store(nullptr);
}

}  // namespace allot
