// Of a damaged trace all is read that is whole, and where the rest was is told.

#include <algorithm>
#include <allot/trace/trace_reader.hpp>
#include <allot/trace/trace_writer.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "trace/trace_files.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::uint64_t event_count = 600;
constexpr std::size_t head_bytes = 48;
constexpr std::size_t first_block = 8;

/// A trace of a few blocks, and where they begin.
struct sample {
  sample() {
    const temporary_file file("sample");
    trace_writer_options options;
    options.block_bytes = 1024;
    options.program = "sample";
    {
      trace_writer trace(file.path(), options);
      for (std::uint64_t i = 1; i <= event_count; ++i) {
        trace_record event;
        event.resource = trace.define(trace_name::resource, i < 300 ? "first" : "second");
        event.address = 0x1000 * i;
        event.bytes = i;
        event.alignment = 16;
        trace.write(event);
      }
      trace.close();
    }
    bytes = file.content();
    for (std::size_t at = first_block; at < bytes.size();) {
      blocks.push_back(at);
      std::size_t stored = 0;
      for (std::size_t i = 4; i-- > 0;) stored = stored << 8 | static_cast<unsigned char>(bytes[at + 8 + i]);
      at += head_bytes + stored;
    }
  }

  /// The second block of events.
  std::size_t some_events() const {
    std::size_t block = 0;
    for (int left = 2; left != 0; ++block)
      if (bytes[blocks[block] + 4] == 3) --left;
    return block - 1;
  }

  std::size_t end_of(std::size_t block) const { return block + 1 < blocks.size() ? blocks[block + 1] : bytes.size(); }

  std::vector<char> bytes;
  std::vector<std::size_t> blocks;
};

const sample& whole() {
  static const sample made;
  return made;
}

struct reading {
  std::vector<trace_record> events;
  std::vector<trace_damage> damage;
  trace_summary summary;
};

reading read(const std::vector<char>& bytes) {
  const temporary_file file("damaged");
  file.set_content(bytes);
  trace_reader reader(file.path());
  reading all;
  all.events = all_of(reader);
  all.damage = reader.damage();
  all.summary = reader.summary();
  return all;
}

