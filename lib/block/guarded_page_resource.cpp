#include <algorithm>
#include <allot/block/block_details.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/address_registry.hpp>
#include <cstring>
#include <mutex>
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

std::size_t offset_at_end(std::size_t usable, std::size_t bytes, std::size_t alignment) noexcept {
  return align_down(usable - std::max<std::size_t>(bytes, 1), alignment);
}

bool round_to_pages(std::size_t bytes, std::size_t& usable) noexcept {
  const std::size_t page = os::facts().page_size;
  std::size_t total = 0;
  return checked_align_up(std::max<std::size_t>(bytes, 1), page, usable) && checked_add(usable, 2 * page, total) &&
         total <= max_object_bytes;
}

constexpr std::string_view allocated_at = "allocated at:";
constexpr std::string_view freed_at = "freed at:";

void append_stacks(block_details& text, const block_stacks& stacks) noexcept {
  append_stack(text, allocated_at, stacks.allocated);
  append_stack(text, freed_at, stacks.freed);
}

/// The same to standard error, from a signal handler.
void write_stack(std::string_view title, const os::call_stack& stack) noexcept {
  if (stack.size() == 0) return;
  write_diagnostic(fixed_text<31>("  ").append(title));
  for (std::size_t i = 0; i < stack.size(); ++i) write_diagnostic(stack.describe(i));
}

block_info info_of(const entry& block) noexcept {
  return {block.address, block.requested, true, block.freed ? block_state::quarantined : block_state::used};
}

}  // namespace

/// What is wrong with a block, and what is known of it.
struct guarded_page_resource::finding {
  misuse_report report;
  block_stacks stacks = {};

  void know(const entry& block) noexcept {
    if (block.stacks != nullptr) stacks = *block.stacks;
  }
  /// `caller` may be empty. Nothing may be locked.
  ALLOT_NEVER_INLINE void tell(const os::call_stack& caller = {}) const {
    block_details details;
    append_stack(details, "now at:", caller);
    append_stacks(details, stacks);
    misuse_report whole = report;
    whole.details = details;
    report_misuse(whole);
  }
};

struct guarded_page_resource::explanation {
  fixed_text<191> words;
  block_stacks stacks = {};
};

guarded_page_resource::guarded_page_resource(const guarded_page_options& options) noexcept
    : resource(options.name),
      placement_(options.at),
      most_freed_blocks_(options.quarantine_blocks),
      most_freed_bytes_(options.quarantine_bytes),
      record_stacks_(options.record_stacks),
      slots_(options.slots, options.slot_bytes) {
  if (options.explain_faults) hook_.emplace(&on_fault, this);
}

guarded_page_resource::~guarded_page_resource() {
  const os::address_registry::ending end(*this);
  guarded_page_resource::release();
}

void* guarded_page_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment)) return nullptr;
  os::call_stack caller;
  if (record_stacks_) caller.capture();
  const std::lock_guard lock(mutex_);
  return map_block(bytes, alignment, caller).address;
}

void* guarded_page_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  allocation_failure failure{memory_errc::invalid_alignment, name(), bytes, alignment};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error(failure);
  }
  os::call_stack caller;
  if (record_stacks_) caller.capture();
  os::mapping made;
  {
    const std::lock_guard lock(mutex_);
    made = map_block(bytes, alignment, caller);
  }
  if (made) return made.address;
  failure.code = made.outcome.error;
  failure.os_code = made.outcome.os_code;
  throw allocation_error(failure);
}

os::mapping guarded_page_resource::map_block(std::size_t bytes, std::size_t alignment,
                                             const os::call_stack& caller) noexcept {
  if (os::facts().page_size == 0) return {nullptr, {memory_errc::page_size_unknown, 0}};
  std::size_t usable = 0;
  if (!round_to_pages(bytes, usable)) return {nullptr, {memory_errc::size_overflow, 0}};
  if (const os::status outcome = blocks_.prepare_insert(); !outcome) return {nullptr, outcome};
  const bool at_end = placement_ == guarded_page_options::placement::alternating
                          ? next_at_end_
                          : placement_ == guarded_page_options::placement::end;
  const os::mapping pages = map_pages(usable, alignment, at_end);
  if (!pages) return pages;
  next_at_end_ = !at_end;

  entry block;
  block.address = static_cast<std::byte*>(pages.address) + (at_end ? offset_at_end(usable, bytes, alignment) : 0);
  block.mapped = usable;
  block.requested = bytes;
  block.alignment = alignment;
  if (record_stacks_) block.stacks = stacks_.add(caller);
  blocks_.insert(block);
  if (const range all = with_guards(block); !slots_.exists())
    (void)os::address_registry::add({all.begin, all.bytes, this, kind(), true});
  fill(slack_before(block));
  fill(slack_behind(block));
  usage_.reserved += mapped_for(block);
  usage_.committed += usable;
  usage_.used += bytes;
  usage_.peak = std::max(usage_.peak, usage_.used);
  return {block.address, {}};
}

