#pragma once

#include <allot/adaptor/branch_list.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// The common base of adaptors with several upstreams: answers the vocabulary for all of them together. Over foreign
/// ones the answers are resource's defaults. An upstream given twice counts once; what two
/// adaptors among them stand on counts twice.
///
/// upstream() is the first, further_upstream() has the others; root() is the adaptor itself, since blocks of several
/// roots come from it.
class ALLOT_EXPORT branching_resource : public resource {
 public:
  ~branching_resource() override;

  const branch_list& branches() const noexcept { return branches_; }  ///< all upstreams, in their order

  std::pmr::memory_resource* upstream() const noexcept override { return &branches_[0].any(); }
  std::pmr::memory_resource* further_upstream(std::size_t number) const noexcept override {
    return number + 1 < branches_.size() ? &branches_[number + 1].any() : nullptr;
  }
  std::size_t available() const noexcept override;
  memory_usage usage() const noexcept override;  ///< sums; peaks are reached each at a time of its own
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;
  /// Releases those that are ours, each before what it stands on.
  void release() noexcept override;
  bool can_release() const noexcept override;  ///< all of them can
  std::size_t trim() noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;
  bool tell_events_to(event_sink* sink) noexcept override;  ///< whether any of them does

 protected:
  /// All upstreams must outlive this object.
  branching_resource(const branch_list& branches, std::string_view name) noexcept
      : resource(name), branches_(branches) {}

 private:
  template <class Visit>
  void for_each_of_ours(Visit visit) const;

  const branch_list branches_;
};

}  // namespace allot
