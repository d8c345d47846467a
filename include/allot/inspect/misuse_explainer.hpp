#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>

namespace allot {

/// While it lives, reports of misuse say more: of a foreign pointer whose it is, "freed to X, belongs to Y", and in the
/// details what explain() tells of the address. The handler that was in force is called with that.
///
/// One at a time. A handler that is set meanwhile gets reports as they are; the destructor then leaves it.
class ALLOT_EXPORT misuse_explainer {
 public:
  misuse_explainer() noexcept;
  ~misuse_explainer();
  misuse_explainer(const misuse_explainer&) = delete;
  misuse_explainer& operator=(const misuse_explainer&) = delete;
};

}  // namespace allot