os::mapping guarded_page_resource::map_pages(std::size_t usable, std::size_t alignment, bool at_end) noexcept {
  return slots_.exists() ? open_slot(usable, alignment, at_end)
                         : map_guarded_pages(usable, alignment, os::access::read_write);
}

/// Opens pages of a slot that was never used, or else of the one whose block was freed first.
os::mapping guarded_page_resource::open_slot(std::size_t usable, std::size_t alignment, bool at_end) noexcept {
  if (alignment > os::facts().page_size) return {nullptr, {memory_errc::invalid_alignment, 0}};
  const bool first = slots_.bytes() == 0;
  if (const os::status outcome = slots_.open(); !outcome) return {nullptr, outcome};
  if (first) (void)os::address_registry::add({slots_.begin(), slots_.bytes(), this, kind(), true});
  if (usable > slots_.slot_bytes()) return {nullptr, {memory_errc::limit_reached, 0}};
  std::byte* slot = slots_.next_new();
  const bool is_new = slot != nullptr;
  if (!is_new) {
    if (oldest_freed_ == nullptr) return {nullptr, {memory_errc::limit_reached, 0}};
    slot = slots_.slot_of(oldest_freed_);
    entry& old = *blocks_.find(oldest_freed_);
    if (old.accessible) {
      const range pages = usable_pages(old);
      if (const os::status outcome = os::guard(pages.begin, pages.bytes); !outcome) return {nullptr, outcome};
      old.accessible = false;
    }
  }
  std::byte* const pages = slot + (at_end ? slots_.slot_bytes() - usable : 0);
  if (const os::status outcome = os::unguard(pages, usable, os::access::read_write); !outcome)
    return {nullptr, outcome};
  if (is_new) {
    slots_.take_new();
  } else {
    forget_oldest();
  }
  return {pages, {}};
}

/// Whether p points between the ends of the guards on both sides of a block or of its slot.
bool guarded_page_resource::extent_contains(const entry& block, const void* p) const noexcept {
  range pages = with_guards(block);
  if (slots_.exists()) {
    const std::size_t page = os::facts().page_size;
    pages = {slots_.slot_of(block.address) - page, page + slots_.slot_bytes() + page};
  }
  return range_contains(pages.begin, pages.bytes, p, 1);
}

/// Addresses that are reserved for this block alone: none in a slot.
std::size_t guarded_page_resource::mapped_for(const entry& block) const noexcept {
  return slots_.exists() ? 0 : with_guards(block).bytes;
}

