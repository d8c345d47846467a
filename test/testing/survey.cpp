// The conformance kit on memory resources that are not ours, each in a process of its own because some do not survive
// it. Prints the table of docs/conformance.md.

#include <unistd.h>

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/resource.hpp>
#include <allot/testing/conformance.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#if defined(ALLOT_SURVEYS_BOOST)
#include <boost/container/pmr/memory_resource.hpp>
#include <boost/container/pmr/monotonic_buffer_resource.hpp>
#include <boost/container/pmr/synchronized_pool_resource.hpp>
#include <boost/container/pmr/unsynchronized_pool_resource.hpp>
#include <boost/version.hpp>
#endif

#include "support/child.hpp"

namespace {

using allot::testing::conformance_report;
using allot::testing::conformance_subject;

// ---- what goes on when a signal comes

/// The call a surveyed resource is in, and what its upstream refused, for the signal handler.
struct progress {
  const char* call = "no call";
  std::size_t bytes = 0;
  std::size_t alignment = 0;    // 0: the call has no numbers
  unsigned asked = 0;           // of the upstream, in this call
  unsigned refused = 0;         // 0 or which of these was refused last
  bool refused_before = false;  // in an earlier call of the instance

  void enter(const char* name, std::size_t with_bytes = 0, std::size_t with_alignment = 0) {
    refused_before = refused_before || refused != 0;
    call = name;
    bytes = with_bytes;
    alignment = with_alignment;
    asked = refused = 0;
  }
};
progress now;

// Not what a signal handler may do, but there is nothing left to lose.
extern "C" void tell_progress(int signal) {
  std::array<char, 200> call{};
  std::array<char, 100> refusal{};
  if (now.alignment != 0)
    std::snprintf(call.data(), call.size(), "in %s(%zu, %zu)", now.call, now.bytes, now.alignment);
  else
    std::snprintf(call.data(), call.size(), "in %s", now.call);
  if (now.refused != 0)
    std::snprintf(refusal.data(), refusal.size(), ", whose upstream request no. %u was refused", now.refused);
  else
    std::snprintf(
        refusal.data(), refusal.size(),
        now.refused_before ? ", after an earlier call was refused upstream" : ", nothing was refused upstream");
  std::fprintf(stderr, "ended\t%s%s\n", call.data(), refusal.data());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void watch_signals() {
  constexpr unsigned most_seconds = 300;
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) std::signal(signal, tell_progress);
  ::alarm(most_seconds);
}

// ---- bridges between the kit and the surveyed

/// What the kit's requests are spared, to see how a resource fares otherwise.
struct mercy {
  bool upstream_failures = false;  ///< the injected ones; what is too large is refused all the same
  bool unusual_requests = false;   ///< 0 bytes become 1, and the bridge aligns inside a larger block beyond max_align_t
};

/// The kit's upstream as a memory_resource of the surveyed library.
template <class Base>
class upstream_bridge final : public Base {
 public:
  upstream_bridge(std::pmr::memory_resource& upstream, bool without_failures)
      : upstream_(without_failures ? *allot::as_resource(&upstream)->upstream() : upstream) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++now.asked;
    try {
      return upstream_.allocate(bytes, alignment);
    } catch (...) {
      now.refused = now.asked;
      throw;
    }
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const Base& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource& upstream_;
};

/// A resource derived from Base, std::pmr::memory_resource or its Boost namesake, as the kit takes it.
template <class Resource, class Base>
class surveyed final : public std::pmr::memory_resource {
 public:
  surveyed(std::pmr::memory_resource& upstream, mercy spared)
      : spared_(spared), upstream_(upstream, spared.upstream_failures) {
    now = {};
    now.enter("the constructor");
    resource_.emplace(&upstream_);
  }
  ~surveyed() override {
    now.enter("the destructor");
    resource_.reset();
  }

  void release() {
    now.enter("release()");
    resource_->release();
    over_aligned_.clear();
  }

 private:
  struct larger_block {
    void* start;
    std::size_t bytes;
  };
  static constexpr std::size_t natural = alignof(std::max_align_t);

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    now.enter("allocate", bytes, alignment);
    if (spared_.unusual_requests) bytes = std::max<std::size_t>(bytes, 1);
    if (!spared_.unusual_requests || alignment <= natural) return resource_->allocate(bytes, alignment);
    larger_block larger{nullptr, 0};
    if (!allot::checked_add(bytes, alignment, larger.bytes)) throw std::bad_alloc();
    larger.start = resource_->allocate(larger.bytes, natural);
    void* const p =
        static_cast<std::byte*>(larger.start) + allot::padding_for(allot::address_of(larger.start), alignment);
    over_aligned_[p] = larger;
    return p;
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    now.enter("deallocate", bytes, alignment);
    if (spared_.unusual_requests) bytes = std::max<std::size_t>(bytes, 1);
    if (!spared_.unusual_requests || alignment <= natural) return resource_->deallocate(p, bytes, alignment);
    const auto found = over_aligned_.find(p);
    const larger_block larger = found->second;
    over_aligned_.erase(found);
    resource_->deallocate(larger.start, larger.bytes, natural);
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same_kind = dynamic_cast<const surveyed*>(&other);
    return same_kind != nullptr && resource_->is_equal(*same_kind->resource_);
  }

  mercy spared_;
  upstream_bridge<Base> upstream_;
  std::optional<Resource> resource_;
  std::map<void*, larger_block> over_aligned_;
};

/// There is one new_delete_resource, and it has no state: these are names for it, told apart by the kit only.
class name_of_new_delete final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    now.enter("allocate", bytes, alignment);
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    now.enter("deallocate", bytes, alignment);
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

// ---- who is surveyed

