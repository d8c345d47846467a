#include <algorithm>
#include <allot/adaptor/sampling_guard_resource.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <chrono>
#include <limits>

namespace allot {
namespace {

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;

/// SplitMix64's finishing function (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
constexpr std::uint64_t mixed(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// Where addresses are laid out at random and the clock stands at nanoseconds, another at every call.
std::uint64_t seed_from(const void* address) noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return mixed(static_cast<std::uint64_t>(now) * golden + address_of(address));
}

guarded_page_options guarded_options(const sampling_guard_options& options, std::string_view name) noexcept {
  guarded_page_options made;
  made.at = options.at;
  made.explain_faults = options.explain_faults && options.rate != 0;
  made.record_stacks = true;
  made.slots = std::max<std::size_t>(options.slots, 1);
  made.slot_bytes = options.largest_bytes;
  made.name = name;
  return made;
}

// Which countdown the thread uses, in all resources alike.
ALLOT_INITIAL_EXEC thread_local std::size_t own_countdown = 0;
std::atomic<std::size_t> last_countdown{0};

}  // namespace

sampling_guard_resource::sampling_guard_resource(upstream_ref upstream, const sampling_guard_options& options) noexcept
    : adaptor_resource(upstream, options.name),
      rate_(options.slots == 0 ? 0 : options.rate),
      largest_bytes_(options.largest_bytes),
      seed_(options.seed != 0 ? options.seed : seed_from(this)),
      guarded_(guarded_options(options, options.name.empty() ? "sampling_guard_resource" : options.name)) {
  start_counting();
}

void sampling_guard_resource::start_counting() noexcept {
  random_.store(seed_, std::memory_order_relaxed);
  const std::uint64_t start = rate_ == 0 ? std::numeric_limits<std::uint64_t>::max() : 0;
  for (countdown& each : countdowns_) each.left.store(start, std::memory_order_relaxed);
}

// ---- the paths of every call

/// Counts this allocation; false when it may be the next sample, and then it is draw() that counts it.
inline bool sampling_guard_resource::passes() noexcept {
  std::atomic<std::uint64_t>& left = countdowns_[own_countdown].left;
  const std::uint64_t now = left.load(std::memory_order_relaxed);
  if (now <= 1) return false;
  left.store(now - 1, std::memory_order_relaxed);
  return true;
}

void* sampling_guard_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (ALLOT_LIKELY(passes())) return upstream_allocate(bytes, alignment);
  return allocate_drawing(bytes, alignment);
}

void sampling_guard_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  if (guarded_.contains(p)) return guarded_.deallocate(p, bytes, alignment);
  upstream_deallocate(p, bytes, alignment);
}

// ---- samples

ALLOT_NEVER_INLINE void* sampling_guard_resource::allocate_drawing(std::size_t bytes, std::size_t alignment) {
  void* const p = draw() ? try_guarded(bytes, alignment) : nullptr;
  return p != nullptr ? p : upstream_allocate(bytes, alignment);
}

/// Whether this allocation is a sample.
bool sampling_guard_resource::draw() noexcept {
  if (own_countdown == 0) own_countdown = 1 + last_countdown.fetch_add(1, std::memory_order_relaxed) % (countdowns - 1);
  std::atomic<std::uint64_t>& left = countdowns_[own_countdown].left;
  std::uint64_t now = left.load(std::memory_order_relaxed);
  if (now == 0) now = distance();
  const bool due = now == 1;
  left.store(due ? distance() : now - 1, std::memory_order_relaxed);
  return due;
}

std::uint64_t sampling_guard_resource::distance() noexcept {
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  const std::uint64_t draw = mixed(random_.fetch_add(golden, std::memory_order_relaxed) + golden);
  return 1 + draw % (2 * std::min(rate_, most) - 1);
}

void* sampling_guard_resource::try_guarded(std::size_t bytes, std::size_t alignment) noexcept {
  if (bytes > largest_bytes_ || !is_power_of_two(alignment) || alignment > os::facts().page_size) return nullptr;
  void* const p = guarded_.try_allocate(bytes, alignment);
  (p != nullptr ? sampled_ : refused_).fetch_add(1, std::memory_order_relaxed);
  return p;
}

sampling_guard_resource::counts sampling_guard_resource::statistics() const noexcept {
  counts now{sampled_.load(std::memory_order_relaxed), 0, refused_.load(std::memory_order_relaxed)};
  guarded_.for_each_block([&](const block_info& block) {
    if (block.state == block_state::used) ++now.live;
  });
  return now;
}

// ---- the vocabulary

void* sampling_guard_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!passes() && draw())
    if (void* const p = try_guarded(bytes, alignment); p != nullptr) return p;
  return adaptor_resource::try_allocate(bytes, alignment);
}

bool sampling_guard_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                         std::size_t alignment) noexcept {
  if (guarded_.contains(p)) return guarded_.try_expand(p, old_bytes, new_bytes, alignment);
  return adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment);
}

memory_usage sampling_guard_resource::usage() const noexcept {
  memory_usage sum = guarded_.usage();
  return sum += adaptor_resource::usage();
}

bool sampling_guard_resource::owns(const void* p) const noexcept {
  return guarded_.contains(p) ? guarded_.owns(p) : adaptor_resource::owns(p);
}

block_info sampling_guard_resource::find_block(const void* p) const noexcept {
  return guarded_.contains(p) ? guarded_.find_block(p) : adaptor_resource::find_block(p);
}

void sampling_guard_resource::release() noexcept {
  guarded_.release();
  adaptor_resource::release();
  sampled_.store(0, std::memory_order_relaxed);
  refused_.store(0, std::memory_order_relaxed);
  start_counting();
}

bool sampling_guard_resource::check() const noexcept {
  const bool sound = guarded_.check();
  return adaptor_resource::check() && sound;
}

void sampling_guard_resource::for_each_block(block_visitor visitor) const {
  guarded_.for_each_block(visitor);
  adaptor_resource::for_each_block(visitor);
}

}  // namespace allot