/// Each event is one that was written, none comes twice, and they are in order.
bool among_those_written(const std::vector<trace_record>& events) {
  std::uint64_t last = 0;
  return std::all_of(events.begin(), events.end(), [&](const trace_record& event) {
    const bool later = event.order > last;
    last = event.order;
    return later && event.bytes == event.order && event.address == 0x1000 * event.order && event.alignment == 16;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(damaged_traces)

BOOST_AUTO_TEST_CASE(the_sample_has_several_blocks_and_no_damage) {
  const reading all = read(whole().bytes);
  BOOST_TEST(whole().blocks.size() > 5u);
  BOOST_TEST(all.events.size() == event_count);
  BOOST_TEST(among_those_written(all.events));
  BOOST_TEST(all.damage.empty());
}

BOOST_AUTO_TEST_CASE(of_a_trace_that_is_cut_off_all_whole_blocks_are_read) {
  std::size_t most = 0;
  for (std::size_t size = 8; size < whole().bytes.size(); ++size) {
    const reading all = read({whole().bytes.begin(), whole().bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    BOOST_TEST_REQUIRE(among_those_written(all.events), size);
    BOOST_TEST_REQUIRE(!all.summary.complete, size);
    BOOST_TEST_REQUIRE(all.events.size() >= most, size);
    most = all.events.size();
    const auto end =
        std::find_if(whole().blocks.begin(), whole().blocks.end(), [&](std::size_t at) { return at >= size; });
    const bool between = size == first_block || (end != whole().blocks.end() && *end == size);
    BOOST_TEST_REQUIRE(all.damage.size() == (between ? 0u : 1u), size);
    if (between) continue;
    const std::size_t last = *(end - 1);
    BOOST_TEST_REQUIRE(all.damage.front().offset == last, size);
    BOOST_TEST_REQUIRE(all.damage.front().bytes == size - last, size);
    BOOST_TEST_REQUIRE(all.damage.front().problem == "the file ends within a block", size);
  }
  BOOST_TEST(most == event_count);
}

BOOST_AUTO_TEST_CASE(one_wrong_bit_loses_its_block_and_no_other) {
  for (std::size_t at = first_block; at < whole().bytes.size(); ++at) {
    std::vector<char> bytes = whole().bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    const reading all = read(bytes);
    const auto after = std::upper_bound(whole().blocks.begin(), whole().blocks.end(), at);
    const auto block = static_cast<std::size_t>(after - whole().blocks.begin()) - 1;
    BOOST_TEST_REQUIRE(all.damage.size() == 1u, at);
    BOOST_TEST_REQUIRE(all.damage.front().offset == whole().blocks[block], at);
    BOOST_TEST_REQUIRE(all.damage.front().bytes == whole().end_of(block) - whole().blocks[block], at);
    BOOST_TEST_REQUIRE(among_those_written(all.events), at);
    BOOST_TEST_REQUIRE(all.events.size() > event_count / 2, at);
  }
}

BOOST_AUTO_TEST_CASE(a_lost_stretch_is_told_with_its_bounds) {
  std::vector<char> bytes = whole().bytes;
  const std::size_t from = whole().blocks[3] + 10;
  const std::size_t to = whole().blocks[5] - 10;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.begin() + static_cast<std::ptrdiff_t>(to), 'x');
  const reading all = read(bytes);
  BOOST_TEST_REQUIRE(all.damage.size() == 1u);
  BOOST_TEST(all.damage.front().offset == whole().blocks[3]);
  BOOST_TEST(all.damage.front().bytes == whole().blocks[5] - whole().blocks[3]);
  BOOST_TEST(all.damage.front().problem == "this is not the start of a block");
  BOOST_TEST(among_those_written(all.events));
  BOOST_TEST(all.summary.complete);
}

BOOST_AUTO_TEST_CASE(a_block_with_bytes_missing_takes_no_other_along) {
  std::vector<char> bytes = whole().bytes;
  const std::size_t block = whole().some_events();
  const auto inside = bytes.begin() + static_cast<std::ptrdiff_t>(whole().blocks[block] + head_bytes + 5);
  bytes.erase(inside, inside + 20);
  const reading all = read(bytes);
  BOOST_TEST_REQUIRE(all.damage.size() == 1u);
  BOOST_TEST(all.damage.front().offset == whole().blocks[block]);
  BOOST_TEST(all.damage.front().bytes == whole().end_of(block) - whole().blocks[block] - 20);
  BOOST_TEST(all.damage.front().problem == "a part of this block is missing");
  BOOST_TEST(among_those_written(all.events));
  BOOST_TEST(all.summary.complete);
  BOOST_TEST(all.events.size() > event_count / 2);
}

BOOST_AUTO_TEST_CASE(whole_blocks_that_are_missing_or_there_twice_are_told) {
  const auto first = static_cast<std::ptrdiff_t>(whole().blocks[whole().some_events()]);
  const auto last = static_cast<std::ptrdiff_t>(whole().end_of(whole().some_events()));
  std::vector<char> bytes = whole().bytes;
  bytes.erase(bytes.begin() + first, bytes.begin() + last);
  const reading fewer = read(bytes);
  BOOST_TEST(among_those_written(fewer.events));
  BOOST_TEST_REQUIRE(fewer.damage.size() == 1u);
  BOOST_TEST(fewer.damage.front().problem ==
             "600 events were written, and " + std::to_string(fewer.events.size()) + " are there");

  bytes = whole().bytes;
  const std::vector<char> block(bytes.begin() + first, bytes.begin() + last);
  bytes.insert(bytes.begin() + last, block.begin(), block.end());
  const reading twice = read(bytes);
  BOOST_TEST(among_those_written(twice.events));
  BOOST_TEST(twice.events.size() == event_count);
  BOOST_TEST(twice.damage.size() == 2u);  // the sum is wrong, and the block
}

BOOST_AUTO_TEST_CASE(damage_is_told_once_however_often_a_trace_is_read) {
  std::vector<char> bytes = whole().bytes;
  bytes[whole().blocks[3] + head_bytes + 3] ^= 4;
  const temporary_file file("damaged");
  file.set_content(bytes);
  trace_reader reader(file.path());
  const std::size_t events = all_of(reader).size();
  reader.rewind();
  BOOST_TEST(all_of(reader).size() == events);
  BOOST_TEST(reader.damage().size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
