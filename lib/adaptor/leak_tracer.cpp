#include <allot/adaptor/leak_tracer.hpp>
#include <utility>

namespace allot {

no_leak_scope::~no_leak_scope() { end(); }

void no_leak_scope::end() {
  if (std::exchange(ended_, true)) return;
  leaks().report(true);
}

}  // namespace allot
