#include "block.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <cstring>
#include <new>

namespace allot::trace_file {

//   0  sync       4  type      5  packing    6  0        8  stored    12  unpacked
//  16  checksum of the content             24  order    32  count     36  thread    40  0    44  checksum of the head
void put_head(unsigned char* at, const block_head& head) noexcept {
  std::memset(at, 0, head_bytes);
  put_fixed(at, sync);
  at[4] = static_cast<unsigned char>(head.type);
  at[5] = static_cast<unsigned char>(head.packed);
  put_fixed(at + 8, head.stored);
  put_fixed(at + 12, head.unpacked);
  put_fixed(at + 16, head.checksum);
  put_fixed(at + 24, head.order);
  put_fixed(at + 32, head.count);
  put_fixed(at + 36, head.thread);
  put_fixed(at + 44, static_cast<std::uint32_t>(XXH32(at, 44, 0)));
}

bool get_head(const unsigned char* at, block_head& head) noexcept {
  if (get_fixed<std::uint32_t>(at) != sync || get_fixed<std::uint32_t>(at + 44) != XXH32(at, 44, 0)) return false;
  head.type = static_cast<block_type>(at[4]);
  head.packed = static_cast<packing>(at[5]);
  head.stored = get_fixed<std::uint32_t>(at + 8);
  head.unpacked = get_fixed<std::uint32_t>(at + 12);
  head.checksum = get_fixed<std::uint64_t>(at + 16);
  head.order = get_fixed<std::uint64_t>(at + 24);
  head.count = get_fixed<std::uint32_t>(at + 32);
  head.thread = get_fixed<std::uint32_t>(at + 36);
  return head.stored <= largest_content && head.unpacked <= largest_content;
}

void append_block(bytes& to, block_head head, const unsigned char* content, std::size_t size, int level) {
  const std::size_t start = to.size();
  const std::size_t room = level != 0 ? ZSTD_compressBound(size) : size;
  to.resize(start + head_bytes + room);
  unsigned char* const stored = to.data() + start + head_bytes;
  std::size_t written = level != 0 ? ZSTD_compress(stored, room, content, size, level) : size;
  head.packed = packing::zstd;
  if (level == 0 || ZSTD_isError(written) || written >= size) {
    head.packed = packing::none;
    written = size;
    if (size != 0) std::memcpy(stored, content, size);
  }
  head.stored = static_cast<std::uint32_t>(written);
  head.unpacked = static_cast<std::uint32_t>(size);
  head.checksum = XXH64(stored, written, 0);
  put_head(to.data() + start, head);
  to.resize(start + head_bytes + written);
}

bool unpack(const block_head& head, const bytes& stored, bytes& content) {
  if (XXH64(stored.data(), stored.size(), 0) != head.checksum) return false;
  switch (head.packed) {
    case packing::none:
      content = stored;
      return content.size() == head.unpacked;
    case packing::zstd:
      content.resize(head.unpacked);
      return ZSTD_decompress(content.data(), content.size(), stored.data(), stored.size()) == content.size();
  }
  return false;
}

}  // namespace allot::trace_file
