#include <algorithm>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>
#include <thread>

namespace allot {
namespace {

// In every byte of slack. Neither zero nor text, which is what runs over an end most often.
constexpr unsigned char pattern = 0xb5;

using entry = block_table::entry;

struct range {
  std::byte* begin;
  std::size_t bytes;
};

std::byte* start_of(const entry& block) noexcept { return static_cast<std::byte*>(block.address); }

/// The pages between the guards. A block never starts behind the first of them.
range usable_pages(const entry& block) noexcept {
  return {start_of(block) - (address_of(block.address) & (os::facts().page_size - 1)), block.mapped};
}

range with_guards(const entry& block) noexcept {
  const range usable = usable_pages(block);
  const std::size_t page = os::facts().page_size;
  return {usable.begin - page, page + usable.bytes + page};
}

range slack_before(const entry& block) noexcept {
  const range usable = usable_pages(block);
  return {usable.begin, static_cast<std::size_t>(start_of(block) - usable.begin)};
}

range slack_behind(const entry& block) noexcept {
  const range usable = usable_pages(block);
  std::byte* const end = start_of(block) + block.requested;
  return {end, static_cast<std::size_t>(usable.begin + usable.bytes - end)};
}

void fill(range slack) noexcept {
  if (memory_tools::active()) memory_tools::unpoison(slack.begin, slack.bytes);
  std::memset(slack.begin, pattern, slack.bytes);
  if (memory_tools::active()) memory_tools::poison(slack.begin, slack.bytes);
}

bool is_whole(range slack) noexcept {
  if (memory_tools::active()) memory_tools::unpoison(slack.begin, slack.bytes);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(slack.begin);
  // All bytes are the pattern if the first is and each equals the next.
  const bool whole = slack.bytes == 0 || (bytes[0] == pattern && std::memcmp(bytes, bytes + 1, slack.bytes - 1) == 0);
  if (memory_tools::active()) memory_tools::poison(slack.begin, slack.bytes);
  return whole;
}

bool round_to_pages(std::size_t bytes, std::size_t& usable) noexcept {
  const std::size_t page = os::facts().page_size;
  std::size_t total = 0;
  return checked_align_up(std::max<std::size_t>(bytes, 1), page, usable) && checked_add(usable, 2 * page, total) &&
         total <= max_object_bytes;
}

block_info info_of(const entry& block) noexcept {
  return {block.address, block.requested, true, block.freed ? block_state::free : block_state::used};
}

}  // namespace

guarded_page_resource::guarded_page_resource(const guarded_page_options& options) noexcept
    : resource(options.name),
      placement_(options.at),
      most_freed_blocks_(options.quarantine_blocks),
      most_freed_bytes_(options.quarantine_bytes) {
  if (options.explain_faults) hook_.emplace(&on_fault, this);
}

guarded_page_resource::~guarded_page_resource() { guarded_page_resource::release(); }

void* guarded_page_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment)) return nullptr;
  const std::lock_guard lock(mutex_);
  return map_block(bytes, alignment).address;
}

void* guarded_page_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  allocation_failure failure{memory_errc::invalid_alignment, name(), bytes, alignment};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error(failure);
  }
  os::mapping made;
  {
    const std::lock_guard lock(mutex_);
    made = map_block(bytes, alignment);
  }
  if (made) return made.address;
  failure.code = made.outcome.error;
  failure.os_code = made.outcome.os_code;
  throw allocation_error(failure);
}

os::mapping guarded_page_resource::map_block(std::size_t bytes, std::size_t alignment) noexcept {
  if (os::facts().page_size == 0) return {nullptr, {memory_errc::page_size_unknown, 0}};
  std::size_t usable = 0;
  if (!round_to_pages(bytes, usable)) return {nullptr, {memory_errc::size_overflow, 0}};
  if (const os::status outcome = blocks_.prepare_insert(); !outcome) return {nullptr, outcome};
  const os::mapping pages = map_guarded_pages(usable, alignment, os::access::read_write);
  if (!pages) return pages;

  entry block;
  block.address = static_cast<std::byte*>(pages.address) + offset_in_pages(usable, bytes, alignment);
  block.mapped = usable;
  block.requested = bytes;
  block.alignment = alignment;
  blocks_.insert(block);
  fill(slack_before(block));
  fill(slack_behind(block));
  usage_.reserved += with_guards(block).bytes;
  usage_.committed += usable;
  usage_.used += bytes;
  usage_.peak = std::max(usage_.peak, usage_.used);
  return {block.address, {}};
}

std::size_t guarded_page_resource::offset_in_pages(std::size_t usable, std::size_t bytes,
                                                   std::size_t alignment) const noexcept {
  if (placement_ == guarded_page_options::placement::start) return 0;
  return align_down(usable - std::max<std::size_t>(bytes, 1), alignment);
}

