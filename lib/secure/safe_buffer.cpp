#include <allot/block/guarded_pages.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/entropy.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/memory_limits.hpp>
#include <allot/os/secure_memory.hpp>
#include <allot/secure/safe_buffer.hpp>
#include <cstdint>
#include <cstring>
#include <utility>

namespace allot {
namespace {

// Neither zero nor text, which is what runs over an end most often.
constexpr unsigned char pattern = 0xb5;

constexpr os::access to_os(safe_buffer::access rights) noexcept {
  switch (rights) {
    case safe_buffer::access::none:
      return os::access::none;
    case safe_buffer::access::read:
      return os::access::read;
    case safe_buffer::access::read_write:
      break;
  }
  return os::access::read_write;
}

bool is_pattern(const unsigned char* bytes, std::size_t count) noexcept {
  return count == 0 || (bytes[0] == pattern && std::memcmp(bytes, bytes + 1, count - 1) == 0);
}

/// Bytes nobody else may touch, which this may for as long as it lives.
class opened {
 public:
  opened(const void* p, std::size_t bytes) noexcept : p_(p), bytes_(bytes) {
    if (memory_tools::active()) memory_tools::unpoison(p_, bytes_);
  }
  ~opened() {
    if (memory_tools::active()) memory_tools::poison(p_, bytes_);
  }
  opened(const opened&) = delete;
  opened& operator=(const opened&) = delete;

 private:
  const void* p_;
  std::size_t bytes_;
};

/// What becomes of a wish the system did not grant.
os::status outcome_for(wish how_much, const os::status& outcome) noexcept {
  return how_much == wish::require ? outcome : os::status{};
}

[[noreturn]] void fail(std::string_view who, std::size_t bytes, std::size_t alignment, const os::status& why) {
  allocation_failure failure{why.error, who, bytes, alignment};
  failure.os_code = why.os_code;
  if (why.error == memory_errc::lock_limit) {
    const os::memory_limit limit = os::memory_limits().locked;
    if (limit.most != os::memory_limit::none) failure.limit = limit.most;
  }
  throw allocation_error(failure);
}

}  // namespace

safe_buffer::safe_buffer(std::size_t bytes, const safe_buffer_options& options) : name_(options.name) {
  if (!is_power_of_two(options.alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, options.alignment});
    fail(name(), bytes, options.alignment, {memory_errc::invalid_alignment, 0});
  }
  if (bytes == 0) return;
  if (const os::status outcome = map(bytes, options); !outcome) fail(name(), bytes, options.alignment, outcome);
}

safe_buffer::safe_buffer(safe_buffer&& other) noexcept : state_(std::exchange(other.state_, {})), name_(other.name_) {}

safe_buffer& safe_buffer::operator=(safe_buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  state_ = std::exchange(other.state_, {});
  name_ = other.name_;
  return *this;
}

safe_buffer::~safe_buffer() { release(); }

os::status safe_buffer::map(std::size_t bytes, const safe_buffer_options& options) noexcept {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return {memory_errc::page_size_unknown, 0};
  if (options.alignment > page) return {memory_errc::invalid_alignment, 0};
  std::size_t block = 0;
  std::size_t usable = 0;
  std::size_t total = 0;
  if (!checked_align_up(bytes, options.alignment, block) || !checked_add(block, state_.canary.size(), usable) ||
      !checked_align_up(usable, page, usable) || !checked_add(usable, 2 * page, total) || total > max_object_bytes)
    return {memory_errc::size_overflow, 0};

  const os::mapping made = map_guarded_pages(usable, 1, os::access::read_write);
  if (!made) return made.outcome;
  os::status outcome = ask_system(made.address, usable, options);
  if (outcome) outcome = os::entropy(state_.canary.data(), state_.canary.size());
  if (!outcome) {
    give_back_pages(static_cast<std::byte*>(made.address) - page, total);
    return outcome;
  }
  state_.data = static_cast<unsigned char*>(made.address) + (usable - block);
  state_.size = bytes;
  state_.forks = os::fork_count();
  mark_surroundings();
  return {};
}

/// Guards lie outside of what is locked and of what is wiped: made by advice they are refused in the one and gone in
/// the child's copy of the other.
os::status safe_buffer::ask_system(void* pages, std::size_t bytes, const safe_buffer_options& options) noexcept {
  const std::size_t page = os::facts().page_size;
  std::byte* const start = static_cast<std::byte*>(pages) - page;
  const std::size_t total = page + bytes + page;
  if (name_.size() != 0) (void)os::set_name(start, total, name_.c_str());

  if (options.no_dump != wish::none) {
    const os::status outcome = os::advise(start, total, os::advice::no_dump);
    state_.out_of_dumps = static_cast<bool>(outcome);
    if (!outcome_for(options.no_dump, outcome)) return outcome;
  }
  if (options.fork != fork_policy::inherit) {
    // All of the mapping is denied, so that the child has nothing to give back.
    const os::status outcome = options.fork == fork_policy::deny ? os::advise(start, total, os::advice::no_fork)
                                                                 : os::advise(pages, bytes, os::advice::wipe_on_fork);
    if (outcome) state_.fork = options.fork;
    if (!outcome && outcome.error != memory_errc::not_supported) return outcome;
  }
  if (options.lock != wish::none) {
    const os::status outcome = os::lock(pages, bytes);
    state_.locked = static_cast<bool>(outcome);
    state_.must_lock = options.lock == wish::require;
    if (!outcome_for(options.lock, outcome)) return outcome;
  }
  return {};
}

