#include "state.hpp"

#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/bits.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/memory_limits.hpp>
#include <limits>
#include <new>

namespace allot::secure {
namespace {

std::size_t state_bytes() noexcept { return align_up(sizeof(secure_state), os::facts().page_size); }

/// Regions small enough for the address space there is: about a hundred of them, and as much again for their records
/// and the rest of the program.
std::size_t region_limit(const secure_options& options) noexcept {
  constexpr std::size_t share = 256;
  constexpr unsigned most_watched = 26;  // memory tools have books of their own for all addresses
  constexpr unsigned most_narrow = 22;
  constexpr unsigned fewest = 20;
  unsigned bits = *options.region_bits;
  if (memory_tools::rule_addresses()) bits = std::min(bits, most_watched);
  if (std::numeric_limits<std::size_t>::digits <= 32) bits = std::min(bits, most_narrow);
  // Asking takes long where there are many mappings, and a region that does not fit after all is halved when it is
  // made.
  static const std::size_t left = os::memory_limits().address_space.left;
  if (left != os::memory_limit::none)
    bits = std::clamp(static_cast<unsigned>(highest_bit(left / share | 1)), std::min(fewest, bits), bits);
  return std::size_t{1} << bits;
}

}  // namespace

secure_state::secure_state(const secure_options& options, resource& owner, chacha_random& random, std::size_t limit,
                           const wishes_granted& granted) noexcept
    : context(options, owner, random, this, limit, granted), small(context), large(context) {}

secure_state* secure_state::make(const secure_options& options, bool fork_required, resource& owner,
                                 os::status& outcome) noexcept {
  const std::size_t page = os::facts().page_size;
  if (page == 0) {
    outcome = {memory_errc::page_size_unknown, 0};
    return nullptr;
  }
  const std::size_t bytes = page + state_bytes();
  const os::mapping pages = map_guarded_pages(bytes, 1, os::access::read_write);
  outcome = pages.outcome;
  if (!pages) return nullptr;
  auto* const base = static_cast<std::byte*>(pages.address);
  static_assert(sizeof(chacha_random) <= 4096);
  auto& random = *::new (pages.address) chacha_random;
  wishes_granted granted;
  granted.fork_required = fork_required;
  outcome = apply_wishes(base, bytes, options, granted);
  if (outcome && (!options.checked || options.seed == 0)) {
    outcome = random.seed_from_system();
    if (outcome) (void)os::advise(base, page, os::advice::wipe_on_fork);
  } else if (outcome) {
    random.seed(options.seed);
  }
  if (!outcome) {
    give_back_pages(base - page, bytes + 2 * page);
    return nullptr;
  }
  return ::new (static_cast<void*>(base + page)) secure_state(options, owner, random, region_limit(options), granted);
}

void secure_state::destroy(secure_state& state) noexcept {
  const std::size_t page = os::facts().page_size;
  std::byte* const base = reinterpret_cast<std::byte*>(&state) - page;
  state.~secure_state();
  reinterpret_cast<chacha_random*>(base)->~chacha_random();
  give_back_pages(base - page, state_bytes() + 3 * page);
}

}  // namespace allot::secure
