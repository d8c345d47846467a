#include "frame.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace allot::trace_file {

frame_reader::frame_reader(const std::string& file) : file_(file), in_(file, std::ios::binary) {
  if (!in_ || !in_.seekg(0, std::ios::end)) throw trace_error(file, 0, "cannot be opened");
  size_ = static_cast<std::uint64_t>(in_.tellg());
  unsigned char found[sizeof(magic)] = {};
  const std::size_t got = read(0, found, sizeof(magic));
  if (got == 0) throw trace_error(file, 0, "is empty");
  if (got < sizeof(magic) || std::memcmp(found, magic, sizeof(magic)) != 0) throw trace_error(file, 0, "is no trace");
}

/// Returns how many bytes there were.
std::size_t frame_reader::read(std::uint64_t offset, unsigned char* to, std::size_t size) {
  in_.clear();
  if (!in_.seekg(static_cast<std::streamoff>(offset))) throw trace_error(file_, offset, "cannot be read");
  in_.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(size));
  if (in_.bad()) throw trace_error(file_, offset, "cannot be read");
  return static_cast<std::size_t>(in_.gcount());
}

bool frame_reader::head_at(std::uint64_t offset, block_head& head) {
  unsigned char found[head_bytes];
  return read(offset, found, head_bytes) == head_bytes && get_head(found, head);
}

/// The offset of the next sound head from there on, or the end of the file.
std::uint64_t frame_reader::next_head(std::uint64_t from) {
  unsigned char wanted[4];
  put_fixed(wanted, sync);
  bytes part(std::size_t{64} << 10);
  while (from < size_) {
    const std::size_t got = read(from, part.data(), part.size());
    const auto end = part.begin() + static_cast<std::ptrdiff_t>(got);
    for (auto at = part.begin(); (at = std::search(at, end, std::begin(wanted), std::end(wanted))) != end; ++at) {
      const std::uint64_t offset = from + static_cast<std::uint64_t>(at - part.begin());
      if (block_head head; head_at(offset, head)) return offset;
    }
    if (got < part.size()) break;
    from += got - (sizeof(wanted) - 1);  // one may lie across
  }
  return size_;
}

std::vector<placed_block> frame_reader::blocks(std::vector<trace_damage>& damage) {
  std::vector<placed_block> found;
  std::uint64_t at = sizeof(magic);
  while (at < size_) {
    block_head head;
    if (!head_at(at, head)) {
      const std::uint64_t end = next_head(at + 1);
      const bool cut_off = end == size_ && size_ - at < head_bytes;
      damage.push_back({at, end - at, cut_off ? "the file ends within a block" : "this is not the start of a block"});
      at = end;
      continue;
    }
    const std::uint64_t end = at + head_bytes + head.stored;
    block_head next;
    if (end == size_ || head_at(end, next)) {
      found.push_back({at, head});
      at = end;
      continue;
    }
    // Something is wrong in this block or behind it: it may be shorter than it says.
    const std::uint64_t sound = next_head(at + 1);
    if (sound >= end && end < size_) {
      found.push_back({at, head});
      at = end;
      continue;
    }
    damage.push_back(
        {at, sound - at,
         end > size_ && sound == size_ ? "the file ends within a block" : "a part of this block is missing"});
    at = sound;
  }
  return found;
}

bool frame_reader::content_of(const placed_block& block, bytes& content) {
  stored_.resize(block.head.stored);
  return read(block.offset + head_bytes, stored_.data(), stored_.size()) == stored_.size() &&
         unpack(block.head, stored_, content);
}

}  // namespace allot::trace_file
