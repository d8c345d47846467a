// A POSIX system of which nothing more is known: every extra is absent, and posix.cpp falls back.

#include <unistd.h>

#include <cerrno>

#include "posix_extras.hpp"

namespace allot::os::extras {

const int fixed_no_replace_flag = 0;

std::size_t large_page_size() noexcept { return 0; }
bool guard_advice_works(std::size_t) noexcept { return false; }
int guard_by_advice(void*, std::size_t) noexcept { return ENOTSUP; }
int unguard_by_advice(void*, std::size_t) noexcept { return ENOTSUP; }
int drop_contents(void*, std::size_t) noexcept { return ENOTSUP; }
int populate(void*, std::size_t) noexcept { return ENOTSUP; }
int advise(void*, std::size_t, advice) noexcept { return ENOTSUP; }
int lock_on_touch(void*, std::size_t) noexcept { return ENOTSUP; }
int map_large_over(void*, std::size_t, int) noexcept { return ENOTSUP; }
int move_pages(void*, std::size_t, void*) noexcept { return ENOTSUP; }
int set_name(void*, std::size_t, const char*) noexcept { return ENOTSUP; }
int entropy(void*, std::size_t) noexcept { return ENOTSUP; }
std::size_t own_path(char*, std::size_t) noexcept { return 0; }
bool at_map_limit() noexcept { return false; }
bool has_lent_rights() noexcept { return ::getuid() != ::geteuid() || ::getgid() != ::getegid(); }

}  // namespace allot::os::extras
