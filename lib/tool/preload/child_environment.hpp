#pragma once

#include <string>

namespace allot::preload {

/// Has programs that this one starts see a variable so. By the environment itself: there are programs, such as bash,
/// whose own setenv() does nothing before main().
///
/// To be called while nobody else looks at the environment. Its memory is never freed.
/// @throws std::bad_alloc
void tell_children(const std::string& name, const std::string& value);

}  // namespace allot::preload
