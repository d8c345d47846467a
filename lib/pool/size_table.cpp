#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/size_classes.hpp>
#include <allot/pool/size_table.hpp>
#include <array>

namespace allot {
namespace {

constexpr std::size_t cache_line = 64;

/// Adds a size to an ascending list.
constexpr void add(size_table& table, std::size_t bytes) noexcept {
  bytes = align_up(std::clamp(bytes, size_table::smallest, size_table::largest), size_table::granule);
  if (table.count == size_table::most_classes) return;
  if (table.count != 0 && table.bytes[table.count - 1] >= bytes) return;
  table.bytes[table.count++] = static_cast<std::uint32_t>(bytes);
}

/// Sizes in steps of 8 up to `linear_end`, then so many to each doubling.
constexpr void add_doublings(size_table& table, std::size_t linear_end, std::size_t per_doubling) noexcept {
  for (std::size_t bytes = size_table::smallest; bytes <= linear_end; bytes += size_table::granule) add(table, bytes);
  for (std::size_t base = linear_end; base < size_table::largest; base *= 2)
    for (std::size_t i = 1; i <= per_doubling; ++i) add(table, base + base / per_doubling * i);
}

constexpr void add_powers_of_two(size_table& table) noexcept {
  for (std::size_t bytes = size_table::smallest; bytes <= size_table::largest; bytes *= 2) add(table, bytes);
}

/// The class for each size, where every alignment that size is a multiple of is one the block has.
constexpr void fill_index(size_table& table) noexcept {
  std::uint8_t found = 0;
  for (std::size_t i = 0; i < size_table::largest / size_table::granule; ++i) {
    const std::size_t size = (i + 1) * size_table::granule;
    while (found < table.count && table.bytes[found] < size) ++found;
    const std::size_t alignment = size & (~size + 1);
    const bool fits =
        found < table.count && table.bytes[found] % alignment == 0 && alignment <= size_table::largest_alignment;
    table.index[i] = fits ? found : size_table::no_class;
  }
}

constexpr size_table doublings(std::size_t linear_end, std::size_t per_doubling) noexcept {
  size_table table;
  add_doublings(table, linear_end, per_doubling);
  fill_index(table);
  return table;
}

constexpr size_table powers_of_two() noexcept {
  size_table table;
  add_powers_of_two(table);
  fill_index(table);
  return table;
}

constexpr size_table four_table = doublings(128, 4);
constexpr size_table eight_table = doublings(256, 8);
constexpr size_table two_table = powers_of_two();

static_assert(four_table.count == size_classes::count && four_table.bytes[20] == size_classes::block_bytes(20));

void add_exact(size_table& table, const pool_options& options) noexcept {
  std::array<std::size_t, size_table::most_classes> sizes{};
  const std::size_t count = std::min(options.size_count, sizes.size());
  std::copy_n(options.sizes, count, sizes.begin());
  std::sort(sizes.begin(), sizes.begin() + count);
  for (std::size_t i = 0; i < count; ++i) add(table, sizes[i]);
}

void add_geometric(size_table& table, double growth) noexcept {
  double bytes = size_table::smallest;
  while (table.count < size_table::most_classes && bytes < static_cast<double>(size_table::largest)) {
    add(table, static_cast<std::size_t>(bytes));
    bytes = std::max(bytes * growth, static_cast<double>(table.bytes[table.count - 1] + size_table::granule));
  }
  if (table.count == size_table::most_classes) --table.count;
  add(table, size_table::largest);
}

void keep_lines_apart(size_table& table) noexcept {
  const size_table old = table;
  table.count = 0;
  for (std::size_t i = 0; i < old.count; ++i)
    add(table, old.bytes[i] < cache_line ? old.bytes[i] : align_up(old.bytes[i], cache_line));
}

}  // namespace

const size_table* size_table::shared(const pool_options& options) noexcept {
  if (options.cache_line_blocks) return nullptr;
  switch (options.spacing) {
    case size_spacing::four_per_doubling:
      return &four_table;
    case size_spacing::eight_per_doubling:
      return &eight_table;
    case size_spacing::power_of_two:
      return &two_table;
    default:
      return nullptr;
  }
}

void size_table::build(const pool_options& options, size_table& table) noexcept {
  table = {};
  switch (options.spacing) {
    case size_spacing::four_per_doubling:
      add_doublings(table, 128, 4);
      break;
    case size_spacing::eight_per_doubling:
      add_doublings(table, 256, 8);
      break;
    case size_spacing::power_of_two:
      add_powers_of_two(table);
      break;
    case size_spacing::geometric:
      add_geometric(table, options.growth);
      break;
    case size_spacing::exact:
      add_exact(table, options);
      break;
  }
  if (table.count == 0) add_doublings(table, 128, 4);  // a list of no sizes
  if (options.cache_line_blocks) keep_lines_apart(table);
  fill_index(table);
}

std::size_t size_table::classes_up_to(std::size_t size) const noexcept {
  std::size_t needed = count;
  while (size != 0 && needed > 1 && bytes[needed - 2] >= size) --needed;
  return needed;
}

std::size_t size_table::class_of(std::size_t size, std::size_t alignment) const noexcept {
  if (size > largest || alignment > largest_alignment) return no_class;
  size = align_up(size, alignment);
  if (size > largest) return no_class;
  const std::size_t at = (size - 1) / granule;
  if (index[at] != no_class) return index[at];
  const std::uint8_t below = at != 0 ? index[at - 1] : no_class;
  for (std::size_t i = below != no_class ? below : 0; i < count; ++i)
    if (bytes[i] >= size && bytes[i] % alignment == 0) return i;
  return no_class;
}

}  // namespace allot
