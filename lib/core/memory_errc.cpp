#include <allot/core/memory_errc.hpp>
#include <array>
#include <string>

namespace allot {
namespace {

struct description {
  memory_errc error;
  std::string_view message;
  std::string_view hint;
};

constexpr std::array<description, 18> descriptions{{
    {memory_errc::success, "no error", "Nothing went wrong."},
    {memory_errc::out_of_memory, "out of memory",
     "The system or the upstream resource has no more memory to give. Possible causes: the machine is full, an address "
     "space "
     "limit (ulimit -v), a cgroup limit, or strict overcommit. Ask for less, release what is unused, or raise the "
     "limit."},
    {memory_errc::invalid_size, "invalid size",
     "The call cannot work with this size, for example resizing a block to 0 bytes or reading a size that is no "
     "number. "
     "Use release() to give a block back; write sizes as a whole number with B, KiB, MiB, GiB or TiB."},
    {memory_errc::size_overflow, "size overflow",
     "The size, rounded up to pages and with guards or headers added, does not fit the address space. A negative "
     "number "
     "converted to std::size_t or an unchecked multiplication is the usual cause."},
    {memory_errc::invalid_address, "invalid address",
     "The address is null, not aligned to a page, or outside the range a program may use. Fixed addresses must be "
     "multiples "
     "of the page size with room for a guard page before them."},
    {memory_errc::address_in_use, "address in use",
     "Something is already mapped in the range that starts at the fixed address, guards included; it was left as it "
     "is. Choose "
     "another address, or pass it as a hint and ask whether it was honoured."},
    {memory_errc::invalid_alignment, "invalid alignment",
     "An alignment is a power of two and at least 1. Larger ones than the resource can meet are refused, never "
     "weakened."},
    {memory_errc::permission_denied, "permission denied",
     "The system does not let this process do that. Writable and executable pages at once, locked memory and low "
     "addresses are "
     "often restricted by a security module or a resource limit."},
    {memory_errc::protection_failed, "changing page protection failed",
     "The access to the pages could not be changed; it is as before. The range may not be wholly mapped any more, or "
     "the change "
     "would split mappings beyond the system's limit."},
    {memory_errc::null_pointer, "null pointer",
     "A pointer to memory was expected. A moved-from or released owner answers with null."},
    {memory_errc::invalid_block, "invalid or freed block",
     "The block is not one this resource handed out, or it was freed already. Run with options.checked to find where."},
    {memory_errc::page_size_unknown, "page size unknown",
     "The system does not tell its page size, so no page can be managed. This happens only in very unusual sandboxes."},
    {memory_errc::platform_error, "operating system error",
     "The operating system refused for a reason that has no name here. The raw code, kept beside this error, tells "
     "more."},
    {memory_errc::limit_reached, "limit reached",
     "A limit the program set itself (capacity, budget or total) does not allow the request. Raise the limit or free "
     "first."},
    {memory_errc::map_limit, "too many mappings",
     "The process has about as many mappings as the system allows (vm.max_map_count on Linux). Blocks guarded by page "
     "protection "
     "cost two each. Use fewer, larger blocks, or raise the limit."},
    {memory_errc::large_pages_unavailable, "large pages unavailable",
     "No explicit large pages are free for this process. On Linux reserve some in vm.nr_hugepages. On Windows they "
     "take the privilege to lock pages in memory, SeLockMemoryPrivilege (system error 1314: the process has not "
     "enabled it); blocks with guards have none there even so (system error 50). Without them, ask for ordinary pages "
     "with large-page advice."},
    {memory_errc::not_supported, "not supported",
     "This system, or this resource, cannot do that. Ask for its capabilities first, or use the fallback its "
     "documentation names."},
    {memory_errc::lock_limit, "the process may lock no more memory",
     "The system lets a process keep only so much memory out of swap space: RLIMIT_MEMLOCK on POSIX systems, which "
     "ulimit -l shows in KiB and raises. Every locked block takes whole pages of it. Lock less, raise the limit, or "
     "ask "
     "for the lock as an attempt."},
}};

const description* find(memory_errc error) noexcept {
  for (const description& candidate : descriptions)
    if (candidate.error == error) return &candidate;
  return nullptr;
}

class memory_error_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "allot"; }

  std::string message(int value) const override { return std::string(allot::message(static_cast<memory_errc>(value))); }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<memory_errc>(value)) {
      case memory_errc::success:
        return {};
      case memory_errc::out_of_memory:
      case memory_errc::map_limit:
      case memory_errc::large_pages_unavailable:
      case memory_errc::lock_limit:
        return std::errc::not_enough_memory;
      case memory_errc::size_overflow:
        return std::errc::value_too_large;
      case memory_errc::invalid_size:
      case memory_errc::invalid_alignment:
        return std::errc::invalid_argument;
      case memory_errc::invalid_address:
      case memory_errc::null_pointer:
      case memory_errc::invalid_block:
        return std::errc::bad_address;
      case memory_errc::address_in_use:
        return std::errc::file_exists;
      case memory_errc::permission_denied:
        return std::errc::permission_denied;
      case memory_errc::not_supported:
        return std::errc::not_supported;
      case memory_errc::protection_failed:
      case memory_errc::page_size_unknown:
      case memory_errc::platform_error:
      case memory_errc::limit_reached:
        break;
    }
    return {value, *this};
  }
};

}  // namespace

const std::error_category& memory_category() noexcept {
  static const memory_error_category category;
  return category;
}

std::string_view message(memory_errc error) noexcept {
  const description* found = find(error);
  return found != nullptr ? found->message : std::string_view("unknown memory error");
}

std::string_view hint(memory_errc error) noexcept {
  const description* found = find(error);
  return found != nullptr
             ? found->hint
             : std::string_view("This number is no allot memory error; it may come from another error category.");
}

}  // namespace allot