void guarded_page_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  os::call_stack caller;
  if (record_stacks_) caller.capture();
  finding found{{misuse_kind::foreign_pointer, name(), p}};
  bool damaged = false;
  {
    const std::lock_guard lock(mutex_);
    entry* const block = blocks_.find(p);
    if (block != nullptr) found.know(*block);
    if (block != nullptr && !block->freed && block->requested == bytes && block->alignment == alignment) {
      const auto damage = damage_of(*block);
      mark_freed(*block, caller);
      if (!damage) return quarantine(*block);
      damaged = true;
      found.report = damage->report;
    } else if (block != nullptr && block->freed) {
      found.report.kind = misuse_kind::double_free;
    } else if (block != nullptr && block->requested != bytes) {
      found.report = {misuse_kind::wrong_size, name(), p, bytes, block->requested};
    } else if (block != nullptr) {
      found.report = {misuse_kind::wrong_alignment, name(), p, alignment, block->alignment};
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
  found.tell(caller);
}

std::optional<guarded_page_resource::finding> guarded_page_resource::damage_of(const entry& block) const noexcept {
  const bool behind = !is_whole(slack_behind(block));
  if (!behind && is_whole(slack_before(block))) return std::nullopt;
  finding damage{{behind ? misuse_kind::overrun : misuse_kind::underrun, name(), block.address, block.requested}};
  damage.know(block);
  return damage;
}

void guarded_page_resource::mark_freed(entry& block, const os::call_stack& caller) noexcept {
  block.freed = true;
  if (block.stacks != nullptr) block.stacks->freed = caller;
  usage_.used -= block.requested;
  usage_.committed -= block.mapped;
}

/// Takes the contents and the access from a freed block and keeps its addresses for as long as the bounds allow.
void guarded_page_resource::quarantine(entry& block) noexcept {
  const range usable = usable_pages(block);
  if (memory_tools::active()) memory_tools::unpoison(usable.begin, usable.bytes);
  // Where the system refuses even that, the contents at least are dropped.
  block.accessible = !os::guard(usable.begin, usable.bytes);
  if (block.accessible) (void)os::zero_pages(usable.begin, usable.bytes, os::access::read_write);
  append_to_quarantine(block);
  if (slots_.exists()) return;  // the slots are the bound
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
  freed_bytes_ += mapped_for(block);
}

void guarded_page_resource::take_from_quarantine(const entry& oldest) noexcept {
  oldest_freed_ = oldest.next;
  if (oldest_freed_ == nullptr) youngest_freed_ = nullptr;
  --freed_blocks_;
  freed_bytes_ -= mapped_for(oldest);
}

void guarded_page_resource::forget_oldest() noexcept {
  entry& oldest = *blocks_.find(oldest_freed_);
  take_from_quarantine(oldest);
  stacks_.remove(oldest.stacks);
  blocks_.erase(&oldest);
}

/// False when the system has no map entry left to split a mapping with: the block then waits behind the others.
bool guarded_page_resource::unmap_oldest() noexcept {
  entry& oldest = *blocks_.find(oldest_freed_);
  const range pages = with_guards(oldest);
  // Whoever gets the addresses next may be there before this thread goes on.
  os::address_registry::remove(pages.begin, this);
  if (!os::release(pages.begin, pages.bytes)) {
    (void)os::address_registry::add({pages.begin, pages.bytes, this, kind(), true});
    take_from_quarantine(oldest);
    append_to_quarantine(oldest);
    return false;
  }
  usage_.reserved -= pages.bytes;
  forget_oldest();
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
  std::optional<finding> damage;
  {
    const std::lock_guard lock(mutex_);
    entry* const block = blocks_.find(p);
    if (block == nullptr || block->freed || block->requested != old_bytes || block->alignment != alignment)
      return false;
    damage = damage_of(*block);
    if (!damage) {
      const std::size_t offset = slack_before(*block).bytes;
      const bool at_end = placement_ == guarded_page_options::placement::end ||
                          (placement_ == guarded_page_options::placement::alternating && offset != 0);
      if (new_bytes > block->mapped || (at_end && offset_at_end(block->mapped, new_bytes, alignment) != offset))
        return false;
      if (memory_tools::active()) memory_tools::unpoison(start_of(*block) + old_bytes, slack_behind(*block).bytes);
      block->requested = new_bytes;
      fill(slack_behind(*block));
      usage_.used = usage_.used - old_bytes + new_bytes;
      usage_.peak = std::max(usage_.peak, usage_.used);
      return true;
    }
  }
  damage->tell();
  return false;
}

memory_usage guarded_page_resource::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  memory_usage now = usage_;
  now.reserved += slots_.bytes();
  now.wasted = now.committed - now.used;  // slack
  return now;
}

bool guarded_page_resource::owns(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  bool found = false;
  blocks_.for_each([&](const entry& block) { found = found || extent_contains(block, p); });
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
    if (const auto damage = damage_of(block)) damage->tell();
  });

  const std::lock_guard lock(mutex_);
  blocks_.for_each([this](const entry& block) {
    if (block.freed) return;
    const range usable = usable_pages(block);
    if (memory_tools::active()) memory_tools::unpoison(usable.begin, usable.bytes);
    append_to_quarantine(*blocks_.find(block.address));
  });
  if (!slots_.exists()) {
    unmap_all_freed();
    blocks_.for_each([this](const entry& block) {
      const range pages = with_guards(block);
      os::address_registry::remove(pages.begin, this);
      give_back_pages(pages.begin, pages.bytes);
    });
  }
  if (slots_.bytes() != 0) os::address_registry::remove(slots_.begin(), this);
  slots_.close();
  stacks_.clear();
  blocks_.clear();
  usage_ = {};
  next_at_end_ = true;
  oldest_freed_ = youngest_freed_ = nullptr;
  freed_blocks_ = freed_bytes_ = 0;
}

