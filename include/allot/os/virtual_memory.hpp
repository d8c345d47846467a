#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/memory_errc.hpp>
#include <cstddef>

/// What allot asks of an operating system, the same on all of them.
namespace allot::os {

// The whole of what allot asks of an operating system's virtual memory, one contract a function. Every platform has one
// source file that meets it. Common to all of them:
//
//  - noexcept and thread-safe; errno and its like are as before the call.
//  - Addresses and sizes are multiples of page_facts::page_size and sizes are not 0, except where stated.
//  - On failure nothing has changed, and the status says why: our code and the system's own.
//  - A pointer is null exactly when the call failed.

/// How a call went.
struct status {
  memory_errc error = memory_errc::success;                                          ///< success, or why not
  int os_code = 0;                                                                   ///< errno, GetLastError() or 0
  explicit operator bool() const noexcept { return error == memory_errc::success; }  ///< whether it went well
};

/// A status and, on success, where.
struct mapping {
  void* address = nullptr;                                                ///< null: the call failed
  status outcome = {};                                                    ///< and why
  explicit operator bool() const noexcept { return address != nullptr; }  ///< whether it went well
};

/// Access to pages, as a set.
enum class access : unsigned { none = 0, read = 1, write = 2, execute = 4, read_write = 3 };
constexpr access operator|(access a, access b) noexcept {
  return static_cast<access>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether all of `part` is among `set`.
constexpr bool includes(access set, access part) noexcept {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(part)) == static_cast<unsigned>(part);
}

/// Where a new mapping goes.
struct placement {
  /// How much the address is meant.
  enum class how {
    anywhere,
    hint,   ///< at `address` if that is free, else anywhere; never an error
    fixed,  ///< at `address`, or address_in_use; nothing that is there is ever replaced
  };
  how rule = how::anywhere;      ///< what `address` means
  void* address = nullptr;       ///< of the mapping's first byte; unused with how::anywhere
  std::size_t aligned_byte = 0;  ///< which byte of the mapping is to be aligned; a multiple of the page size
};

/// What the system is like. Capabilities count once they were seen to work, not when they are documented.
struct page_facts {
  std::size_t page_size = 0;          ///< bytes; 0 when the system does not tell
  std::size_t granularity = 0;        ///< multiples at which mappings may start
  std::size_t large_page_size = 0;    ///< of explicit large pages; 0 where there are none
  std::size_t advised_page_size = 0;  ///< of the huge pages advice::huge_pages is for; 0 where there are none
  bool guard_advice = false;          ///< guard() costs no map entry
  bool locks_last = true;             ///< locked pages stay locked while nothing may access them
};

/// The facts of this process, found at the first call.
ALLOT_EXPORT const page_facts& facts() noexcept;

/// Address space: inaccessible, not charged. `alignment` is a power of two; 1 asks for the system's own granularity.
ALLOT_EXPORT mapping reserve(std::size_t bytes, std::size_t alignment = 1, placement where = {}) noexcept;

/// Memory at once: charged, zero, with the given access.
ALLOT_EXPORT mapping map(std::size_t bytes, std::size_t alignment, access rights, placement where = {}) noexcept;

/// Makes part of a reservation accessible and charges it. Pages never committed before, or decommitted since, read
/// zero.
ALLOT_EXPORT status commit(void* p, std::size_t bytes, access rights = access::read_write) noexcept;

/// As commit() with explicit large pages; p and bytes are multiples of large_page_size, and the pages read zero.
/// large_pages_unavailable when the system has none to give.
ALLOT_EXPORT status commit_large(void* p, std::size_t bytes, access rights) noexcept;

/// Back to mere reservation: contents dropped, charge returned, access none.
ALLOT_EXPORT status decommit(void* p, std::size_t bytes) noexcept;

/// Ends a mapping or a part of it at either end. Never fails on ranges that are reserved wholly, except where the
/// system would have to split a mapping and has no entry left for it (map_limit): then the range stays, its contents
/// may be gone.
ALLOT_EXPORT status release(void* p, std::size_t bytes) noexcept;

/// Changes the access to committed pages; contents stay.
ALLOT_EXPORT status protect(void* p, std::size_t bytes, access rights) noexcept;

/// Makes pages fault on any access and drops their contents, at no map entry where guard_advice holds.
ALLOT_EXPORT status guard(void* p, std::size_t bytes) noexcept;

/// Undoes guard(): zero pages with the given access. Pages of a reservation that never were guarded become so, too.
ALLOT_EXPORT status unguard(void* p, std::size_t bytes, access rights) noexcept;

/// Drops the contents of committed pages, which then read zero. `rights` is the access they have and keep; with write
/// access this never fails.
ALLOT_EXPORT status zero_pages(void* p, std::size_t bytes, access rights) noexcept;

/// Backs writable committed pages with memory now instead of at the first touch. Contents stay.
ALLOT_EXPORT status populate(void* p, std::size_t bytes) noexcept;

/// What the system is told of pages, and may do nothing about.
enum class advice {
  huge_pages,    ///< back with huge pages where ranges are aligned to advised_page_size
  no_dump,       ///< leave out of core dumps
  wipe_on_fork,  ///< child processes read zero here; guards made by guard() are gone there, too
  no_fork,       ///< child processes have nothing here: touching it faults
};

/// A wish about pages. Failure (not_supported where the system does not know it) may be ignored: contents and access
/// are the same.
ALLOT_EXPORT status advise(void* p, std::size_t bytes, advice wish) noexcept;

/// Keeps accessible pages out of swap space. Pages nobody touched yet take no memory where the system can do that, but
/// all of them count. lock_limit, with the system's code, when the process may lock no more; then none of them is
/// locked. Locks do not nest, and child processes have none.
ALLOT_EXPORT status lock(void* p, std::size_t bytes) noexcept;

/// Undoes lock(); harmless for pages that are not locked. Ending a mapping does so, too.
ALLOT_EXPORT status unlock(void* p, std::size_t bytes) noexcept;

/// Moves the pages of [from, from + bytes) to `to`, inside a mapping of the caller's, without copying. Afterwards
/// `from` is unmapped and `to` has the contents and the access `from` had. not_supported where the system cannot.
ALLOT_EXPORT status move_pages(void* from, std::size_t bytes, void* to) noexcept;

/// Names a range in the system's own tools. `name` is copied. Failure may be ignored.
ALLOT_EXPORT status set_name(void* p, std::size_t bytes, const char* name) noexcept;

/// Our code for an error code of the operating system; platform_error for those without one. 0 is success.
ALLOT_EXPORT memory_errc to_memory_errc(int os_code) noexcept;

/// Writes bytes to standard error, all or as much as can be; safe in a signal handler.
ALLOT_EXPORT void write_error_output(const char* text, std::size_t bytes) noexcept;

}  // namespace allot::os
