#include <allot/core/compiler.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/signals_blocked.hpp>
#include <allot/os/thread_number.hpp>
#include <allot/trace/trace_writer.hpp>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <limits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "block.hpp"
#include "event_block.hpp"
#include "events.hpp"
#include "names.hpp"
#include "version.hpp"

namespace allot {
namespace {

using namespace trace_file;
using clock = std::chrono::steady_clock;

std::atomic<std::uint64_t> last_writer{0};  // numbers that no writer has a second time

/// What a thread records into.
struct thread_part {
  std::mutex mutex;
  std::uint32_t thread = 0;
  block_ptr open;
};

/// The part that the calling thread used last.
struct part_cache {
  std::uint64_t writer = 0;
  thread_part* part = nullptr;
};
ALLOT_INITIAL_EXEC thread_local part_cache last_used;

const trace_writer_options& checked(const trace_writer_options& options) {
  if (options.block_bytes < 1024 || options.block_bytes > std::size_t{8} << 20)
    throw std::invalid_argument("trace_writer: block_bytes must be 1 KiB to 8 MiB");
  if (options.blocks_waiting == 0 || options.blocks_waiting > 65536)
    throw std::invalid_argument("trace_writer: blocks_waiting must be 1 to 65536");
  if (options.compression < 0 || options.compression > 19)
    throw std::invalid_argument("trace_writer: compression must be 0 to 19");
  if (options.flush_every.count() <= 0 || options.flush_every > std::chrono::hours(24))
    throw std::invalid_argument("trace_writer: flush_every must be more than 0, and a day at most");
  return options;
}

}  // namespace

class trace_writer::impl {
 public:
  impl(const std::string& file, const trace_writer_options& options);
  ~impl();

  /// False in the child of a fork, where there is no thread that writes, and locks may be held for good.
  bool here() const noexcept { return os::fork_count() == forks_; }

  std::uint32_t define(trace_name what, std::string_view text);
  void write(const trace_record& event) noexcept;
  void flush();
  void close();
  trace_totals totals() const noexcept;

 private:
  thread_part& own_part();
  bool make_room(thread_part& part);
  bool hand_over(thread_part& part, bool may_wait);
  void sweep(bool wait_for_parts);
  void run();
  void write_waiting(std::unique_lock<std::mutex>& lock);
  bool put_blocks(const trace_file::bytes& names, std::uint32_t name_count, const event_block* events) noexcept;
  bool put(const trace_file::bytes& data) noexcept;
  void put_start();
  void put_end() noexcept;
  void throw_if_failed() const;

  const std::string file_;
  const trace_writer_options options_;
  const std::uint64_t number_ = last_writer.fetch_add(1, std::memory_order_relaxed) + 1;
  const unsigned forks_;
  const clock::time_point start_ = clock::now();
  std::FILE* out_ = nullptr;  // of the writing thread, while there is one

  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> last_order_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> written_bytes_{0};
  std::atomic<int> failed_{0};  // errno of the first write that failed; none comes behind it

  std::mutex parts_mutex_;  // is locked before that of a part, and that before mutex_
  std::unordered_map<std::uint64_t, std::unique_ptr<thread_part>> parts_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  std::condition_variable room_;
  block_queue waiting_;
  std::vector<block_ptr> spare_;
  name_book names_;
  std::uint64_t taken_ = 0;  // blocks handed over so far
  std::uint64_t done_ = 0;   // of those, written or given up
  std::uint64_t names_taken_ = 0;
  std::uint64_t names_done_ = 0;
  bool ending_ = false;
  bool ended_ = false;
  std::size_t flushing_ = 0;  // threads in flush()

