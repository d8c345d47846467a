#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <map>
#include <memory_resource>
#include <mutex>
#include <string>
#include <vector>

namespace allot::testing {

/// An upstream for tests: passes everything on, remembers every call, and notices blocks that do not come back exactly
/// as they went out. A wrong deallocate is recorded, not passed on, so a test can go on and report it.
///
/// Its own books are kept with the global operator new. Thread-safe.
class ALLOT_EXPORT counting_resource final : public resource {
 public:
  /// A call that was counted, to be compared with another.
  struct call {
    /// Which of the two calls.
    enum class kind { allocate, deallocate };
    kind what;              ///< which of the two it was
    std::size_t bytes;      ///< as the caller stated them
    std::size_t alignment;  ///< as the caller stated it
    friend bool operator==(const call& a, const call& b) noexcept {
      return a.what == b.what && a.bytes == b.bytes && a.alignment == b.alignment;
    }
  };

  /// @param upstream  serves the requests
  /// @param most      a single request for more bytes is refused with std::bad_alloc
  explicit counting_resource(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource(),
                             std::size_t most = std::size_t{1} << 30) noexcept;
  ~counting_resource() override;

  std::string_view kind() const noexcept override { return "counting_resource"; }
  std::pmr::memory_resource* upstream() const noexcept override { return upstream_; }
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;

  std::size_t allocations() const;    ///< successful allocate calls so far
  std::size_t deallocations() const;  ///< correct deallocate calls so far
  std::size_t live_blocks() const;    ///< out now
  std::size_t live_bytes() const;     ///< out now, as asked for
  std::size_t peak_bytes() const;     ///< the most live_bytes() has been
  std::size_t total_bytes() const;    ///< of all successful allocate calls
  std::vector<call> calls() const;    ///< successful calls in order

  /// What is out now in short: two resources that hold blocks of the same sizes and alignments have equal summaries.
  struct summary {
    std::size_t blocks = 0;  ///< how many
    std::size_t bytes = 0;   ///< as asked for
    std::size_t digest = 0;  ///< a sum over the blocks, so their order does not count
    friend bool operator==(const summary& a, const summary& b) noexcept {
      return a.blocks == b.blocks && a.bytes == b.bytes && a.digest == b.digest;
    }
  };
  summary live() const;  ///< at this moment

  /// Gives what is still out back to the upstream, after a leak was reported.
  void reclaim();

  /// One line for each deallocate that did not match its allocate.
  std::vector<std::string> mismatches() const;

 private:
  struct block {
    std::size_t bytes;
    std::size_t alignment;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  mutable std::mutex mutex_;  // guards all below
  std::pmr::memory_resource* upstream_;
  std::size_t most_;
  std::map<const void*, block> live_;
  std::vector<call> calls_;
  std::vector<std::string> mismatches_;
  std::size_t allocations_ = 0;
  std::size_t live_bytes_ = 0;
  std::size_t live_digest_ = 0;
  std::size_t peak_bytes_ = 0;
  std::size_t total_bytes_ = 0;
};

}  // namespace allot::testing
