#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/memory_limits.hpp>
#include <allot/trace/replay_program.hpp>
#include <limits>
#include <map>
#include <stdexcept>
#include <unordered_map>

namespace allot {

/// Goes through a trace with all blocks that live at the moment.
class replay_program::compiler {
 public:
  compiler(replay_program& program, std::size_t most_memory) : program_(program), most_memory_(most_memory) {}

  void read(trace_reader& trace) {
    trace.rewind();
    for (trace_record event; trace.next(event);) {
      take(event, trace);
      if (program_.operations_.size() % check_every == 0) check_memory();
    }
    check_memory();
    for (const heap& each : heaps_)
      for (const auto& [address, block] : each.live) program_.frees_at_end_.push_back(free_of(block.last));
    std::sort(program_.frees_at_end_.begin(), program_.frees_at_end_.end(),
              [](const operation& a, const operation& b) { return a.block < b.block; });
  }

 private:
  struct live_block {
    operation last;          // what was done with it last
    std::uint64_t position;  // of the arena it is in, before it; as far as that is known
  };
  using live_blocks = std::unordered_map<std::uint64_t, live_block>;

  /// What lives in one resource.
  struct heap {
    live_blocks live;                               // by address
    std::map<std::uint32_t, std::uint64_t> by_age;  // addresses by number of block
    std::uint64_t position = 0;                     // last known
  };

  /// Of a block that lives.
  static operation free_of(operation last) noexcept {
    last.what = action::deallocate;
    ++last.step;
    return last;
  }

  void take(const trace_record& event, const trace_reader& trace) {
    operation done{};
    done.alignment_log2 = event.alignment == 0 ? 0 : static_cast<std::uint8_t>(log2_of(event.alignment));
    done.resource = resource_of(event.resource, trace);
    done.thread = thread_of(event.thread);
    done.bytes = event.bytes;
    heap& in = heaps_[done.resource];
    switch (event.kind) {
      case memory_event_kind::allocate:
        return allocate(in, event.address, done, in.position);
      case memory_event_kind::push:
        in.position = event.position;
        if (event.bytes != 0) allocate(in, event.address, done, event.position - std::min(event.position, event.bytes));
        return;
      case memory_event_kind::deallocate:
        return deallocate(in, event.address, done);
      case memory_event_kind::expand:
        done.what = action::expand;
        done.new_bytes = event.new_bytes;
        return expand(in, event.address, done);
      case memory_event_kind::pop:
      case memory_event_kind::rewind:
      case memory_event_kind::clear:
        return go_back(in, event.position, done.thread);
      case memory_event_kind::release:
        done.what = action::release;
        return release(in, done);
      case memory_event_kind::trim:
        done.what = action::trim;
        return program_.operations_.push_back(done);
      case memory_event_kind::refuse:
        ++program_.refused_;
        return;
      case memory_event_kind::mark:
        in.position = event.position;
        return;
      case memory_event_kind::grow:
        return;
    }
  }

  /// About what is taken, with a vector of operations that is being moved to a larger one.
  void check_memory() const {
    constexpr std::size_t of_operation = 3 * sizeof(operation);
    constexpr std::size_t of_live_block = 192;
    if (program_.operations_.size() * of_operation + live_count_ * of_live_block > most_memory_)
      throw std::length_error("replay_program: the trace has more events than fit into " +
                              std::to_string(most_memory_) + " bytes of memory");
  }

  bool possible(std::uint64_t more) const noexcept { return more <= max_object_bytes - live_bytes_; }

  void allocate(heap& in, std::uint64_t address, operation done, std::uint64_t position) {
    if (const auto lost = in.live.find(address); lost != in.live.end()) {
      ++program_.mended_;
      end(in, lost, done.thread);
    }
    if (!possible(done.bytes)) {
      ++program_.mended_;
      return;
    }
    if (program_.blocks_ == std::numeric_limits<std::uint32_t>::max())
      throw std::length_error("replay_program: the trace has more than 2^32 - 1 blocks");
    done.what = action::allocate;
    done.block = program_.blocks_++;
    in.live.emplace(address, live_block{done, position});
    in.by_age.emplace_hint(in.by_age.end(), done.block, address);
    ++live_count_;
    program_.operations_.push_back(done);
    count_live(done.bytes);
  }

