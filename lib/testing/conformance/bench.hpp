#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/resource.hpp>
#include <allot/testing/conformance.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>

/// What the checks of the conformance kit share.
namespace allot::testing::conformance {

inline constexpr std::size_t most_findings_per_promise = 5;
inline constexpr std::size_t most_upstream_bytes = std::size_t{256} << 20;  // of one request
inline constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

/// Collects what is found; the first few of each promise.
class findings {
 public:
  explicit findings(conformance_report& report) : report_(report) {}

  template <class... Parts>
  void add(const std::string& promise, const Parts&... parts) {
    const auto same = std::count_if(report_.failures.begin(), report_.failures.end(),
                                    [&](const auto& failure) { return failure.promise == promise; });
    if (static_cast<std::size_t>(same) >= most_findings_per_promise) return;
    std::ostringstream text;
    (text << ... << parts);
    report_.failures.push_back({promise, text.str()});
  }

  template <class... Parts>
  bool expect(bool condition, const std::string& promise, const Parts&... parts) {
    if (!condition) add(promise, parts...);
    return condition;
  }

  conformance_report& report() { return report_; }

 private:
  conformance_report& report_;
};

struct size_and_alignment {
  std::size_t bytes;
  std::size_t alignment;
  std::size_t cost() const { return bytes + alignment; }
};

inline std::ostream& operator<<(std::ostream& out, const size_and_alignment& request) {
  return out << "allocate(" << request.bytes << ", " << request.alignment << ")";
}

/// The memory below it all. Blocks are aligned as asked for and no better, so that nobody can count on luck; and the
/// same requests get addresses equal modulo 4096, so that padding is the same in two instances that are compared, and
/// between two rounds of one: what fits into a chunk depends on it where requests are aligned to pages.
class plain_memory final : public std::pmr::memory_resource {
 private:
  static constexpr std::size_t modulus = 4096;
  static std::size_t base_alignment(std::size_t alignment) { return std::max(2 * alignment, modulus); }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (alignment > most_upstream_bytes) throw std::bad_alloc();
    return static_cast<std::byte*>(memory_.allocate(bytes + alignment, base_alignment(alignment))) + alignment;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    memory_.deallocate(static_cast<std::byte*>(p) - alignment, bytes + alignment, base_alignment(alignment));
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource& memory_ = *std::pmr::new_delete_resource();
};

/// An instance of the subject on an upstream that counts and can fail, and the blocks it handed out.
class bench {
 public:
  bench(const conformance_subject& subject, findings& found)
      : found_(found),
        frees_all_(subject.frees_at_destruction),
        keeps_cache_(subject.keeps_cache_when_refused),
        memory_(subject.make(failing_)),
        budget_(subject.capacity),
        blocks_at_first_(counting_.live_blocks()) {}

  ~bench() { finish(); }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  struct block {
    std::size_t bytes;
    std::size_t alignment;
    unsigned pattern;
  };
  using handle = unsigned char*;

  /// Asks for memory and checks what comes: not null, aligned, apart from every other block, writable over its whole
  /// length. Whatever the resource throws passes on.
  handle allocate(size_and_alignment request) {
    // Through a volatile: compilers take for granted that allocate() returns no null, and would drop the check for it.
    void* volatile const returned = memory_->allocate(request.bytes, request.alignment);
    auto* const p = static_cast<handle>(returned);
    spend(request);
    if (!found_.expect(p != nullptr, request.bytes == 0 ? "zero size" : "contents", request, " returned null"))
      return nullptr;
    found_.expect(is_aligned(p, request.alignment), "alignment", request, " returned ", static_cast<void*>(p));
    const std::size_t bytes = std::max<std::size_t>(request.bytes, 1);
    if (const block* other = overlapping(p, bytes)) {
      const bool about_zero = request.bytes == 0 || other->bytes == 0;
      found_.add(about_zero ? "zero size" : "distinct blocks", request, " overlaps a live block of ", other->bytes,
                 " bytes");
      return nullptr;
    }
    const unsigned pattern = ++last_pattern_;
    blocks_.emplace(p, block{request.bytes, request.alignment, pattern});
    std::memset(p, byte_of(pattern), request.bytes);
    ++found_.report().served;
    return p;
  }

  /// The same where a refusal is a finding unless the stated capacity does not cover the request.
  handle must_allocate(size_and_alignment request) {
    const bool covered = request.cost() <= budget_;
    try {
      return allocate(request);
    } catch (const std::bad_alloc& refusal) {
      if (covered) {
        found_.add("capacity", request, " was refused within the stated capacity: ", refusal.what());
      } else {
        ++found_.report().beyond_capacity;
      }
    } catch (...) {
      found_.add("exception type", request, " threw something that is no std::bad_alloc");
    }
    return nullptr;
  }

