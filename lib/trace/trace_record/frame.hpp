#pragma once

#include <allot/trace/trace_reader.hpp>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "block.hpp"

/// A trace file as a reader finds it: which sound blocks are where, and what lies between them.
namespace allot::trace_file {

struct placed_block {
  std::uint64_t offset;
  block_head head;
};

class frame_reader {
 public:
  /// @throws trace_error when it cannot be opened, is empty or no trace
  explicit frame_reader(const std::string& file);

  /// Looks for all blocks, and has what is in between in `damage`.
  std::vector<placed_block> blocks(std::vector<trace_damage>& damage);

  /// The content of a block; false when that is damaged.
  /// @throws trace_error when the file cannot be read any more
  bool content_of(const placed_block& block, bytes& content);

  const std::string& file() const noexcept { return file_; }

 private:
  std::size_t read(std::uint64_t offset, unsigned char* to, std::size_t size);
  bool head_at(std::uint64_t offset, block_head& head);
  std::uint64_t next_head(std::uint64_t from);

  std::string file_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  bytes stored_;
};

}  // namespace allot::trace_file
