#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/testing/conformance.hpp>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

namespace allot::test {

/// A resource to stand on: one of the suite, or of the standard library.
struct ground {
  std::string name;
  std::function<std::shared_ptr<std::pmr::memory_resource>(std::pmr::memory_resource& upstream)> make;
  std::size_t capacity = testing::conformance_subject::unlimited;
  bool keeps_cache_when_refused = true;
};

/// An adaptor, put on top.
struct storey {
  std::string name;
  /// `beside` is for what needs a second upstream.
  std::function<std::shared_ptr<resource>(upstream_ref on, std::pmr::memory_resource& beside)> make;
  bool keeps_cache_when_refused = true;
  bool for_threads = true;  ///< as thread-safe as what it stands on
};

const std::vector<ground>& grounds();
const std::vector<storey>& storeys();

/// The kit's upstream, a ground on it, and the storeys, the first one lowest.
testing::conformance_subject tower(const ground& below, const std::vector<storey>& above);
/// The same with no ground: the lowest storey stands on the kit's upstream, which is not one of ours.
testing::conformance_subject tower(const std::vector<storey>& above);

}  // namespace allot::test
