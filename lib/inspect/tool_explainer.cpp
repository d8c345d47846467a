#include <allot/core/memory_tools.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/inspect/tool_explainer.hpp>

namespace allot {

tool_explainer::tool_explainer() noexcept {
  memory_tools::follow_reports([](const void* address) { write_explanation(explain(address), "allot: "); });
}

tool_explainer::~tool_explainer() { memory_tools::follow_reports(nullptr); }

}  // namespace allot
