#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/config/config.hpp>
#include <allot/core/resource.hpp>
#include <memory>
#include <memory_resource>
#include <string_view>
#include <utility>

// Stacks of configs between the conformance kit and its upstream.

namespace allot::test {

/// Stands between the kit and a resource of a config, and keeps the config.
class configured final : public adaptor_resource {
 public:
  explicit configured(std::shared_ptr<resource_set> set)
      : adaptor_resource(*(*set)["top"], as_resource((*set)["top"])->name()), set_(std::move(set)) {}
  std::string_view kind() const noexcept override { return "configured"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_deallocate(p, bytes, alignment);
  }

  std::shared_ptr<resource_set> set_;
};

/// What the strategy "kit" leads to.
inline std::pmr::memory_resource* kits_upstream = nullptr;

/// Hands the kit's upstream to a config: as one of ours, which is what it is.
class outlet final : public adaptor_resource {
 public:
  explicit outlet(std::pmr::memory_resource& to) : adaptor_resource(to) {}
  std::string_view kind() const noexcept override { return "outlet"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_deallocate(p, bytes, alignment);
  }
};

/// From now on configs may name the kit's upstream.
inline void register_kit() {
  static const bool once = [] {
    register_strategy("kit", [](strategy_request&) { return std::make_unique<outlet>(*kits_upstream); });
    return true;
  }();
  (void)once;
}

}  // namespace allot::test
