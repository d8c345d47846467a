#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes.hpp"

/// The frame of a trace file: eight bytes that say what it is, then blocks. Each block stands alone, with a checksum of
/// its head and one of its content, so what is damaged is noticed, and what is whole found again.
namespace allot::trace_file {

/// Not text, and damaged by whatever takes it for text.
constexpr unsigned char magic[8] = {0x89, 'A', 'L', 'T', '\r', '\n', 0x1a, '\n'};

constexpr std::uint32_t sync = 0x4b4c4241;  // "ABLK"
constexpr std::size_t head_bytes = 48;
constexpr std::size_t largest_content = std::size_t{16} << 20;

enum class block_type : std::uint8_t { start = 1, names = 2, events = 3, end = 4 };
enum class packing : std::uint8_t { none = 0, zstd = 1 };

struct block_head {
  block_type type{};
  packing packed = packing::none;
  std::uint32_t stored = 0;    // bytes of the content in the file
  std::uint32_t unpacked = 0;  // bytes of the content
  std::uint64_t checksum = 0;  // of the content in the file
  std::uint64_t order = 0;     // of the first event
  std::uint32_t count = 0;     // of events or names
  std::uint32_t thread = 0;    // of the events
};

void put_head(unsigned char* at, const block_head& head) noexcept;

/// False where there is no sound head.
bool get_head(const unsigned char* at, block_head& head) noexcept;

/// A whole block: head and content, packed at this level of zstd, or as it is where that is 0 or gains nothing. The
/// bytes are appended.
void append_block(bytes& to, block_head head, const unsigned char* content, std::size_t size, int level);

/// The content of a block out of what is in the file. False where it is damaged.
bool unpack(const block_head& head, const bytes& stored, bytes& content);

}  // namespace allot::trace_file
