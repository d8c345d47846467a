#include "leaks_at_exit.hpp"

#include <allot/adaptor/leak_list.hpp>
#include <allot/core/never_destroyed.hpp>
#include <allot/os/fork_mutex.hpp>
#include <cstdlib>
#include <mutex>

namespace allot {

struct debug_resource::leaks_at_exit::list {
  list() noexcept {
    (void)std::atexit([] { report_all(); });  // where there is no room for it, the ends of resources report alone
  }

  os::fork_mutex mutex;
  debug_resource* first = nullptr;
};

debug_resource::leaks_at_exit::list& debug_resource::leaks_at_exit::all() noexcept { return never_destroyed<list>(); }

void debug_resource::leaks_at_exit::add(debug_resource& memory) noexcept {
  list& here = all();
  const std::lock_guard lock(here.mutex);
  memory.next_at_exit_ = here.first;
  here.first = &memory;
}

void debug_resource::leaks_at_exit::remove(debug_resource& memory) noexcept {
  list& here = all();
  const std::lock_guard lock(here.mutex);
  debug_resource** link = &here.first;
  while (*link != nullptr && *link != &memory) link = &(*link)->next_at_exit_;
  if (*link != nullptr) *link = memory.next_at_exit_;
}

/// What is reported here its destructor, if it runs yet, does not report again.
void debug_resource::leaks_at_exit::report_all() noexcept {
  list& here = all();
  const std::lock_guard lock(here.mutex);
  for (debug_resource* each = here.first; each != nullptr; each = each->next_at_exit_) {
    leak_list(*each).report(false);
    each->report_leaks_ = false;
  }
}

}  // namespace allot
