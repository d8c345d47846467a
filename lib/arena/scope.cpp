#include <allot/arena/scope.hpp>
#include <utility>

namespace allot {

arena* scope::leave() {
  if (arena_ == nullptr)
    report_misuse({misuse_kind::stale_mark, "scope", nullptr, start_.marks.position, start_.marks.position});
  return std::exchange(arena_, nullptr);
}

}  // namespace allot