template <class Resource, class Base>
conformance_subject subject(std::string name, mercy spared) {
  if (spared.unusual_requests) name += ", without 0 bytes and over-alignment";
  if (spared.upstream_failures) name += ", without injected upstream failures";
  return allot::testing::make_subject(std::move(name), [spared](std::pmr::memory_resource& upstream) {
    return std::make_unique<surveyed<Resource, Base>>(upstream, spared);
  });
}

constexpr mercy none{};

conformance_subject new_delete() {
  auto made = allot::testing::make_subject("std::pmr::new_delete_resource", [](std::pmr::memory_resource&) {
    return std::make_unique<name_of_new_delete>();
  });
  made.frees_at_destruction = false;
  return made;
}

template <class Resource>
conformance_subject of_std(const std::string& name, mercy spared) {
  return subject<Resource, std::pmr::memory_resource>("std::pmr::" + name, spared);
}

std::vector<conformance_subject> subjects() {
  constexpr mercy no_failures{true, false};
  std::vector<conformance_subject> all{
      new_delete(),
      of_std<std::pmr::monotonic_buffer_resource>("monotonic_buffer_resource", none),
      of_std<std::pmr::unsynchronized_pool_resource>("unsynchronized_pool_resource", none),
      of_std<std::pmr::unsynchronized_pool_resource>("unsynchronized_pool_resource", no_failures),
      of_std<std::pmr::synchronized_pool_resource>("synchronized_pool_resource", none),
      of_std<std::pmr::synchronized_pool_resource>("synchronized_pool_resource", no_failures),
  };
#if defined(ALLOT_SURVEYS_BOOST)
  namespace theirs = boost::container::pmr;
  constexpr mercy usual_requests{false, true};
  for (const mercy spared : {none, usual_requests}) {
    all.push_back(subject<theirs::monotonic_buffer_resource, theirs::memory_resource>(
        "boost::container::pmr::monotonic_buffer_resource", spared));
    all.push_back(subject<theirs::unsynchronized_pool_resource, theirs::memory_resource>(
        "boost::container::pmr::unsynchronized_pool_resource", spared));
    all.push_back(subject<theirs::synchronized_pool_resource, theirs::memory_resource>(
        "boost::container::pmr::synchronized_pool_resource", spared));
  }
#endif
  return all;
}

// ---- the child checks and reports in lines, the parent makes the table

/// One line for each promise broken, with the first detail.
void check_and_report(const conformance_subject& resource) {
  watch_signals();
  const conformance_report report = allot::testing::check_conformance(resource);
  std::set<std::string> told;
  for (const auto& [promise, detail] : report.failures)
    if (told.insert(promise).second) std::cerr << "broken\t" << promise << ": " << detail << '\n';
  std::cerr << "injected\t" << report.upstream_failures << '\n';
}

/// Of addresses only what is the same in every run: how they are aligned, where that counts.
std::string without_addresses(std::string finding) {
  const bool counts = finding.rfind("alignment:", 0) == 0;
  for (std::size_t at = 0; (at = finding.find("0x", at)) != std::string::npos; ++at) {
    const std::size_t end = std::min(finding.find_first_not_of("0123456789abcdef", at + 2), finding.size());
    const std::string last_digits = finding.substr(std::max(at + 2, end - 2), 2);
    finding.replace(at, end - at, counts ? "0x.." + last_digits : "a pointer");
  }
  return finding;
}

std::string row_for(const conformance_subject& resource) {
  const allot::test::child_outcome outcome = allot::test::run_child(resource.name);
  std::string broken;
  std::string ended;
  std::string injected = "-";
  std::istringstream lines(outcome.output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::string key = line.substr(0, tab);
    const std::string value = line.substr(tab + 1);
    if (key == "broken") broken.append(broken.empty() ? "" : "<br>").append(without_addresses(value));
    if (key == "injected") injected = value;
    if (key == "ended") ended = value;
  }

  std::string verdict = broken.empty() ? "conforms" : "does not conform";
  if (outcome.signal != 0) verdict = std::string("ended by signal: ") + ::strsignal(outcome.signal);
  if (outcome.signal == 0 && outcome.exit_code != 0) verdict = "ended, exit code " + std::to_string(outcome.exit_code);
  if (!ended.empty()) broken = ended;
  return "| " + resource.name + " | " + verdict + " | " + (broken.empty() ? "-" : broken) + " | " + injected + " |\n";
}

void print_versions() {
  std::cout << "Compiled by "
#if defined(__clang__)
            << "clang " << __clang_major__ << '.' << __clang_minor__
#elif defined(__GNUC__)
            << "GCC " << __GNUC__ << '.' << __GNUC_MINOR__
#endif
#if defined(_GLIBCXX_RELEASE)
            << ", libstdc++ of GCC " << _GLIBCXX_RELEASE << " (" << __GLIBCXX__ << ')'
#elif defined(_LIBCPP_VERSION)
            << ", libc++ " << _LIBCPP_VERSION
#endif
#if defined(ALLOT_SURVEYS_BOOST)
            << ", Boost " << BOOST_VERSION / 100000 << '.' << BOOST_VERSION / 100 % 1000
#endif
            << ".\n\n";
}

}  // namespace

int main(int argc, char** argv) {
  allot::test::set_program(argc, argv);
  const std::vector<conformance_subject> all = subjects();
  for (const conformance_subject& resource : all)
    const allot::test::child_program child(resource.name, [resource] { check_and_report(resource); });
  if (allot::test::is_child()) return allot::test::child_main();

  print_versions();
  std::cout << "| resource | verdict | promises broken, with the first detail of each | upstream failures injected |\n"
            << "|---|---|---|---|\n";
  for (const conformance_subject& resource : all) std::cout << row_for(resource) << std::flush;
}
