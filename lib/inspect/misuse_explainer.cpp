#include <allot/block/block_details.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/inspect/misuse_explainer.hpp>
#include <atomic>

namespace allot {
namespace {

std::atomic<misuse_handler> next{nullptr};

using owner_text = fixed_text<47>;

/// Empty where it may be who reports.
owner_text owner_of(const explanation& told, const misuse_report& report) noexcept {
  if (told.holder_count == 0) return {};
  const std::string_view name = told.holders[0].name;
  if (name != report.resource) return name;
  // Alike in name, but the one that has a live block there is not the one that denies it.
  const bool live_block = told.how_much == explanation::detail::told && told.sight.state == block_state::used &&
                          !told.sight.all_in_use && told.sight.block.begin == report.address;
  return live_block ? owner_text("another ").append(name) : owner_text();
}

void pass_on_explained(const misuse_report& report) {
  const misuse_handler handler = next.load();
  if (report.address == nullptr) return handler(report);
  const explanation told = explain(report.address);
  misuse_report more = report;
  const owner_text owner = owner_of(told, report);
  if (report.kind == misuse_kind::foreign_pointer && report.owner.empty()) more.owner = owner;
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
  // Other threads may report at any moment: the handler to pass on to must be there before ours is called.
  misuse_handler current = replace_misuse_handler(&pass_on_explained, &pass_on_explained);
  while (current != &pass_on_explained) {
    next = current;
    const misuse_handler found = replace_misuse_handler(current, &pass_on_explained);
    if (found == current) break;
    current = found;
  }
}

misuse_explainer::~misuse_explainer() {
  (void)replace_misuse_handler(&pass_on_explained, next);  // one that was set meanwhile stays
}

}  // namespace allot
