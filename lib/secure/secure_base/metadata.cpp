#include "metadata.hpp"

#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/bits.hpp>
#include <allot/core/memory_tools.hpp>
#include <cmath>
#include <cstring>

namespace allot::secure {
namespace {

constexpr std::size_t line = 64;
constexpr std::size_t fewer = 8;  // times less is asked for when so much was refused
constexpr std::size_t commit_step = std::size_t{256} << 10;

}  // namespace

random_places::random_places(chacha_random& random, const void* known) noexcept : random_(random) {
  // Systems put mappings near the top of what a program may use, so half of what lies below is sure to be usable.
  if (known == nullptr || memory_tools::rule_addresses()) return;
  const std::size_t top = std::size_t{1} << highest_bit(address_of(known));
  if (top > 2 * lowest) pages_ = (top - lowest) / os::facts().page_size;
}

os::mapping random_places::reserve(std::size_t bytes, bool& scattered, std::size_t alignment,
                                   std::size_t aligned_byte) noexcept {
  scattered = false;
  os::placement where;
  where.aligned_byte = aligned_byte;
  constexpr int tries = 3;
  for (int i = 0; i < tries && pages_ != 0; ++i) {
    where.rule = os::placement::how::fixed;
    // Of 2^64 values the excess over a multiple of pages_ is less than one in 2^16.
    std::size_t at = lowest + static_cast<std::size_t>(random_.next64() % pages_) * os::facts().page_size;
    if (!checked_align_up(at + aligned_byte, alignment, at)) continue;
    where.address = reinterpret_cast<void*>(at - aligned_byte);
    const os::mapping made = os::reserve(bytes, alignment, where);
    scattered = static_cast<bool>(made);
    const memory_errc error = made.outcome.error;
    if (made || (error != memory_errc::address_in_use && error != memory_errc::invalid_address)) return made;
  }
  where.rule = os::placement::how::anywhere;
  return os::reserve(bytes, alignment, where);
}

double random_places::entropy() const noexcept { return pages_ == 0 ? 0 : std::log2(static_cast<double>(pages_)); }

os::status apply_wishes(void* p, std::size_t bytes, const secure_options& options, wishes_granted& granted) noexcept {
  if (*options.no_dump != wish::none) {
    const os::status outcome = os::advise(p, bytes, os::advice::no_dump);
    if (!outcome && *options.no_dump == wish::require) return outcome;
    if (!outcome) ++granted.dump_refusals;
  }
  if (*options.fork == fork_policy::inherit) return {};
  const os::advice policy = *options.fork == fork_policy::wipe ? os::advice::wipe_on_fork : os::advice::no_fork;
  const os::status outcome = os::advise(p, bytes, policy);
  if (!outcome) ++granted.fork_refusals;
  return granted.fork_required ? outcome : os::status{};
}

metadata::~metadata() {
  while (newest_ != nullptr) close_newest();
}

void metadata::close_newest() noexcept {
  const chunk last = *newest_;
  newest_ = last.next;
  reserved_ -= last.bytes;
  give_back_pages(last.base, last.bytes);
}

void metadata::rewind(const mark& to) noexcept {
  const auto give_back = [this](std::size_t kept) {
    std::memset(newest_->base + kept, 0, newest_->taken - kept);
    taken_ -= newest_->taken - kept;
    newest_->taken = kept;
  };
  while (newest_ != to.chunk) {
    give_back(first_byte());
    close_newest();
  }
  if (newest_ != nullptr) give_back(to.taken);
}

void* metadata::take(std::size_t bytes, os::status& outcome) noexcept {
  const std::size_t rounded = align_up(bytes, line);
  const std::size_t page = os::facts().page_size;
  chunk* from = newest_;
  if (from == nullptr || rounded > from->bytes - page - from->taken) from = open(rounded, outcome);
  if (from == nullptr || !commit(*from, from->taken + rounded, outcome)) return nullptr;
  void* const taken = from->base + from->taken;
  from->taken += rounded;
  taken_ += rounded;
  return taken;
}

/// Of a chunk, from its base: behind the guard and the chunk's own books.
std::size_t metadata::first_byte() noexcept { return os::facts().page_size + align_up(sizeof(chunk), line); }

metadata::chunk* metadata::open(std::size_t bytes, os::status& outcome) noexcept {
  const std::size_t page = os::facts().page_size;
  const std::size_t least = align_up(bytes + align_up(sizeof(chunk), line), page) + 2 * page;
  bool scattered = false;
  os::mapping made;
  for (std::size_t size = std::max(least, align_up(chunk_bytes_, page));;
       size = std::max(least, align_up(size / fewer, page))) {
    made = places_.reserve(size, scattered);
    if (!made && size > least) continue;
    if (!made) {
      outcome = made.outcome;
      return nullptr;
    }
    chunk start{static_cast<std::byte*>(made.address), size, first_byte(), page, newest_};
    outcome = apply_wishes(start.base, size, options_, granted_);
    if (!outcome || !commit(start, start.taken, outcome)) {
      give_back_pages(start.base, size);
      return nullptr;
    }
    newest_ = ::new (static_cast<void*>(start.base + page)) chunk(start);
    reserved_ += size;
    return newest_;
  }
}

bool metadata::commit(chunk& into, std::size_t end, os::status& outcome) noexcept {
  if (end <= into.committed) return true;
  const std::size_t page = os::facts().page_size;
  const std::size_t target = std::min(align_up(std::max(end, into.committed + commit_step), page), into.bytes - page);
  outcome = os::commit(into.base + into.committed, target - into.committed);
  if (!outcome) return false;
  into.committed = target;
  return true;
}

}  // namespace allot::secure
