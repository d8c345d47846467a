// Bytes as a trace. Whatever is wrong with them is told, events come in order, and reading twice gives the same. What
// can be read is made ready and replayed on little memory.
//
// Nobody guesses checksums: the first byte says whether the bytes are a file, or the contents of blocks in a sound
// frame.

#include <unistd.h>

#include <algorithm>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/trace/replay.hpp>
#include <allot/trace/trace_profile.hpp>
#include <allot/trace/trace_reader.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "trace_record/block.hpp"

namespace {

using namespace allot::trace_file;

/// Of each block: type and thread, how many events it says it has, where they begin, how long it is, and its content.
bytes framed(byte_source from) {
  bytes file(std::begin(magic), std::end(magic));
  bytes start;
  for (const std::uint64_t number : {1U, 0U, 64U, 0U}) append_number(start, number);
  block_head head;
  head.type = block_type::start;
  append_block(file, head, start.data(), start.size(), 0);
  for (std::uint64_t order = 1; from.left() != 0; ++order) {
    const unsigned char what = from.byte();
    head.type = static_cast<block_type>(1 + what % 5);
    head.thread = what / 5U;
    head.count = from.byte();
    order += from.byte();
    head.order = order;
    bytes content(std::min<std::size_t>(from.byte() * std::size_t{4}, from.left()));
    for (unsigned char& each : content) each = from.byte();
    append_block(file, head, content.data(), content.size(), 0);
  }
  return file;
}

std::uint64_t read_all(allot::trace_reader& trace) {
  std::uint64_t last = 0;
  std::uint64_t sum = 0;
  for (allot::trace_record event; trace.next(event);) {
    if (event.order < last) std::abort();
    last = event.order;
    sum = sum * 31 + event.order + event.address + event.bytes;
    (void)trace.name(allot::trace_name::resource, event.resource);
  }
  return sum;
}

/// What lives at a time has at most a mebibyte, and memory that lies below is what it was given.
class limited_pool final : public std::pmr::memory_resource {
 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override { return limited_.allocate(size, alignment); }
  void do_deallocate(void* p, std::size_t size, std::size_t alignment) override {
    limited_.deallocate(p, size, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  allot::page_resource pages_;  // AddressSanitizer has no operator new for the largest alignments
  allot::pool_resource pool_{&pages_};
  allot::limiting_resource limited_{std::size_t{1} << 20, pool_};
};

void replay_all(allot::trace_reader& trace) {
  const allot::replay_program program(trace, std::size_t{64} << 20);
  (void)allot::traits_of(allot::profile_of(program));
  allot::replay_options options;
  options.threads = false;
  options.sample_every = 0;
  options.most_memory = std::size_t{64} << 20;
  options.blocks = allot::replay_options::content::checked;
  const allot::replay_candidate pool{"pool", [](std::string_view) { return std::make_shared<limited_pool>(); }};
  const allot::replay_result result = allot::replay(program, pool, options);
  if (result.damaged != 0 || result.operations != program.operations().size()) std::abort();
  if (result.fragmentation < 0 || result.neighbours > 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  static const std::string file = "/tmp/allot_trace_fuzz." + std::to_string(::getpid());
  const bytes content = count != 0 && data[0] % 2 == 0 ? framed({data + 1, count - 1}) : bytes(data, data + count);
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  try {
    allot::trace_reader trace(file);
    const std::uint64_t first = read_all(trace);
    const std::size_t damage = trace.damage().size();
    trace.rewind();
    if (read_all(trace) != first || trace.damage().size() != damage) std::abort();
    replay_all(trace);
  } catch (const allot::trace_error& error) {
    if (error.offset() > content.size()) std::abort();
  } catch (const std::length_error&) {
  }
  return 0;
}
