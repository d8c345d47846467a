#pragma once

#include <cstddef>
#include <map>
#include <memory_resource>

namespace allot::test {

/// The ways in which a sample_resource can break one promise each.
enum class defect {
  none,
  zero_size_is_null,
  zero_size_is_shared,
  alignment_ignored,
  blocks_overlap,
  contents_damaged,
  size_wraps,
  wrong_bytes_upstream,
  wrong_alignment_upstream,
  leaks_at_destruction,
  always_refuses,
  refuses_large,
  replaces_upstream_exception,
  throws_another_type,
  leaks_when_upstream_fails,
  dead_after_a_failure,
  uses_default_resource,
  default_resource_at_deallocate,
  equal_by_type,
  release_keeps_blocks,
  release_twice_frees_twice,
  release_keeps_growth,
  huge_refusal_leaks,
};

/// A plain resource that passes each request upstream with a small note beside it, and keeps every promise but one.
class sample_resource final : public std::pmr::memory_resource {
 public:
  sample_resource(std::pmr::memory_resource& upstream, defect broken);
  ~sample_resource() override;

  void release();

 private:
  struct block {
    std::size_t bytes;
    std::size_t alignment;
    void* start;  // as it came from upstream
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;
  void* take(std::size_t bytes, std::size_t alignment);
  void give_back(const block& held);

  std::pmr::memory_resource& upstream_;
  defect broken_;
  std::map<void*, block> blocks_;
  std::size_t growth_ = 0;
  bool dead_ = false;
};

}  // namespace allot::test
