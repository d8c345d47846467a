#pragma once

#include <allot/trace/trace_record.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "bytes.hpp"

/// Names as a writer gives them out.
namespace allot::trace_file {

constexpr std::size_t name_kinds = 3;  // of trace_name
constexpr std::size_t longest_name = std::size_t{64} << 10;

class name_book {
 public:
  /// The number of a text, from 1 on.
  std::uint32_t number_of(trace_name what, std::string_view text) {
    auto& numbers = numbers_[static_cast<std::size_t>(what)];
    const auto next = static_cast<std::uint32_t>(numbers.size() + 1);
    const auto [at, added] = numbers.try_emplace(std::string(text.substr(0, longest_name)), next);
    if (!added) return at->second;
    new_.push_back(static_cast<unsigned char>(what));
    append_number(new_, next);
    append_text(new_, at->first);
    ++new_count_;
    return next;
  }

  bool has_new() const noexcept { return new_count_ != 0; }
  std::uint32_t new_count() const noexcept { return new_count_; }

  /// Names that were not taken yet, as the content of a block.
  bytes take_new(std::uint32_t& count) {
    count = std::exchange(new_count_, 0);
    return std::exchange(new_, bytes());
  }

 private:
  std::array<std::unordered_map<std::string, std::uint32_t>, name_kinds> numbers_;
  bytes new_;
  std::uint32_t new_count_ = 0;
};

}  // namespace allot::trace_file
