#include <algorithm>
#include <allot/trace/trace_reader.hpp>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "events.hpp"
#include "frame.hpp"
#include "names.hpp"
#include "version.hpp"

namespace allot {
namespace {

using namespace trace_file;

/// What a reader takes at most, whatever a file says: of blocks that are open at a time, and of names.
constexpr std::uint64_t most_open = std::uint64_t{1} << 29;
constexpr std::uint64_t most_of_names = std::uint64_t{1} << 29;
constexpr std::uint64_t least_of_a_name = 128;  // in a table

/// A block whose events are being read, with the next of them.
struct cursor {
  placed_block block;
  trace_file::bytes content;
  std::size_t at = 0;
  std::uint32_t left = 0;
  event_context context;
  trace_record next;

  /// False at the end of the block, or where it is damaged: then `left` is not 0.
  bool advance() noexcept {
    if (left == 0) return false;
    byte_source from(content.data() + at, content.size() - at);
    if (!get_event(from, context, next)) return false;
    next.thread = block.head.thread;
    at = content.size() - from.left();
    --left;
    return true;
  }
};
using cursor_ptr = std::unique_ptr<cursor>;

struct comes_later {
  bool operator()(const cursor_ptr& a, const cursor_ptr& b) const noexcept { return a->next.order > b->next.order; }
};

}  // namespace

class trace_reader::impl {
 public:
  explicit impl(const std::string& file);

  bool next(trace_record& event);
  void rewind();

  trace_summary summary;
  std::vector<trace_damage> damage;
  std::array<std::unordered_map<std::uint32_t, std::string>, name_kinds> names;
  std::array<std::uint32_t, name_kinds> highest{};

 private:
  bool content_of(const placed_block& block, trace_file::bytes& content);
  void read_start(byte_source from, std::uint64_t offset);
  bool read_names(byte_source from, std::uint32_t count);
  void open_due();
  void put_back(cursor_ptr block);
  void damaged(const placed_block& block, const char* problem);

