#pragma once

#include <memory_resource>

namespace allot::test {

/// A resource of a program's own, and one that derives from ours: neither can be asked what it is.
std::pmr::memory_resource& plain_without_rtti();
std::pmr::memory_resource& ours_without_rtti();

}  // namespace allot::test