  void deallocate(handle p) {
    const auto held = blocks_.find(p);
    if (held == blocks_.end()) return;
    const block truth = held->second;
    verify(p, truth);
    blocks_.erase(held);
    memory_->deallocate(p, truth.bytes, truth.alignment);
  }

  void verify_all() {
    for (const auto& [p, truth] : blocks_) verify(p, truth);
  }

  void deallocate_all() {
    while (!blocks_.empty()) deallocate(blocks_.begin()->first);
  }

  /// Blocks that release() or the destructor is to give back.
  void forget_all() { blocks_.clear(); }

  std::size_t bytes_of(handle p) const { return blocks_.at(p).bytes; }

  /// After try_expand: the block has that many bytes now.
  void resized(handle p, std::size_t bytes) {
    block& held = blocks_.at(p);
    held.bytes = bytes;
    std::memset(p, byte_of(held.pattern), bytes);
  }

  bool covers(size_and_alignment request) const { return request.cost() <= budget_; }
  std::size_t budget() const { return budget_; }
  std::pmr::memory_resource& memory() { return *memory_; }
  resource* ours() { return as_resource(memory_.get()); }
  counting_resource& counting() { return counting_; }
  failing_resource& failing() { return failing_; }
  std::size_t blocks_at_first() const { return blocks_at_first_; }

  /// What must be the same before and after a call that failed.
  struct state {
    memory_usage usage;
    counting_resource::summary upstream;
    friend bool operator==(const state& a, const state& b) { return a.usage == b.usage && a.upstream == b.upstream; }
    friend std::ostream& operator<<(std::ostream& out, const state& s) {
      out << "used " << s.usage.used << ", committed " << s.usage.committed << ", reserved " << s.usage.reserved
          << ", peak " << s.usage.peak << ", wasted " << s.usage.wasted << ", upstream " << s.upstream.bytes
          << " bytes in " << s.upstream.blocks << " blocks (digest " << s.upstream.digest << ')';
      return out;
    }
  };
  state now() {
    state held{ours() != nullptr ? ours()->usage() : memory_usage{}, counting_.live()};
    if (!keeps_cache_) held.usage = {0, 0, held.usage.used, 0, 0};
    return held;
  }

  /// Whether a call that was refused left the resource as it was, but for a cache it may have given up.
  bool is_as(const state& before) {
    const state held = now();
    if (keeps_cache_) return held == before;
    return held.usage == before.usage && held.upstream.blocks <= before.upstream.blocks &&
           held.upstream.bytes <= before.upstream.bytes;
  }

  bool keeps_cache() const { return keeps_cache_; }

  /// Destroys the instance and looks at what it left upstream.
  void finish() {
    if (memory_ == nullptr) return;
    verify_all();
    if (ours() != nullptr) found_.expect(ours()->check(), "vocabulary", "check() finds a broken invariant");
    if (!frees_all_) deallocate_all();
    memory_.reset();
    found_.expect(counting_.live_blocks() == 0, "leak", counting_.live_blocks(), " upstream blocks (",
                  counting_.live_bytes(), " bytes) were not given back by the destructor");
    for (const std::string& mismatch : counting_.mismatches()) found_.add("upstream pairing", mismatch);
    counting_.reclaim();
  }

 private:
  static unsigned char byte_of(unsigned pattern) { return static_cast<unsigned char>(pattern * 37 + 11); }

  void spend(size_and_alignment request) {
    if (budget_ != conformance_subject::unlimited) budget_ -= std::min(budget_, request.cost());
  }

  const block* overlapping(handle p, std::size_t bytes) const {
    auto after = blocks_.lower_bound(p);
    if (after != blocks_.end() && address_of(after->first) - address_of(p) < bytes) return &after->second;
    if (after == blocks_.begin()) return nullptr;
    --after;
    const bool reaches = address_of(p) - address_of(after->first) < std::max<std::size_t>(after->second.bytes, 1);
    return reaches ? &after->second : nullptr;
  }

  void verify(handle p, const block& truth) {
    // All bytes are the pattern if the first is and each equals the next.
    const bool whole =
        truth.bytes == 0 || (*p == byte_of(truth.pattern) && std::memcmp(p, p + 1, truth.bytes - 1) == 0);
    found_.expect(whole, "contents", "a block of ", truth.bytes, " bytes changed while it was live");
  }

  findings& found_;
  bool frees_all_;
  bool keeps_cache_;
  plain_memory plain_;
  counting_resource counting_{&plain_, most_upstream_bytes};
  failing_resource failing_{&counting_};
  std::unique_ptr<std::pmr::memory_resource> memory_;
  std::size_t budget_;
  std::size_t blocks_at_first_;  // upstream, taken by the constructor
  std::map<handle, block> blocks_;
  unsigned last_pattern_ = 0;
};

}  // namespace allot::testing::conformance