std::size_t guarded_page_resource::trim() noexcept {
  const std::lock_guard lock(mutex_);
  if (slots_.exists()) return 0;
  const std::size_t before = usage_.reserved;
  unmap_all_freed();
  return before - usage_.reserved;
}

bool guarded_page_resource::check() const noexcept {
  std::optional<finding> damage;
  bool sound = true;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t page = os::facts().page_size;
    memory_usage sum;
    blocks_.for_each([&](const entry& block) {
      sum.reserved += mapped_for(block);
      sound = sound && block.mapped % page == 0 && is_aligned(block.address, block.alignment) &&
              range_contains(usable_pages(block).begin, block.mapped, block.address, block.requested);
      if (block.freed) return;
      sum.committed += block.mapped;
      sum.used += block.requested;
      if (!damage) damage = damage_of(block);
    });
    sound = sound && sum.reserved == usage_.reserved && sum.committed == usage_.committed && sum.used == usage_.used &&
            (slots_.exists() || freed_bytes_ <= sum.reserved - sum.committed);
  }
  if (damage) damage->tell();
  return sound && !damage;
}

void guarded_page_resource::for_each_block(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  blocks_.for_each([&](const entry& block) { visitor(info_of(block)); });
}

std::size_t guarded_page_resource::explain(const void* address, char* buffer, std::size_t size) const noexcept {
  explanation found;
  {
    const std::lock_guard lock(mutex_);
    found = describe(address);
  }
  if (found.words.size() == 0) return 0;
  block_details text;
  text.append(found.words).append("\n");
  append_stacks(text, found.stacks);
  const std::string_view whole = text;
  return whole.substr(0, whole.size() - 1).copy(buffer, size);
}

/// The block whose pages or guards hold the address, or an empty one: neighbours in slots share a guard, and the nearer
/// block it is then. `least` is how far the address is from that.
block_table::entry guarded_page_resource::nearest_to(const void* address, std::size_t& least) const noexcept {
  entry nearest;
  least = 0;
  const std::uintptr_t at = address_of(address);
  blocks_.for_each([&](const entry& block) {
    if (!extent_contains(block, address)) return;
    const std::uintptr_t start = address_of(block.address);
    const std::size_t distance =
        at < start ? start - at : (at - start < block.requested ? 0 : at - start - block.requested + 1);
    if (nearest.address != nullptr && least <= distance) return;
    nearest = block;
    least = distance;
  });
  return nearest;
}

bool guarded_page_resource::try_look_at(const void* p, block_sight& seen) const noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  std::size_t distance = 0;
  const entry nearest = nearest_to(p, distance);
  seen.state = block_state::guard;
  if (nearest.address == nullptr) return true;
  seen.block = info_of(nearest);
  const range usable = usable_pages(nearest);
  if (distance == 0 || p == nearest.address) {  // the pointer to a block of 0 bytes is in no byte of it
    seen.state = seen.block.state;
  } else if (range_contains(usable.begin, usable.bytes, p, 1)) {
    seen.state = block_state::slack;
  }
  if (nearest.stacks != nullptr) {
    put_down(nearest.stacks->allocated, seen.allocated);
    put_down(nearest.stacks->freed, seen.freed);
  }
  return true;
}

guarded_page_resource::explanation guarded_page_resource::describe(const void* address) const noexcept {
  std::size_t least = 0;
  const entry nearest = nearest_to(address, least);
  const std::uintptr_t at = address_of(address);
  explanation found;
  if (nearest.address == nullptr) return found;
  if (least == 0) {
    found.words.append("inside ");
  } else {
    found.words.append_decimal(least).append(least == 1 ? " byte" : " bytes");
    found.words.append(at < address_of(nearest.address) ? " before the start of " : " past the end of ");
  }
  found.words.append(nearest.freed ? "a block of " : "a live block of ");
  found.words.append_decimal(nearest.requested).append(nearest.requested == 1 ? " byte" : " bytes");
  found.words.append(" at ").append_hex(address_of(nearest.address)).append(nearest.freed ? " that was freed" : "");
  if (nearest.stacks != nullptr) found.stacks = *nearest.stacks;
  return found;
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
  const explanation found = pages.describe(address);
  lock.unlock();
  if (found.words.size() == 0) return;
  write_diagnostic(line.append(found.words));
  write_stack(allocated_at, found.stacks.allocated);
  write_stack(freed_at, found.stacks.freed);
}

}  // namespace allot
