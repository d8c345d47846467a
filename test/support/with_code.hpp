#pragma once

#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_errc.hpp>

namespace allot::test {

/// For BOOST_CHECK_EXCEPTION: whether an allocation_error has that code.
inline auto with_code(memory_errc code) {
  return [code](const allocation_error& error) { return error.code() == code; };
}

}  // namespace allot::test
