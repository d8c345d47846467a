#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace allot::tool {

enum class keep_lines { no, yes };

/// Any bytes as UTF-8 that does a terminal no harm: control characters and what is no UTF-8 become question marks.
std::string printable(std::string_view text, keep_lines lines = keep_lines::no);

std::string bytes_text(std::uint64_t bytes);                       ///< "0 bytes", "12.3 KiB"
std::string time_text(std::uint64_t nanoseconds);                  ///< "340 ns", "1.25 ms"
std::string date_text(std::uint64_t nanoseconds);                  ///< since 1970: "2026-05-17 10:20:30 UTC"
std::string hex_text(std::uint64_t number);                        ///< "0x1f"
std::string percent_text(double part);                             ///< of 1: "12.5 %"
std::string count_text(std::uint64_t count, std::string_view of);  ///< "1 event", "2 events"

/// Texts without an end of line, whatever is in them.
std::string json_text(const nlohmann::ordered_json& value);

}  // namespace allot::tool
