#include <algorithm>
#include <allot/secure/secure_options.hpp>
#include <limits>

namespace allot {
namespace {

/// What a level stands for, every value set.
secure_options preset(secure_level level) noexcept {
  constexpr std::size_t kibibyte = 1024;
  secure_options is;
  is.level = level;
  is.region_bits = 30;
  is.quarantine = 0;
  is.guard_interval = 0;
  is.canary_bytes = 0;
  is.random_places = false;
  is.zero_on_free = false;
  is.verify_on_allocate = false;
  is.lock = wish::none;
  is.no_dump = wish::none;
  is.fork = fork_policy::inherit;
  if (level == secure_level::checked) return is;

  is.quarantine = 32 * kibibyte;
  is.guard_interval = 8;
  is.canary_bytes = 8;
  is.random_places = true;
  is.zero_on_free = true;
  is.verify_on_allocate = true;
  if (level == secure_level::hardened) return is;

  is.quarantine = 128 * kibibyte;
  is.guard_interval = 1;
  is.canary_bytes = 32;
  is.no_dump = wish::attempt;
  is.fork = fork_policy::wipe;
  return is;
}

}  // namespace

secure_options completed(const secure_options& options) noexcept {
  const secure_options level = preset(options.level);
  secure_options whole = options;
  const auto take = [](auto& value, const auto& otherwise) {
    if (!value) value = otherwise;
  };
  take(whole.region_bits, level.region_bits);
  take(whole.quarantine, level.quarantine);
  take(whole.guard_interval, level.guard_interval);
  take(whole.canary_bytes, level.canary_bytes);
  take(whole.random_places, level.random_places);
  take(whole.zero_on_free, level.zero_on_free);
  take(whole.verify_on_allocate, level.verify_on_allocate);
  take(whole.lock, level.lock);
  take(whole.no_dump, level.no_dump);
  take(whole.fork, level.fork);

  constexpr unsigned least_bits = 20;
  constexpr unsigned most_bits = std::numeric_limits<std::size_t>::digits > 32 ? 35 : 22;
  whole.region_bits = std::clamp(*whole.region_bits, least_bits, most_bits);
  constexpr std::size_t longest_interval = std::size_t{1} << 20;
  whole.guard_interval = std::min(*whole.guard_interval, longest_interval);
  constexpr std::size_t most_canary = 64;
  std::size_t canary = 0;
  if (*whole.canary_bytes != 0)
    for (canary = 8; canary < most_canary && canary < *whole.canary_bytes;) canary *= 2;
  whole.canary_bytes = canary;
  // Only what is zero when it is freed can be expected to be zero later.
  if (!*whole.zero_on_free) whole.verify_on_allocate = false;
  return whole;
}

}  // namespace allot
