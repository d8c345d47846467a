#pragma once

#include <allot/block/reserving_resource.hpp>

namespace main_job {

/// As allot::default_reserving_resource(), but it asks for no huge pages.
allot::reserving_resource& small_page_storage() noexcept;

/// Gives back to the system what malloc, that storage and the default one keep for the next who asks.
void drop_kept_memory() noexcept;

}  // namespace main_job
