#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <limits>
#include <memory>
#include <memory_resource>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// For tests of memory resources, and of what uses them.
namespace allot::testing {

/// A kind of memory resource to be checked: any std::pmr::memory_resource, not only ours.
struct conformance_subject {
  /// A capacity without end.
  static constexpr std::size_t unlimited = (std::numeric_limits<std::size_t>::max)();

  std::string name;  ///< what the report calls it

  /// Makes a fresh instance that takes its memory from the given upstream, which outlives it. A resource that needs no
  /// upstream ignores it; the checks of upstream failures then find nothing to fail and say so.
  std::function<std::unique_ptr<std::pmr::memory_resource>(std::pmr::memory_resource& upstream)> make;

  /// What one instance is sure to serve in its life: the sum of bytes + alignment over all requests. Refusing a request
  /// within it fails the check. `unlimited` stands for as much as the upstream or the system has.
  std::size_t capacity = unlimited;

  /// False for an adaptor that keeps no books: what was not freed when it is destroyed or released stays out.
  bool frees_at_destruction = true;

  /// Calls the instance's release(), if it has one.
  std::function<void(std::pmr::memory_resource&)> release = {};

  /// False for a resource that gives up what it only keeps for reuse before it refuses a request: after a refusal it
  /// may then hold less of its upstream, its usage() may differ, but for `used`, and so may what it asks its upstream
  /// for.
  bool keeps_cache_when_refused = true;
};

/// Makes a subject from a factory that returns a std::unique_ptr to the resource's own type; release() is found by
/// itself.
template <class Factory>
conformance_subject make_subject(std::string name, Factory factory,
                                 std::size_t capacity = conformance_subject::unlimited);

/// How a resource is tried.
struct conformance_options {
  unsigned seed = 1;                                      ///< of the random orders; printed with the report
  std::size_t largest_alignment = std::size_t{64} << 10;  ///< of the grid of sizes and alignments
};

/// What the kit found.
struct ALLOT_EXPORT conformance_report {
  /// A promise that was not kept.
  struct finding {
    std::string promise;  ///< the promise broken, one of the names in docs/conformance.md
    std::string detail;   ///< what happened instead, and to which request
  };

  std::string name;                     ///< the subject's
  unsigned seed = 0;                    ///< conformance_options::seed, to see it again
  std::vector<finding> failures;        ///< the first few of each promise
  std::vector<std::string> not_tested;  ///< promises that could not be put to the test, and why
  std::size_t served = 0;               ///< requests served and checked over their whole length
  std::size_t beyond_capacity = 0;      ///< requests refused that the stated capacity does not cover
  std::size_t upstream_failures = 0;    ///< upstream requests that were made to fail
  std::size_t system_failures = 0;      ///< operating system calls that were made to fail

  bool passed() const noexcept { return failures.empty(); }  ///< whether every promise that was tested was kept
  bool broke(const std::string& promise) const;              ///< whether there is a failure under that name
};

/// For people: what was found, and how to see it again.
ALLOT_EXPORT std::ostream& operator<<(std::ostream& out, const conformance_report& report);

/// Checks the promises every resource makes, on fresh instances of the subject:
///
///  - "zero size", "alignment", "distinct blocks", "contents", "capacity": a grid of sizes and alignments, freed in the
///  same, the
///    reverse and a random order, contents checksummed;
///  - "huge size", "exception type": what cannot be served throws something derived from std::bad_alloc and changes
///  nothing;
///  - "upstream pairing", "leak": every block goes back upstream as it came;
///  - "failure": each upstream request, and each system call where there is no upstream, fails in turn: the resource is
///  as before,
///    the upstream's own exception comes through, the next call works, and all goes on as in a twin that never failed;
///  - "release": gives everything back, twice is harmless, and the upstream sees the same again afterwards;
///  - "default resource": is not used after construction;
///  - "equality": is identity;
///  - "containers": those of the standard library work on top;
///  - "vocabulary": where the subject is an allot::resource, its other functions keep their word too.
///
/// Works with any test framework: it returns a report and asserts nothing. Installs another default resource while it
/// runs. A resource that corrupts memory may crash the program, as it would any other.
ALLOT_EXPORT conformance_report check_conformance(const conformance_subject& subject,
                                                  const conformance_options& options = {});

// ---- implementation of the template
// --------------------------------------------------------------------------------------

namespace detail {
template <class T, class = void>
struct has_release : std::false_type {};
template <class T>
struct has_release<T, std::void_t<decltype(std::declval<T&>().release())>> : std::true_type {};
}  // namespace detail

template <class Factory>
conformance_subject make_subject(std::string name, Factory factory, std::size_t capacity) {
  using subject_type = typename std::invoke_result_t<Factory&, std::pmr::memory_resource&>::element_type;
  conformance_subject subject{std::move(name), std::move(factory), capacity, true, {}, true};
  if constexpr (detail::has_release<subject_type>::value)
    subject.release = [](std::pmr::memory_resource& memory) { static_cast<subject_type&>(memory).release(); };
  return subject;
}

}  // namespace allot::testing
