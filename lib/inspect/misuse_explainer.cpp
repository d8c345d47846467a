#include <allot/block/block_details.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/inspect/misuse_explainer.hpp>
#include <atomic>

namespace allot {
namespace {

std::atomic<misuse_handler> next{nullptr};

void pass_on_explained(const misuse_report& report) {
  const misuse_handler handler = next.load();
  if (report.address == nullptr) return handler(report);
  const explanation told = explain(report.address);
  misuse_report more = report;
  const bool elsewhere = told.holder_count != 0 && std::string_view(told.holders[0].name) != report.resource;
  if (report.kind == misuse_kind::foreign_pointer && report.owner.empty() && elsewhere)
    more.owner = told.holders[0].name;
  block_details text(report.details);
  text.append("  ").append(told.headline()).append("\n");
  if (report.details.empty()) {
    append_stack(text, "allocated at:", {told.sight.allocated.frames.data(), told.sight.allocated.count});
    append_stack(text, "freed at:", {told.sight.freed.frames.data(), told.sight.freed.count});
  }
  more.details = text;
  handler(more);
}

}  // namespace

misuse_explainer::misuse_explainer() noexcept {
  const misuse_handler before = set_misuse_handler(&pass_on_explained);
  if (before != &pass_on_explained) next = before;
}

misuse_explainer::~misuse_explainer() {
  const misuse_handler current = set_misuse_handler(next);
  if (current != &pass_on_explained) set_misuse_handler(current);
}

}  // namespace allot