void guarded_page_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  misuse_report found{misuse_kind::foreign_pointer, name(), p};
  bool damaged = false;
  {
    const std::lock_guard lock(mutex_);
    entry* const block = blocks_.find(p);
    if (block != nullptr && !block->freed && block->requested == bytes && block->alignment == alignment) {
      const auto damage = damage_of(*block);
      mark_freed(*block);
      if (!damage) return quarantine(*block);
      damaged = true;
      found = *damage;
    } else if (block != nullptr && block->freed) {
      found.kind = misuse_kind::double_free;
    } else if (block != nullptr && block->requested != bytes) {
      found = {misuse_kind::wrong_size, name(), p, bytes, block->requested};
    } else if (block != nullptr) {
      found = {misuse_kind::wrong_alignment, name(), p, alignment, block->alignment};
    }
  }

  // The contents stay until the report is made, for whoever looks at them then; a handler that throws leaves the block
  // freed, too.
  struct quarantine_at_end {
    guarded_page_resource& pages;
    void* address;
    ~quarantine_at_end() {
      if (address == nullptr) return;
      const std::lock_guard lock(pages.mutex_);
      pages.quarantine(*pages.blocks_.find(address));
    }
  };
  const quarantine_at_end at_end{*this, damaged ? p : nullptr};
  report_misuse(found);
}

std::optional<misuse_report> guarded_page_resource::damage_of(const entry& block) const noexcept {
  if (!is_whole(slack_behind(block)))
    return misuse_report{misuse_kind::overrun, name(), block.address, block.requested};
  if (!is_whole(slack_before(block)))
    return misuse_report{misuse_kind::underrun, name(), block.address, block.requested};
  return std::nullopt;
}

void guarded_page_resource::mark_freed(entry& block) noexcept {
  block.freed = true;
  usage_.used -= block.requested;
  usage_.committed -= block.mapped;
}

/// Takes the contents and the access from a freed block and keeps its addresses for as long as the bounds allow.
void guarded_page_resource::quarantine(entry& block) noexcept {
  const range usable = usable_pages(block);
  if (memory_tools::active()) memory_tools::unpoison(usable.begin, usable.bytes);
  // Where the system refuses even that, the contents at least are dropped.
  if (!os::guard(usable.begin, usable.bytes)) (void)os::zero_pages(usable.begin, usable.bytes, os::access::read_write);
  append_to_quarantine(block);
  while ((freed_blocks_ > most_freed_blocks_ || freed_bytes_ > most_freed_bytes_) && unmap_oldest()) {
  }
}

void guarded_page_resource::append_to_quarantine(entry& block) noexcept {
  block.next = nullptr;
  if (youngest_freed_ == nullptr) {
    oldest_freed_ = block.address;
  } else {
    blocks_.find(youngest_freed_)->next = block.address;
  }
  youngest_freed_ = block.address;
  ++freed_blocks_;
  freed_bytes_ += with_guards(block).bytes;
}

/// False when the system has no map entry left to split a mapping with: the block then waits behind the others.
bool guarded_page_resource::unmap_oldest() noexcept {
  entry& block = *blocks_.find(oldest_freed_);
  const range pages = with_guards(block);
  oldest_freed_ = block.next;
  if (oldest_freed_ == nullptr) youngest_freed_ = nullptr;
  --freed_blocks_;
  freed_bytes_ -= pages.bytes;
  if (!os::release(pages.begin, pages.bytes)) {
    append_to_quarantine(block);
    return false;
  }
  usage_.reserved -= pages.bytes;
  blocks_.erase(&block);
  return true;
}

/// Goes on while it gets anywhere: each mapping that ends whole may free the entry another needs.
void guarded_page_resource::unmap_all_freed() noexcept {
  for (std::size_t before = freed_blocks_ + 1; freed_blocks_ != 0 && freed_blocks_ < before;) {
    before = freed_blocks_;
    for (std::size_t i = 0; i < before; ++i) (void)unmap_oldest();
  }
}

bool guarded_page_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                       std::size_t alignment) noexcept {
  std::optional<misuse_report> damage;
  {
    const std::lock_guard lock(mutex_);
    entry* const block = blocks_.find(p);
    if (block == nullptr || block->freed || block->requested != old_bytes || block->alignment != alignment)
      return false;
    damage = damage_of(*block);
    if (!damage) {
      const std::size_t offset = slack_before(*block).bytes;
      if (new_bytes > block->mapped || offset_in_pages(block->mapped, new_bytes, alignment) != offset) return false;
      if (memory_tools::active()) memory_tools::unpoison(start_of(*block) + old_bytes, slack_behind(*block).bytes);
      block->requested = new_bytes;
      fill(slack_behind(*block));
      usage_.used = usage_.used - old_bytes + new_bytes;
      usage_.peak = std::max(usage_.peak, usage_.used);
      return true;
    }
  }
  report_misuse(*damage);
  return false;
}

