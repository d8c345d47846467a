#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/misuse.hpp>
#include <atomic>
#include <cstdlib>
#include <cstring>

namespace allot {
namespace {

struct wording {
  std::string_view what;
  std::string_view claimed;  // empty: the report has no numbers
  std::string_view actual;
};

wording words_for(misuse_kind kind) noexcept {
  switch (kind) {
    case misuse_kind::double_free:
      return {"double free", {}, {}};
    case misuse_kind::foreign_pointer:
      return {"not a live block of this resource", {}, {}};
    case misuse_kind::wrong_size:
      return {"wrong size", "bytes claimed", "bytes allocated"};
    case misuse_kind::wrong_alignment:
      return {"wrong alignment", "claimed", "actual"};
    case misuse_kind::invalid_alignment:
      return {"alignment is no power of two", "asked for", {}};
    case misuse_kind::not_zero:
      return {"memory promised to be zero is not", {}, {}};
    case misuse_kind::released_twice:
      return {"released a second time", {}, {}};
    case misuse_kind::overrun:
      return {"written behind the end of a block", "bytes of the block", {}};
    case misuse_kind::underrun:
      return {"written before the start of a block", "bytes of the block", {}};
    case misuse_kind::stale_mark:
      return {"stale mark", "marked position", "present position"};
    case misuse_kind::invalid_position:
      return {"not a position to go back to", "asked for", "position"};
    case misuse_kind::live_sub_arena:
      return {"gives up the memory of a live sub-arena", "going back to position", "sub-arena ends at"};
    case misuse_kind::overlapping_memory:
      return {"memory another arena manages", "bytes", "bytes of the other"};
    case misuse_kind::outer_scope:
      return {"an outer scope used while an inner one lives", "depth", "depth of the inner"};
    case misuse_kind::stale_slice:
      return {"a slice used after its budget took the memory back", {}, {}};
    case misuse_kind::outlived_budget:
      return {"still alive when its budget ends", {}, {}};
    case misuse_kind::interior_pointer:
      return {"a pointer inside a live block", "bytes claimed", "bytes of the block"};
    case misuse_kind::write_after_free:
      return {"written after it was freed", "bytes of the block", {}};
    case misuse_kind::damaged_records:
      return {"its records of a block were written over", {}, {}};
    case misuse_kind::used_after_fork:
      return {"used in a child process, which its fork policy withholds it from", {}, {}};
    case misuse_kind::used_by_two_threads:
      return {"used by two threads at the same time", {}, {}};
    case misuse_kind::past_block:
      return {"would leave the block", "bytes asked for", "bytes left"};
    case misuse_kind::leak:
      return {"not freed", "blocks", "bytes"};
    case misuse_kind::wrong_thread:
      return {"used by a thread it does not belong to", "thread", "its own"};
  }
  return {"misuse of an unknown kind", {}, {}};
}

fixed_text<255> line_for(const misuse_report& report) noexcept {
  const wording words = words_for(report.kind);
  fixed_text<255> line("allot: ");
  line.append(report.fatal ? "misuse of " : "note on ").append(report.resource.empty() ? "memory" : report.resource);
  line.append(": ").append(words.what);
  if (report.address != nullptr) line.append(" at ").append_hex(address_of(report.address));
  const bool size_unknown =
      report.claimed == 0 && (report.kind == misuse_kind::overrun || report.kind == misuse_kind::underrun ||
                              report.kind == misuse_kind::write_after_free);
  if (!words.claimed.empty() && !size_unknown) {
    line.append(": ").append(words.claimed).append(" ").append_decimal(report.claimed);
    if (!words.actual.empty())
      line.append(", ").append(words.actual).append(report.exact ? " " : " at most ").append_decimal(report.actual);
  }
  if (!report.owner.empty()) line.append("; it belongs to ").append(report.owner);
  return line;
}

void print_details(std::string_view details) noexcept {
  while (!details.empty()) {
    const std::size_t end = std::min(details.find('\n'), details.size());
    write_diagnostic(details.substr(0, end));
    details.remove_prefix(std::min(end + 1, details.size()));
  }
}

void print_and_abort(const misuse_report& report) {
  write_diagnostic(line_for(report));
  print_details(report.details);
  if (report.fatal) std::abort();
}

std::atomic<misuse_handler> current_handler{&print_and_abort};
std::atomic<bool> checked{false};

}  // namespace

misuse_handler set_misuse_handler(misuse_handler handler) noexcept {
  return current_handler.exchange(handler != nullptr ? handler : &print_and_abort);
}

misuse_handler replace_misuse_handler(misuse_handler expected, misuse_handler handler) noexcept {
  current_handler.compare_exchange_strong(expected, handler != nullptr ? handler : &print_and_abort);
  return expected;
}

void report_misuse(const misuse_report& report) {
  log_link::tell(report);
  current_handler.load()(report);
}

std::size_t format_misuse(const misuse_report& report, char* buffer, std::size_t size) noexcept {
  const auto line = line_for(report);
  const std::size_t length = std::min(size, line.size());
  std::memcpy(buffer, line.c_str(), length);
  return length;
}

bool checked_by_default() noexcept { return checked.load(std::memory_order_relaxed); }
void set_checked_by_default(bool on) noexcept { checked.store(on, std::memory_order_relaxed); }

}  // namespace allot
