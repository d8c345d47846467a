#include "token_storage.hpp"

#ifdef MAIN_JOB_HAS_MALLOC_TRIM
#include <malloc.h>
#endif

namespace main_job {

namespace {

allot::reserving_resource_options small_pages() noexcept {
  allot::reserving_resource_options options;
  options.huge_pages = false;
  return options;
}

}  // namespace

allot::reserving_resource& small_page_storage() noexcept {
  static allot::reserving_resource storage(small_pages());
  return storage;
}

void drop_kept_memory() noexcept {
  allot::default_reserving_resource().trim();
  small_page_storage().trim();
#ifdef MAIN_JOB_HAS_MALLOC_TRIM
  malloc_trim(0);
#endif
}

}  // namespace main_job
