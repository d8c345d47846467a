#pragma once

#include <allot/block/page_block.hpp>

#include "support/child.hpp"

namespace allot::test {

/// Whether pages with this access can be read. Processors read what they may write or execute; an emulator goes by what
/// was asked, and so does Windows, which has no pages for writing alone.
inline bool reads_with(page_flags access) {
#if defined(_WIN32)
  return includes(access, page_flags::read) || includes(access, page_flags::write);
#else
  return under_emulator() ? includes(access, page_flags::read)
                          : includes(access, page_flags::read) || includes(access, page_flags::write) ||
                                includes(access, page_flags::execute);
#endif
}

/// Likewise for writing.
inline bool writes_with(page_flags access) {
#if defined(_WIN32)
  return includes(access, page_flags::write);
#else
  return includes(access, under_emulator() ? page_flags::rw : page_flags::write);
#endif
}

}  // namespace allot::test
