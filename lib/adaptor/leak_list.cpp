#include <algorithm>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/leak_list.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/virtual_memory.hpp>
#include <functional>
#include <new>
#include <ostream>
#include <utility>

namespace allot {
namespace {

/// Less than 0, 0 or more than 0, as memcmp() says it.
int compare(const os::call_stack& a, const os::call_stack& b) noexcept {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (a[i] != b[i]) return std::less<>()(a[i], b[i]) ? -1 : 1;
  return a.size() == b.size() ? 0 : (a.size() < b.size() ? -1 : 1);
}

bool by_stack(const leak_group& a, const leak_group& b) noexcept { return compare(a.stack, b.stack) < 0; }

bool by_bytes(const leak_group& a, const leak_group& b) noexcept {
  return a.bytes != b.bytes ? a.bytes > b.bytes : a.first < b.first;
}

/// Makes one of neighbours with the same stack; returns how many there are then.
std::size_t merge(leak_group* groups, std::size_t size) noexcept {
  std::size_t last = 0;
  for (std::size_t i = 1; i < size; ++i) {
    leak_group& into = groups[last];
    const leak_group& next = groups[i];
    if (compare(into.stack, next.stack) != 0) {
      groups[++last] = next;
      continue;
    }
    into.blocks += next.blocks;
    into.bytes += next.bytes;
    into.first = std::min(into.first, next.first);
  }
  return size == 0 ? 0 : last + 1;
}

template <std::size_t Capacity>
void append_amount(fixed_text<Capacity>& text, std::size_t blocks, std::size_t bytes) noexcept {
  text.append_decimal(blocks).append(blocks == 1 ? " block, " : " blocks, ");
  text.append_decimal(bytes).append(bytes == 1 ? " byte" : " bytes");
}

}  // namespace

leak_list::leak_list(const debug_resource& memory, std::uint64_t after, std::uint64_t up_to) noexcept
    : name_(memory.name()) {
  up_to = std::min(up_to, memory.newest());  // from here on there can be fewer, and no more
  const auto count = [&](const debug_block& block) { return block.number > after && block.number <= up_to; };
  memory.for_each_live([&](const debug_block& block) {
    if (!count(block)) return;
    ++blocks_;
    bytes_ += block.bytes;
  });
  std::size_t bytes = 0;
  if (blocks_ == 0 || !checked_multiply(blocks_, sizeof(leak_group), bytes) ||
      !checked_align_up(bytes, os::facts().page_size, bytes))
    return;
  const os::mapping pages = os::map(bytes, 1, os::access::read_write);
  if (!pages) return;
  groups_ = static_cast<leak_group*>(pages.address);
  page_bytes_ = bytes;
  blocks_ = bytes_ = 0;
  memory.for_each_live([&](const debug_block& block) {
    if (!count(block)) return;
    const os::call_stack stack = block.stack != nullptr ? *block.stack : os::call_stack{};
    ::new (static_cast<void*>(groups_ + size_++)) leak_group{stack, 1, block.bytes, block.number};
    ++blocks_;
    bytes_ += block.bytes;
  });
  std::sort(groups_, groups_ + size_, by_stack);
  size_ = merge(groups_, size_);
  std::sort(groups_, groups_ + size_, by_bytes);
}

leak_list::leak_list(leak_list&& other) noexcept
    : groups_(std::exchange(other.groups_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      page_bytes_(std::exchange(other.page_bytes_, 0)),
      blocks_(std::exchange(other.blocks_, 0)),
      bytes_(std::exchange(other.bytes_, 0)),
      name_(other.name_) {}

leak_list::~leak_list() {
  if (groups_ != nullptr) (void)os::release(groups_, page_bytes_);
}

leak_list::line leak_list::title() const noexcept {
  line text(name_);
  text.append(": ");
  if (empty()) return text.append("all blocks were freed");
  append_amount(text, blocks_, bytes_);
  text.append(" not freed");
  if (size_ == 0) return text;
  return text.append(", from ").append_decimal(size_).append(size_ == 1 ? " place" : " places");
}

leak_list::line leak_list::header_of(const leak_group& group) noexcept {
  line text;
  append_amount(text, group.blocks, group.bytes);
  text.append(", no. ").append_decimal(static_cast<std::size_t>(group.first));
  if (group.blocks != 1) text.append(" first");
  if (group.stack.size() != 0) text.append(", allocated at:");
  return text;
}

leak_list::lines leak_list::details() const noexcept {
  constexpr std::size_t capacity = 6 * most_of_a_stack;
  constexpr std::size_t most_of_a_group = most_of_a_stack + 256;  // and a line that says what is left out
  lines text;
  for (const leak_group& group : *this) {
    if (text.size() + most_of_a_group > capacity) {
      const auto left = static_cast<std::size_t>(end() - &group);
      text.append("  and ").append_decimal(left).append(left == 1 ? " more place\n" : " more places\n");
      break;
    }
    if (group.stack.size() == 0) text.append("  ").append(header_of(group)).append("\n");
    append_stack(text, header_of(group), group.stack);
  }
  return text;
}

void leak_list::report(bool fatal) const {
  if (empty()) return;
  const lines found = details();
  misuse_report report{misuse_kind::leak, name_, nullptr, blocks_, bytes_, fatal};
  report.details = found;
  report_misuse(report);
}

void leak_list::write() const noexcept {
  write_diagnostic(title());
  for (const leak_group& group : *this) {
    write_diagnostic(line("  ").append(header_of(group)));
    for (std::size_t i = 0; i < group.stack.size(); ++i) write_diagnostic(group.stack.describe_with_name(i));
  }
}

std::ostream& operator<<(std::ostream& out, const leak_list& leaks) {
  out << std::string_view(leaks.title()) << '\n';
  for (const leak_group& group : leaks) {
    out << "  " << std::string_view(leak_list::header_of(group)) << '\n';
    for (std::size_t i = 0; i < group.stack.size(); ++i)
      out << std::string_view(group.stack.describe_with_name(i)) << '\n';
  }
  return out;
}

}  // namespace allot
