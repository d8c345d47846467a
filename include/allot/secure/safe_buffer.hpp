#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_options.hpp>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace allot {

/// What a safe_buffer asks of the system. A system that cannot do what `fork` says lets children inherit; see
/// safe_buffer::fork().
struct safe_buffer_options {
  wish lock = wish::attempt;             ///< keep it out of swap space
  wish no_dump = wish::attempt;          ///< leave it out of core dumps
  fork_policy fork = fork_policy::wipe;  ///< what child processes have of it
  std::size_t alignment = 1;             ///< of the first byte: a power of two, at most the page size
  std::string_view name = {};            ///< shown in errors and reports; the first 31 bytes count
};

/// Holds one secret, such as a key: bytes on pages of their own, locked into memory, left out of core dumps and of
/// child processes, and overwritten when they are done with.
///
///     | lead guard | pattern, canary | data() .. data() + size() | slack* | tail guard |
///
/// (*) pattern as well; less than the alignment asked for, and none where the size is a multiple of it, so that the
/// first byte behind the end faults. A write before the start that does not reach the guard changes the canary, random
/// and of this buffer alone. What changed there is reported as misuse (underrun, overrun) by protect(), check() and
/// release(), which the destructor calls.
///
/// The bytes are zero at first. Costs whole pages, two more of addresses, and about ten system calls: for secrets, not
/// for many small objects. A lock takes from a limit of the process, often 8 MiB; wish::attempt goes on without it when
/// that is used up, and locked() tells.
///
/// In a child process fork() says what there is. The child's copy of an inherited buffer is not locked, and so may
/// reach swap space. With fork_policy::deny only destroying, releasing and moving the buffer, and asking for its size
/// and the like, are allowed there.
///
/// Move-only. Distinct buffers are independent; one buffer is not thread-safe.
class ALLOT_EXPORT safe_buffer {
 public:
  /// What the program may do with the bytes at the moment.
  enum class access { none, read, read_write };

  /// An empty buffer: no memory, data() is null.
  safe_buffer() noexcept = default;

  /// 0 bytes make an empty buffer.
  /// @throws allocation_error: size_overflow; lock_limit (with the limit) and not_supported where a wish that is
  ///         required cannot be met; whatever stands in the way of memory or of random bytes for the canary
  explicit safe_buffer(std::size_t bytes, const safe_buffer_options& options = {});

  /// The other has no memory then.
  safe_buffer(safe_buffer&& other) noexcept;
  safe_buffer& operator=(safe_buffer&& other) noexcept;
  ~safe_buffer();

  unsigned char* data() noexcept { return state_.data; }
  const unsigned char* data() const noexcept { return state_.data; }
  std::size_t size() const noexcept { return state_.size; }
  bool empty() const noexcept { return state_.size == 0; }
  unsigned char* begin() noexcept { return state_.data; }
  unsigned char* end() noexcept { return state_.data + state_.size; }
  const unsigned char* begin() const noexcept { return state_.data; }
  const unsigned char* end() const noexcept { return state_.data + state_.size; }
  unsigned char& operator[](std::size_t i) noexcept { return state_.data[i]; }
  const unsigned char& operator[](std::size_t i) const noexcept { return state_.data[i]; }

  /// Changes what may be done with the bytes, which stay as they are; anything else faults.
  /// @throws allocation_error (protection_failed, permission_denied, map_limit; lock_limit: see locked()); the access
  ///         is as before
  void protect(access rights);
  access rights() const noexcept { return state_.rights; }  ///< as protect() set them last

  /// Random bytes from the system, a key for instance. The buffer must be writable. On failure it is zero.
  [[nodiscard]] os::status fill_random() noexcept;

  /// Whether the bytes are these, found out in a time that depends on their number alone. The buffer must be readable.
  [[nodiscard]] bool equals(const void* bytes, std::size_t count) const noexcept;

  /// Looks at what is around the bytes; damage is reported as misuse, and then this is false. Where the bytes may not
  /// be written nothing can have changed.
  bool check() const noexcept;

  /// Overwrites the bytes with zero, whatever the access, and gives the memory back; the buffer is empty then.
  void release() noexcept;

  /// Whether it is kept out of swap space. On Windows nothing inaccessible is: a buffer is locked again there when it
  /// may be accessed again; where that fails and a lock is required, protect() throws.
  bool locked() const noexcept;
  /// Whether core dumps leave it out.
  bool kept_out_of_dumps() const noexcept { return state_.out_of_dumps; }
  /// What a child process has of the buffer: as asked for, or `inherit` where the system knows nothing else.
  fork_policy fork() const noexcept { return state_.fork; }
  std::string_view name() const noexcept;  ///< as given, or "safe_buffer"

 private:
  os::status map(std::size_t bytes, const safe_buffer_options& options) noexcept;
  os::status ask_system(void* pages, std::size_t bytes, const safe_buffer_options& options) noexcept;
  unsigned char* pages() const noexcept;
  std::size_t page_bytes() const noexcept;
  unsigned char* canary() const noexcept { return state_.data - state_.canary.size(); }
  std::size_t slack() const noexcept;
  void mark_surroundings() noexcept;
  std::optional<misuse_kind> damage() const noexcept;
  bool report_damage() const;
  void lock_again();
  std::optional<misuse_kind> wipe(bool look) noexcept;
  bool in_child() const noexcept;

  struct state {
    unsigned char* data = nullptr;
    std::size_t size = 0;
    std::array<unsigned char, 16> canary{};  // what is to stand before data
    unsigned forks = 0;                      // os::fork_count() where it was made
    access rights = access::read_write;
    fork_policy fork = fork_policy::inherit;
    bool locked = false;
    bool must_lock = false;
    bool out_of_dumps = false;
  };

  state state_;
  fixed_text<31> name_;
};

/// Whether two runs of n bytes are the same, found out in a time that depends on n alone: for what an attacker may try
/// again and again, such as tokens. Pointers may be null for 0 bytes.
[[nodiscard]] ALLOT_EXPORT bool constant_time_equal(const void* a, const void* b, std::size_t n) noexcept;

}  // namespace allot