  std::thread thread_;
};

trace_writer::impl::impl(const std::string& file, const trace_writer_options& options)
    : file_(file), options_(checked(options)), forks_((static_cast<void>(os::count_forks()), os::fork_count())) {
  spare_.reserve(options_.blocks_waiting);
  out_ = std::fopen(file.c_str(), "wb");
  if (out_ == nullptr) throw trace_error(file, 0, std::string("cannot be made: ") + std::strerror(errno));
  std::setvbuf(out_, nullptr, _IONBF, 0);
  try {
    put_start();
    throw_if_failed();
    const os::signals_blocked all;
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    std::fclose(out_);
    throw;
  }
}

trace_writer::impl::~impl() {
  try {
    close();
  } catch (const std::exception&) {  // as said: not told
  }
}

// ---- recording

thread_part& trace_writer::impl::own_part() {
  if (ALLOT_LIKELY(last_used.writer == number_)) return *last_used.part;
  const std::lock_guard lock(parts_mutex_);
  std::unique_ptr<thread_part>& own = parts_[os::this_thread_number()];
  if (own == nullptr) {
    own = std::make_unique<thread_part>();
    own->thread = static_cast<std::uint32_t>(parts_.size());
  }
  last_used = {number_, own.get()};
  return *own;
}

void trace_writer::impl::write(const trace_record& event) noexcept {
  try {
    thread_part& part = own_part();
    const std::lock_guard lock(part.mutex);
    if (!closed_.load(std::memory_order_relaxed) && make_room(part)) {
      event_block& block = *part.open;
      trace_record numbered = event;
      numbered.order = last_order_.fetch_add(1, std::memory_order_relaxed) + 1;
      numbered.nanoseconds = static_cast<std::uint64_t>(std::chrono::nanoseconds(clock::now() - start_).count());
      if (block.count++ == 0) {
        block.first_order = numbered.order;
        block.context.order = numbered.order - 1;
      }
      unsigned char* const at = block.content.data() + block.used;
      block.used += static_cast<std::size_t>(put_event(at, block.context, numbered) - at);
      return;
    }
  } catch (...) {  // no memory for a block
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

/// Under the lock of the part.
bool trace_writer::impl::make_room(thread_part& part) {
  if (ALLOT_LIKELY(part.open != nullptr)) {
    if (ALLOT_LIKELY(part.open->used + most_of_an_event <= part.open->content.size())) return true;
    if (!hand_over(part, true)) return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      part.open = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (part.open == nullptr) part.open = std::make_unique<event_block>(options_.block_bytes + most_of_an_event);
  event_block& block = *part.open;
  block.context = {};
  block.count = 0;
  block.thread = part.thread;
  unsigned char* const first = block.content.data();
  block.used = static_cast<std::size_t>(put_number(first, dropped_.load(std::memory_order_relaxed)) - first);
  return true;
}

/// Under the lock of the part. False when as much as may wait already does, and events are to be dropped then.
bool trace_writer::impl::hand_over(thread_part& part, bool may_wait) {
  std::unique_lock lock(mutex_);
  if (may_wait && waiting_.size() >= options_.blocks_waiting) {
    if (options_.behind == trace_writer_options::when_behind::drop) return false;
    room_.wait(lock, [this] { return waiting_.size() < options_.blocks_waiting; });
  }
  waiting_.push(std::move(part.open));
  ++taken_;
  work_.notify_one();
  return true;
}

/// Hands over what threads have recorded. The writing thread must not wait for a part, whose thread may wait for it.
void trace_writer::impl::sweep(bool wait_for_parts) {
  std::unique_lock all(parts_mutex_, std::defer_lock);
  if (wait_for_parts)
    all.lock();
  else if (!all.try_lock())
    return;  // by a thread that waits for a part
  for (auto& [thread, part] : parts_) {
    std::unique_lock lock(part->mutex, std::defer_lock);
    if (wait_for_parts)
      lock.lock();
    else if (!lock.try_lock())
      continue;
    if (part->open != nullptr && part->open->count != 0) hand_over(*part, false);
  }
}

std::uint32_t trace_writer::impl::define(trace_name what, std::string_view text) {
  const std::lock_guard lock(mutex_);
  return names_.number_of(what, text);
}

// ---- writing

void trace_writer::impl::run() {
  if (options_.writer_begins != nullptr) options_.writer_begins();
  auto next_sweep = clock::now() + options_.flush_every;
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait_until(lock, next_sweep,
                     [this] { return !waiting_.empty() || ending_ || (flushing_ != 0 && names_.has_new()); });
    write_waiting(lock);
    if (ending_) return;
    if (clock::now() < next_sweep) continue;
    lock.unlock();
    sweep(false);
    next_sweep = clock::now() + options_.flush_every;
    lock.lock();
  }
}

/// Under the lock, which is let go while the file is written.
void trace_writer::impl::write_waiting(std::unique_lock<std::mutex>& lock) {
  while (!waiting_.empty() || names_.has_new()) {
    block_ptr block;
    if (!waiting_.empty()) block = waiting_.pop();
    std::uint32_t name_count = 0;
    const trace_file::bytes names = names_.take_new(name_count);
    names_taken_ += name_count;
    lock.unlock();
    if (!put_blocks(names, name_count, block.get()) && block != nullptr)
      dropped_.fetch_add(block->count, std::memory_order_relaxed);
    lock.lock();
    names_done_ += name_count;
    if (block != nullptr) {
      ++done_;
      if (spare_.size() < spare_.capacity()) spare_.push_back(std::move(block));
    }
    room_.notify_all();
  }
}

/// Names first, since events have their numbers.
bool trace_writer::impl::put_blocks(const trace_file::bytes& names, std::uint32_t name_count,
                                    const event_block* events) noexcept {
  try {
    trace_file::bytes data;
    block_head head;
    head.type = block_type::names;
    head.count = name_count;
    if (name_count != 0) append_block(data, head, names.data(), names.size(), options_.compression);
    if (events != nullptr) {
      head.type = block_type::events;
      head.count = events->count;
      head.order = events->first_order;
      head.thread = events->thread;
      append_block(data, head, events->content.data(), events->used, options_.compression);
    }
    return put(data);
  } catch (const std::bad_alloc&) {
    if (failed_ == 0) failed_ = ENOMEM;
    return false;
  }
}

bool trace_writer::impl::put(const trace_file::bytes& data) noexcept {
  if (failed_ != 0) return false;
  errno = 0;
  const std::size_t written = std::fwrite(data.data(), 1, data.size(), out_);
  written_bytes_.fetch_add(written, std::memory_order_relaxed);
  if (written != data.size()) failed_ = errno != 0 ? errno : EIO;
  return written == data.size();
}

void trace_writer::impl::put_start() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  trace_file::bytes content;
  append_number(content, format_version);
  append_number(content, static_cast<std::uint64_t>(std::chrono::nanoseconds(since_1970).count()));
  append_number(content, std::numeric_limits<std::uintptr_t>::digits);
  append_text(content, options_.program.substr(0, longest_name));
  trace_file::bytes data(std::begin(magic), std::end(magic));
  block_head head;
  head.type = block_type::start;
  append_block(data, head, content.data(), content.size(), 0);
  put(data);
}

void trace_writer::impl::put_end() noexcept {
  try {
    trace_file::bytes content;
    append_number(content, last_order_.load(std::memory_order_relaxed));
    append_number(content, dropped_.load(std::memory_order_relaxed));
    trace_file::bytes data;
    block_head head;
    head.type = block_type::end;
    append_block(data, head, content.data(), content.size(), 0);
    put(data);
  } catch (const std::bad_alloc&) {
    if (failed_ == 0) failed_ = ENOMEM;
  }
}

void trace_writer::impl::throw_if_failed() const {
  if (const int why = failed_; why != 0)
    throw trace_error(file_, written_bytes_, std::string("cannot be written: ") + std::strerror(why));
}

void trace_writer::impl::flush() {
  sweep(true);
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t until = taken_;
    const std::uint64_t names = names_taken_ + names_.new_count();
    ++flushing_;
    work_.notify_one();
    room_.wait(lock, [&] { return ended_ || (done_ >= until && names_done_ >= names); });
    --flushing_;
  }
  throw_if_failed();
}

void trace_writer::impl::close() {
  if (closed_.exchange(true)) return;
  sweep(true);  // who is in write() is done with its part by then, or sees that it is closed
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    work_.notify_one();
  }
  thread_.join();
  put_end();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    room_.notify_all();
  }
  if (std::fclose(out_) != 0 && failed_ == 0) failed_ = errno;
  throw_if_failed();
}

trace_totals trace_writer::impl::totals() const noexcept {
  trace_totals now;
  now.events = last_order_.load(std::memory_order_relaxed);
  now.dropped = dropped_.load(std::memory_order_relaxed);
  now.bytes = written_bytes_.load(std::memory_order_relaxed);
  return now;
}

// ---- the interface

trace_writer::trace_writer(const std::string& file, const trace_writer_options& options)
    : impl_(std::make_unique<impl>(file, options)) {}

trace_writer::~trace_writer() {
  if (!impl_->here()) (void)impl_.release();  // its thread and its locks are the parent's
}

std::uint32_t trace_writer::define(trace_name what, std::string_view text) {
  return impl_->here() ? impl_->define(what, text) : 0;
}
void trace_writer::write(const trace_record& event) noexcept {
  if (ALLOT_LIKELY(impl_->here())) impl_->write(event);
}
void trace_writer::flush() {
  if (impl_->here()) impl_->flush();
}
void trace_writer::close() {
  if (impl_->here()) impl_->close();
}
trace_totals trace_writer::totals() const noexcept { return impl_->totals(); }

}  // namespace allot
