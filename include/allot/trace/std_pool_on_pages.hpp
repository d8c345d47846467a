#pragma once

#include <allot/block/page_resource.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// A pool of the standard library as a candidate that tells what it takes: pages, which are counted. Of foreign
/// resources nothing is known otherwise, as of what std::pmr::new_delete_resource() takes.
///
/// @tparam Pool  std::pmr::unsynchronized_pool_resource or synchronized_pool_resource
///
/// Thread-safe if the pool is, but for release().
template <class Pool>
class std_pool_on_pages final : public resource {
 public:
  /// @param kind  must outlive this object
  explicit std_pool_on_pages(std::string_view kind) : kind_(kind) {}

  std::string_view kind() const noexcept override { return kind_; }
  std::pmr::memory_resource* upstream() const noexcept override { return pool_.upstream_resource(); }
  memory_usage usage() const noexcept override { return pages_.usage(); }
  void release() noexcept override { pool_.release(); }
  bool can_release() const noexcept override { return true; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return pool_.allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    pool_.deallocate(p, bytes, alignment);
  }

  std::string_view kind_;
  page_resource pages_;
  Pool pool_{&pages_};
};

}  // namespace allot