  void deallocate(heap& in, std::uint64_t address, const operation& done) {
    if (const auto found = in.live.find(address); found != in.live.end())
      end(in, found, done.thread);
    else
      ++program_.mended_;
  }

  void expand(heap& in, std::uint64_t address, operation done) {
    const auto found = in.live.find(address);
    if (found == in.live.end() || !possible(done.new_bytes)) {
      ++program_.mended_;
      return;
    }
    operation& last = found->second.last;
    done.block = last.block;
    done.step = ++last.step;
    done.bytes = last.bytes;
    done.alignment_log2 = last.alignment_log2;  // the block keeps what it was allocated with
    live_bytes_ -= done.bytes;
    last.bytes = done.new_bytes;
    program_.operations_.push_back(done);
    count_live(done.new_bytes);
  }

  /// An arena gives up what lies above a position: the newest blocks first.
  void go_back(heap& in, std::uint64_t position, std::uint32_t thread) {
    in.position = position;
    while (!in.by_age.empty()) {
      const auto newest = in.live.find(in.by_age.rbegin()->second);
      if (newest->second.position < position) return;
      end(in, newest, thread);
    }
  }

  /// The blocks are gone with it: a candidate that cannot release has them freed, one by one.
  void release(heap& in, const operation& done) {
    const std::size_t at_release = program_.operations_.size();
    program_.operations_.push_back(done);
    go_back(in, 0, done.thread);
    program_.operations_[at_release].bytes = program_.operations_.size() - at_release - 1;
  }

  void end(heap& in, live_blocks::iterator block, std::uint32_t thread) {
    operation done = free_of(block->second.last);
    done.thread = thread;
    live_bytes_ -= done.bytes;
    program_.operations_.push_back(done);
    in.by_age.erase(done.block);
    in.live.erase(block);
    --live_count_;
  }

  void count_live(std::uint64_t more) {
    live_bytes_ += more;
    if (live_bytes_ <= program_.peak_live_) return;
    program_.peak_live_ = static_cast<std::size_t>(live_bytes_);
    program_.peak_at_ = program_.operations_.size() - 1;
  }

  std::uint16_t resource_of(std::uint32_t number, const trace_reader& trace) {
    const auto next = static_cast<std::uint16_t>(resources_.size());
    const auto [at, added] = resources_.try_emplace(number, next);
    if (!added) return at->second;
    if (program_.resources_.size() == std::numeric_limits<std::uint16_t>::max())
      throw std::length_error("replay_program: the trace has more than 65535 resources");
    program_.resources_.emplace_back(trace.name(trace_name::resource, number));
    heaps_.emplace_back();
    return next;
  }

  std::uint32_t thread_of(std::uint32_t number) {
    const auto [at, added] = threads_.try_emplace(number, program_.threads_);
    if (added) ++program_.threads_;
    return at->second;
  }

  static constexpr std::size_t check_every = 4096;

  replay_program& program_;
  const std::size_t most_memory_;
  std::vector<heap> heaps_;  // one for each resource
  std::unordered_map<std::uint32_t, std::uint16_t> resources_;
  std::unordered_map<std::uint32_t, std::uint32_t> threads_;
  std::uint64_t live_bytes_ = 0;
  std::size_t live_count_ = 0;
};

std::size_t memory_for_replays() noexcept {
  const os::process_limits limits = os::memory_limits();
  const std::size_t left =
      std::min({limits.address_space.left, limits.data.left, limits.control_group.left, limits.physical.left});
  return left / 2;
}

replay_program::replay_program(trace_reader& trace, std::size_t most_memory) {
  compiler(*this, most_memory != 0 ? most_memory : memory_for_replays()).read(trace);
}

}  // namespace allot
