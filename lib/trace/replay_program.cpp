#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/trace/replay_program.hpp>
#include <limits>
#include <stdexcept>
#include <unordered_map>

namespace allot {

/// Goes through a trace with all blocks that live at the moment.
class replay_program::compiler {
 public:
  explicit compiler(replay_program& program) : program_(program) {}

  void read(trace_reader& trace) {
    trace.rewind();
    for (trace_record event; trace.next(event);) take(event, trace);
    for (const auto& [where, block] : live_) program_.frees_at_end_.push_back(free_of(block));
    std::sort(program_.frees_at_end_.begin(), program_.frees_at_end_.end(),
              [](const operation& a, const operation& b) { return a.block < b.block; });
  }

 private:
  struct place {
    std::uint64_t address;
    std::uint16_t resource;
    friend bool operator==(const place& a, const place& b) noexcept {
      return a.address == b.address && a.resource == b.resource;
    }
  };
  struct hash_of_place {
    std::size_t operator()(const place& where) const noexcept {
      return static_cast<std::size_t>(folded_product(where.address + where.resource, 0x9e3779b97f4a7c15));
    }
  };

  /// Of a block that lives: `step` is that of what was done with it last.
  static operation free_of(operation block) noexcept {
    block.what = action::deallocate;
    ++block.step;
    return block;
  }

  void take(const trace_record& event, const trace_reader& trace) {
    operation done{};
    done.alignment_log2 = event.alignment == 0 ? 0 : static_cast<std::uint8_t>(log2_of(event.alignment));
    done.resource = resource_of(event.resource, trace);
    done.thread = thread_of(event.thread);
    done.bytes = event.bytes;
    const place where{event.address, done.resource};
    switch (event.kind) {
      case memory_event_kind::allocate:
        done.what = action::allocate;
        return allocate(where, done);
      case memory_event_kind::deallocate:
        return deallocate(where, done);
      case memory_event_kind::expand:
        done.what = action::expand;
        done.new_bytes = event.new_bytes;
        return expand(where, done);
      case memory_event_kind::release:
        done.what = action::release;
        return release(done);
      case memory_event_kind::trim:
        done.what = action::trim;
        return program_.operations_.push_back(done);
      case memory_event_kind::refuse:
        ++program_.refused_;
        return;
    }
  }

  void allocate(const place& where, operation done) {
    if (const auto lost = live_.find(where); lost != live_.end()) {
      ++program_.mended_;
      end(lost, done.thread);
    }
    if (program_.blocks_ == std::numeric_limits<std::uint32_t>::max())
      throw std::length_error("replay_program: the trace has more than 2^32 - 1 blocks");
    done.block = program_.blocks_++;
    live_.emplace(where, done);
    program_.operations_.push_back(done);
    count_live(done.bytes);
  }

  void deallocate(const place& where, const operation& done) {
    if (const auto found = live_.find(where); found != live_.end())
      end(found, done.thread);
    else
      ++program_.mended_;
  }

  void expand(const place& where, operation done) {
    const auto found = live_.find(where);
    if (found == live_.end()) {
      ++program_.mended_;
      return;
    }
    done.block = found->second.block;
    done.step = ++found->second.step;
    done.bytes = found->second.bytes;
    live_bytes_ -= done.bytes;
    found->second.bytes = done.new_bytes;
    program_.operations_.push_back(done);
    count_live(done.new_bytes);
  }

  /// The blocks are gone with it: a candidate that cannot release has them freed, one by one.
  void release(const operation& done) {
    const std::size_t at_release = program_.operations_.size();
    program_.operations_.push_back(done);
    for (auto at = live_.begin(); at != live_.end();) {
      if (at->first.resource != done.resource) {
        ++at;
        continue;
      }
      program_.operations_.push_back(free_of(at->second));
      program_.operations_.back().thread = done.thread;
      live_bytes_ -= at->second.bytes;
      at = live_.erase(at);
    }
    program_.operations_[at_release].bytes = program_.operations_.size() - at_release - 1;
  }

  void end(std::unordered_map<place, operation, hash_of_place>::iterator block, std::uint32_t thread) {
    operation done = free_of(block->second);
    done.thread = thread;
    live_bytes_ -= done.bytes;
    program_.operations_.push_back(done);
    live_.erase(block);
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
    return next;
  }

  std::uint32_t thread_of(std::uint32_t number) {
    const auto [at, added] = threads_.try_emplace(number, program_.threads_);
    if (added) ++program_.threads_;
    return at->second;
  }

  replay_program& program_;
  std::unordered_map<place, operation, hash_of_place> live_;
  std::unordered_map<std::uint32_t, std::uint16_t> resources_;
  std::unordered_map<std::uint32_t, std::uint32_t> threads_;
  std::uint64_t live_bytes_ = 0;
};

replay_program::replay_program(trace_reader& trace) { compiler(*this).read(trace); }

}  // namespace allot