  frame_reader file_;
  std::vector<placed_block> events_;  // in the order of their first events
  std::size_t opened_ = 0;
  std::vector<cursor_ptr> open_;     // a heap: the one whose event is next comes first
  std::set<std::uint32_t> threads_;  // that have one
  std::uint64_t open_bytes_ = 0;
  std::uint64_t of_names_ = 0;
  std::set<std::uint64_t> told_;  // offsets of damaged blocks, which are met again after rewind()
};

trace_reader::impl::impl(const std::string& file) : file_(file) {
  trace_file::bytes content;
  std::uint64_t written = 0;
  std::uint64_t end = 0;
  for (const placed_block& block : file_.blocks(damage)) {
    if (block.head.type == block_type::events) {
      if (block.head.count > block.head.unpacked / least_of_an_event) {
        damaged(block, "this block cannot hold as many events as it says");
        continue;
      }
      events_.push_back(block);
      summary.events += block.head.count;
      continue;
    }
    if (!content_of(block, content)) continue;
    byte_source from(content.data(), content.size());
    switch (block.head.type) {
      case block_type::start:
        read_start(from, block.offset);
        break;
      case block_type::names:
        if (!read_names(from, block.head.count))
          damaged(block, of_names_ > most_of_names ? "there are more names than can be kept"
                                                   : "the names in this block end early");
        break;
      case block_type::end:
        written = from.number();
        summary.dropped = from.number();
        summary.complete = !from.failed();
        end = block.offset;
        break;
      default:
        damaged(block, "a block of a kind that is not known");
    }
  }
  if (summary.complete && damage.empty() && summary.events != written)
    damage.push_back(
        {end, 0,
         std::to_string(written) + " events were written, and " + std::to_string(summary.events) + " are there"});
  std::stable_sort(events_.begin(), events_.end(),
                   [](const placed_block& a, const placed_block& b) { return a.head.order < b.head.order; });
}

void trace_reader::impl::read_start(byte_source from, std::uint64_t offset) {
  const std::uint64_t version = from.number();
  if (from.failed() || version != format_version)
    throw trace_error(
        file_.file(), offset,
        "is of version " + std::to_string(version) + ", and this reads version " + std::to_string(format_version));
  summary.started = from.number();
  summary.address_bits = static_cast<unsigned>(std::min<std::uint64_t>(from.number(), 64));
  summary.program = from.text();
}

bool trace_reader::impl::read_names(byte_source from, std::uint32_t count) {
  for (; count != 0; --count) {
    const unsigned char what = from.byte();
    const auto number = static_cast<std::uint32_t>(from.number());
    const std::string_view text = from.text();
    if (from.failed() || what >= name_kinds) return false;
    of_names_ += least_of_a_name + text.size();
    if (of_names_ > most_of_names) return false;
    names[what][number] = text;
    highest[what] = std::max(highest[what], number);
  }
  return true;
}

void trace_reader::impl::damaged(const placed_block& block, const char* problem) {
  if (told_.insert(block.offset).second) damage.push_back({block.offset, head_bytes + block.head.stored, problem});
}

bool trace_reader::impl::content_of(const placed_block& block, trace_file::bytes& content) {
  if (file_.content_of(block, content)) return true;
  damaged(block, "the content of this block is damaged");
  return false;
}

/// Opens every block whose events may be next.
void trace_reader::impl::open_due() {
  while (opened_ < events_.size() && (open_.empty() || events_[opened_].head.order <= open_.front()->next.order)) {
    auto opened = std::make_unique<cursor>();
    opened->block = events_[opened_++];
    if (threads_.count(opened->block.head.thread) != 0) {
      damaged(opened->block, "this block comes before the end of another of its thread");
      continue;
    }
    if (open_bytes_ + opened->block.head.unpacked > most_open) {
      damaged(opened->block, "the blocks of too many threads are to be read together");
      continue;
    }
    if (!content_of(opened->block, opened->content)) continue;
    open_bytes_ += opened->content.size();
    byte_source from(opened->content.data(), opened->content.size());
    const std::uint64_t dropped = from.number();
    if (!summary.complete) summary.dropped = std::max(summary.dropped, dropped);
    opened->at = opened->content.size() - from.left();
    opened->left = opened->block.head.count;
    opened->context.order = opened->block.head.order - 1;
    put_back(std::move(opened));
  }
}

/// Among the open ones again, with its next event, if there is one.
void trace_reader::impl::put_back(cursor_ptr block) {
  if (!block->advance()) {
    if (block->left != 0) damaged(block->block, "the events in this block end early");
    threads_.erase(block->block.head.thread);
    open_bytes_ -= block->content.size();
    return;
  }
  threads_.insert(block->block.head.thread);
  open_.push_back(std::move(block));
  std::push_heap(open_.begin(), open_.end(), comes_later());
}

bool trace_reader::impl::next(trace_record& event) {
  open_due();
  if (open_.empty()) return false;
  std::pop_heap(open_.begin(), open_.end(), comes_later());
  cursor_ptr first = std::move(open_.back());
  open_.pop_back();
  event = first->next;
  put_back(std::move(first));
  return true;
}

void trace_reader::impl::rewind() {
  open_.clear();
  threads_.clear();
  open_bytes_ = 0;
  opened_ = 0;
}

// ---- the interface

trace_reader::trace_reader(const std::string& file) : impl_(std::make_unique<impl>(file)) {}
trace_reader::~trace_reader() = default;
trace_reader::trace_reader(trace_reader&&) noexcept = default;
trace_reader& trace_reader::operator=(trace_reader&&) noexcept = default;

const trace_summary& trace_reader::summary() const noexcept { return impl_->summary; }
const std::vector<trace_damage>& trace_reader::damage() const noexcept { return impl_->damage; }

std::string_view trace_reader::name(trace_name what, std::uint32_t number) const noexcept {
  const auto& known = impl_->names[static_cast<std::size_t>(what)];
  const auto at = known.find(number);
  return at != known.end() ? std::string_view(at->second) : std::string_view();
}

std::uint32_t trace_reader::names(trace_name what) const noexcept {
  return impl_->highest[static_cast<std::size_t>(what)];
}

bool trace_reader::next(trace_record& event) { return impl_->next(event); }
void trace_reader::rewind() { impl_->rewind(); }

}  // namespace allot
