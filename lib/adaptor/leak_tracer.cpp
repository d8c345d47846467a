#include <allot/adaptor/leak_tracer.hpp>
#include <stdexcept>
#include <utility>

namespace allot {

leak_list diff(const leak_snapshot& before, const leak_snapshot& after) {
  if (&before.memory() != &after.memory()) throw std::invalid_argument("diff: snapshots of two resources");
  if (before.newest() > after.newest()) throw std::invalid_argument("diff: the second snapshot is the earlier one");
  return leak_list(before.memory(), before.newest(), after.newest());
}

no_leak_scope::~no_leak_scope() { end(); }

void no_leak_scope::end() {
  if (std::exchange(ended_, true)) return;
  leaks().report(true);
}

}  // namespace allot