unsigned char* safe_buffer::pages() const noexcept {
  const std::size_t into_page = address_of(canary()) & (os::facts().page_size - 1);
  return canary() - into_page;
}

std::size_t safe_buffer::page_bytes() const noexcept {
  return align_up(static_cast<std::size_t>(state_.data - pages()) + state_.size, os::facts().page_size);
}

std::size_t safe_buffer::slack() const noexcept {
  return padding_for(address_of(state_.data + state_.size), os::facts().page_size);
}

void safe_buffer::mark_surroundings() noexcept {
  const auto before = static_cast<std::size_t>(state_.data - pages());
  const opened lead(pages(), before);
  const opened behind(state_.data + state_.size, slack());
  std::memset(pages(), pattern, before - state_.canary.size());
  std::memcpy(canary(), state_.canary.data(), state_.canary.size());
  std::memset(state_.data + state_.size, pattern, slack());
}

std::optional<misuse_kind> safe_buffer::damage() const noexcept {
  const auto before = static_cast<std::size_t>(state_.data - pages());
  const opened lead(pages(), before);
  const opened behind(state_.data + state_.size, slack());
  if (!is_pattern(state_.data + state_.size, slack())) return misuse_kind::overrun;
  if (std::memcmp(canary(), state_.canary.data(), state_.canary.size()) != 0 ||
      !is_pattern(pages(), before - state_.canary.size()))
    return misuse_kind::underrun;
  return std::nullopt;
}

/// Whether there was none.
bool safe_buffer::report_damage() const {
  if (state_.data == nullptr || state_.rights != access::read_write) return true;
  if (state_.fork != fork_policy::inherit && in_child())
    return true;  // there is nothing any more that could be damaged
  const auto found = damage();
  if (found) report_misuse({*found, name(), state_.data, state_.size});
  return !found;
}

bool safe_buffer::in_child() const noexcept { return state_.forks != os::fork_count(); }

bool safe_buffer::check() const noexcept { return report_damage(); }

void safe_buffer::protect(access rights) {
  if (state_.data == nullptr || rights == state_.rights) return;
  if (state_.fork == fork_policy::deny && in_child())
    return report_misuse({misuse_kind::used_after_fork, name(), state_.data});
  (void)report_damage();
  if (const os::status outcome = os::protect(pages(), page_bytes(), to_os(rights)); !outcome)
    fail(name(), state_.size, 0, outcome);
  if (state_.rights == access::none && state_.locked && !os::facts().locks_last) lock_again();
  state_.rights = rights;
}

/// What lost its lock with its access and may be accessed again.
void safe_buffer::lock_again() {
  const os::status outcome = os::lock(pages(), page_bytes());
  if (outcome) return;
  if (!state_.must_lock) {
    state_.locked = false;
    return;
  }
  (void)os::protect(pages(), page_bytes(), os::access::none);
  fail(name(), state_.size, 0, outcome);
}

os::status safe_buffer::fill_random() noexcept { return os::entropy(state_.data, state_.size); }

bool safe_buffer::equals(const void* bytes, std::size_t count) const noexcept {
  return count == state_.size && constant_time_equal(state_.data, bytes, count);
}

bool safe_buffer::locked() const noexcept {
  return state_.locked && !in_child() && (os::facts().locks_last || state_.rights != access::none);
}

std::string_view safe_buffer::name() const noexcept {
  return name_.size() != 0 ? std::string_view(name_) : std::string_view("safe_buffer");
}

void safe_buffer::release() noexcept {
  if (state_.data == nullptr) return;
  const bool child = state_.fork != fork_policy::inherit && in_child();
  const bool is_there = !child || state_.fork == fork_policy::wipe;
  const auto found = is_there ? wipe(!child) : std::nullopt;
  if (is_there) {
    give_back_pages(pages() - os::facts().page_size, page_bytes() + 2 * os::facts().page_size);
  } else if (memory_tools::active()) {
    memory_tools::unpoison(pages(), page_bytes());  // for whatever is mapped there next
  }
  const state gone = std::exchange(state_, {});
  if (found) report_misuse({*found, name(), gone.data, gone.size});
}

/// @param look  whether to look for damage before
std::optional<misuse_kind> safe_buffer::wipe(bool look) noexcept {
  if (state_.rights != access::read_write && !os::protect(pages(), page_bytes(), os::access::read_write)) {
    (void)os::zero_pages(pages(), page_bytes(), to_os(state_.rights));  // drops what cannot be overwritten
    return std::nullopt;
  }
  const auto found = look ? damage() : std::nullopt;
  const opened all(pages(), page_bytes());
  os::secure_zero(pages(), page_bytes());
  return found;
}

bool constant_time_equal(const void* a, const void* b, std::size_t n) noexcept {
  const auto* const left = static_cast<const unsigned char*>(a);
  const auto* const right = static_cast<const unsigned char*>(b);
  std::uint64_t difference = 0;
  std::size_t i = 0;
  for (; n - i >= sizeof difference; i += sizeof difference) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, left + i, sizeof x);
    std::memcpy(&y, right + i, sizeof y);
    difference |= x ^ y;
    ALLOT_IN_REGISTER(difference);  // no compiler may see that one difference is enough
  }
  for (; i < n; ++i) {
    difference |= static_cast<std::uint64_t>(left[i] ^ right[i]);
    ALLOT_IN_REGISTER(difference);
  }
  return difference == 0;
}

}  // namespace allot
