#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_options.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/pool/size_table.hpp>

#include "table_rows.hpp"

namespace allot::config {
namespace {

/// pool_options and the sizes they point to.
struct pool_settings : pool_options {
  pool_settings() = default;
  pool_settings(const pool_options& options, std::vector<std::size_t> list)
      : pool_options(options), exact_sizes(std::move(list)) {}

  std::vector<std::size_t> exact_sizes = {};
};

std::vector<option> pool_rows() {
  using options = pool_settings;
  return rows<options>()
      .upstream("where chunks and large blocks come from; without it the default resource")
      .size("largest_required_pool_block", &options::largest_required_pool_block,
            "larger requests go upstream one by one; 0: 32 KiB, the most", {0, size_table::largest})
      .count("max_blocks_per_chunk", &options::max_blocks_per_chunk,
             "most blocks of the size asked for that a chunk is made for; 0: as many as it has room for")
      .choice<size_spacing>("spacing", &options::spacing, "which sizes blocks have",
                            {{size_spacing::four_per_doubling, "four_per_doubling"},
                             {size_spacing::eight_per_doubling, "eight_per_doubling"},
                             {size_spacing::power_of_two, "power_of_two"},
                             {size_spacing::geometric, "geometric"},
                             {size_spacing::exact, "exact"}})
      .real("growth", &options::growth, "each size is so many times the one before", 1.05, 4)
      .with("spacing", "geometric")
      .sizes("sizes", &options::exact_sizes, "the sizes, in any order; rounded up to multiples of 8",
             {size_table::smallest, size_table::largest})
      .with("spacing", "exact")
      .count("magazine_blocks", &options::magazine_blocks, "most blocks of one size in a magazine", {1, 4096})
      .size("magazine_bytes", &options::magazine_bytes, "most bytes in it, but for fewest_in_magazine",
            {1, std::size_t{16} << 20})
      .count("fewest_in_magazine", &options::fewest_in_magazine, "blocks that a magazine may have whatever their size",
             {1, 4096})
      .size("largest_slab", &options::largest_slab, "where blocks of one size lie together", {0, std::size_t{64} << 10})
      .size("first_chunk", &options::first_chunk, "asked of the upstream at first, and the least later",
            {1024, std::size_t{128} << 20})
      .size("largest_chunk", &options::largest_chunk, "chunks are an eighth of what is held, up to this",
            {1024, std::size_t{128} << 20})
      .flag("cache_line_blocks", &options::cache_line_blocks, "blocks of 64 bytes and more never share a cache line")
      .flag("page_local", &options::page_local, "blocks no larger than a page never straddle two")
      .choice<chunk_return>("returns", &options::returns, "when empty chunks go back upstream",
                            {{chunk_return::by_trim, "by_trim"}, {chunk_return::at_once, "at_once"}})
      .flag("keep_spare", &options::keep_spare, "keep one empty chunk")
      .with("returns", "at_once")
      .flag("zero_on_free", &options::zero_on_free, "overwrite blocks with zeros when they are freed")
      .name()
      .flag("checked", &options::checked, "find double frees, foreign pointers and wrong sizes at the free itself")
      .done();
}

template <class Pool>
strategy pool_entry(std::string_view name, std::string_view doc) {
  strategy made = entry_for<pool_settings>(name, doc, book_keeping::own, pool_rows());
  made.untold = [](const std::any&) {
    return std::any(pool_settings(Pool(pool_options(), std::pmr::null_memory_resource()).options(), {}));
  };
  made.object = [](const std::any& is, const node& table) -> objection {
    const auto& told = std::any_cast<const pool_settings&>(is);
    if (told.spacing == size_spacing::exact && told.exact_sizes.empty()) return {"spacing", "exact needs sizes"};
    return objection_to_order(told.first_chunk, told.largest_chunk, table, "first_chunk", "largest_chunk");
  };
  made.make = [](const std::any& is, const making& from) {
    struct owned {
      pool_settings told;
      Pool pool;
      owned(const pool_settings& t, std::pmr::memory_resource* upstream) : told(t), pool(pointed(told), upstream) {}
      static const pool_options& pointed(pool_settings& settings) {
        settings.sizes = settings.exact_sizes.data();
        settings.size_count = settings.exact_sizes.size();
        return settings;
      }
    };
    auto told = std::any_cast<pool_settings>(is);
    told.name = from.name;
    const auto whole = std::make_shared<owned>(told, upstream_or_default(from));
    product result;
    result.owner = whole;
    result.memory = &whole->pool;
    result.options_in_force = [is = whole.get()] {
      return std::any(pool_settings(is->pool.options(), is->told.exact_sizes));
    };
    return result;
  };
  return made;
}

}  // namespace

std::vector<strategy> pool_strategies() {
  return {pool_entry<pool_resource>("pool_resource",
                                    "blocks of many sizes, taken and given back in a few "
                                    "instructions; for one thread"),
          pool_entry<concurrent_pool>("concurrent_pool", "the same for many threads")};
}

}  // namespace allot::config
