#include <allot/arena/window_link.hpp>
#include <allot/os/fork_mutex.hpp>
#include <mutex>
#include <new>

namespace allot {
namespace {

/// Never destroyed: arenas of static storage duration may be destroyed later than anything here.
struct window_list {
  os::fork_mutex mutex;
  window_link* newest = nullptr;
};

window_list& all() noexcept {
  alignas(window_list) static unsigned char storage[sizeof(window_list)];
  static window_list* const made = ::new (static_cast<void*>(storage)) window_list;
  return *made;
}

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