memory_usage guarded_page_resource::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  memory_usage now = usage_;
  now.wasted = now.committed - now.used;  // slack
  return now;
}

bool guarded_page_resource::owns(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  bool found = false;
  blocks_.for_each([&](const entry& block) {
    const range pages = with_guards(block);
    found = found || range_contains(pages.begin, pages.bytes, p, 1);
  });
  return found;
}

block_info guarded_page_resource::find_block(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  block_info found;
  blocks_.for_each([&](const entry& block) {
    if (range_contains(block.address, std::max<std::size_t>(block.requested, 1), p, 1)) found = info_of(block);
  });
  return found;
}

void guarded_page_resource::release() noexcept {
  // No call is in progress, so the reports need no lock, and a handler may ask about the blocks.
  blocks_.for_each([this](const entry& block) {
    if (block.freed) return;
    if (const auto damage = damage_of(block)) report_misuse(*damage);
  });

  const std::lock_guard lock(mutex_);
  blocks_.for_each([this](const entry& block) {
    if (block.freed) return;
    const range usable = usable_pages(block);
    if (memory_tools::active()) memory_tools::unpoison(usable.begin, usable.bytes);
    append_to_quarantine(*blocks_.find(block.address));
  });
  unmap_all_freed();
  blocks_.for_each([](const entry& block) {
    const range pages = with_guards(block);
    give_back_pages(pages.begin, pages.bytes);
  });
  blocks_.clear();
  usage_ = {};
  oldest_freed_ = youngest_freed_ = nullptr;
  freed_blocks_ = freed_bytes_ = 0;
}

std::size_t guarded_page_resource::trim() noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t before = usage_.reserved;
  unmap_all_freed();
  return before - usage_.reserved;
}

bool guarded_page_resource::check() const noexcept {
  std::optional<misuse_report> damage;
  bool sound = true;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t page = os::facts().page_size;
    memory_usage sum;
    blocks_.for_each([&](const entry& block) {
      sum.reserved += with_guards(block).bytes;
      sound = sound && block.mapped % page == 0 && is_aligned(block.address, block.alignment) &&
              range_contains(usable_pages(block).begin, block.mapped, block.address, block.requested);
      if (block.freed) return;
      sum.committed += block.mapped;
      sum.used += block.requested;
      if (!damage) damage = damage_of(block);
    });
    sound = sound && sum.reserved == usage_.reserved && sum.committed == usage_.committed && sum.used == usage_.used &&
            freed_bytes_ <= sum.reserved - sum.committed;
  }
  if (damage) report_misuse(*damage);
  return sound && !damage;
}

void guarded_page_resource::for_each_block(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  blocks_.for_each([&](const entry& block) { visitor(info_of(block)); });
}

std::size_t guarded_page_resource::explain(const void* address, char* buffer, std::size_t size) const noexcept {
  explanation text;
  {
    const std::lock_guard lock(mutex_);
    text = describe(address);
  }
  return std::string_view(text).copy(buffer, size);
}

guarded_page_resource::explanation guarded_page_resource::describe(const void* address) const noexcept {
  explanation text;
  const auto append_bytes = [&](std::size_t count) {
    text.append_decimal(count).append(count == 1 ? " byte" : " bytes");
  };
  blocks_.for_each([&](const entry& block) {
    const range pages = with_guards(block);
    if (!range_contains(pages.begin, pages.bytes, address, 1)) return;
    const std::uintptr_t at = address_of(address);
    const std::uintptr_t start = address_of(block.address);
    if (at < start) {
      append_bytes(start - at);
      text.append(" before the start of ");
    } else if (at - start < block.requested) {
      text.append("inside ");
    } else {
      append_bytes(at - start - block.requested + 1);
      text.append(" past the end of ");
    }
    text.append(block.freed ? "a block of " : "a live block of ");
    append_bytes(block.requested);
    text.append(" at ").append_hex(start).append(block.freed ? " that was freed" : "");
  });
  return text;
}

void guarded_page_resource::on_fault(void* self, const void* address) noexcept {
  const auto& pages = *static_cast<const guarded_page_resource*>(self);
  fixed_text<351> line("allot: ");
  line.append(pages.kind());
  if (pages.name() != pages.kind()) line.append(" '").append(pages.name()).append("'");
  line.append(": fault at ").append_hex(address_of(address)).append(": ");

  // The thread that faulted may be the one that has locked: waiting without an end would hang.
  constexpr int patience = 10000;
  std::unique_lock lock(pages.mutex_, std::defer_lock);
  for (int i = 0; i < patience && !lock.try_lock(); ++i) std::this_thread::yield();
  if (!lock) return write_diagnostic(line.append("its books are in use, so whose it is cannot be told"));
  const explanation text = pages.describe(address);
  lock.unlock();
  if (text.size() != 0) write_diagnostic(line.append(text));
}

}  // namespace allot
