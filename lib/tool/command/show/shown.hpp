#pragma once

#include <command/moment.hpp>
#include <command/recording.hpp>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "census.hpp"
#include "timeline.hpp"

namespace allot::tool {

/// What is wanted of a trace.
struct show_wishes {
  std::string trace;
  std::string resource;  ///< the only one to look at; empty: all
  bool histogram = false;
  bool lifetimes = false;
  bool tags = false;
  std::size_t stacks = 0;      ///< how many call stacks of each kind
  std::optional<moment> when;  ///< of the heap picture
  std::string html;            ///< the file of a page; empty: none

  bool nothing_special() const noexcept { return !histogram && !lifetimes && !tags && stacks == 0 && !when; }
};

/// What was found in a trace.
struct findings {
  const show_wishes& wishes;
  recording& trace;
  const census& counted;
  const timeline& times;
  const heap_at* heap = nullptr;  ///< at the moment wished for
};

/// How much of tables and names is put into words.
struct table_limits {
  std::size_t rows = ~std::size_t{0};
  std::size_t name_bytes = ~std::size_t{0};
  std::size_t stack_bytes = ~std::size_t{0};
};

/// A name cut to so many bytes, between characters.
std::string cut(std::string text, std::size_t bytes);

/// Numbers of resources, those with the most bytes first; and of tags likewise.
std::vector<std::uint32_t> by_bytes(const std::map<std::uint32_t, resource_use>& resources);
std::vector<std::uint32_t> by_bytes(const std::map<std::uint32_t, memory_use>& tags);

/// Numbers of the stacks with the most bytes at the peak, and of those with the most allocations.
struct leading_stacks {
  std::vector<std::uint32_t> at_peak;
  std::vector<std::uint32_t> allocations;
};
leading_stacks leading(const census& counted, std::size_t most);

// For people.
void print_summary(std::ostream& out, const findings& found);
void print_resources(std::ostream& out, const findings& found);
void print_histogram(std::ostream& out, const findings& found);
void print_lifetimes(std::ostream& out, const findings& found);
void print_tags(std::ostream& out, const findings& found);
void print_stacks(std::ostream& out, const findings& found);
void print_heap(std::ostream& out, const findings& found, bool colours);

// For programs.
nlohmann::ordered_json facts_of(const findings& found, const table_limits& limits = {});

/// A page to explore in a browser: one file that needs nothing from anywhere else, of less than 2 MiB whatever the
/// trace. Reads the trace once more.
class address_ranges;
void write_page(std::ostream& out, const findings& found, const address_ranges& addresses);

}  // namespace allot::tool
