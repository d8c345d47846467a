// The conformance kit on memory resources that are not ours, each in a process of its own because some do not survive
// it. Prints a Markdown table for docs/conformance.md.

#include <unistd.h>

#include <allot/testing/conformance.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <memory_resource>
#include <new>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#if __has_include(<boost/container/pmr/monotonic_buffer_resource.hpp>)
#define SURVEYS_BOOST 1
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

// ---- what was going on when a signal came

/// The call the kit is in, and what went before it, for the signal handler.
struct progress {
  const char* call = "";
  std::size_t bytes = 0;
  std::size_t alignment = 0;
  unsigned refusals = 0;            // of the upstream, since the instance was made
  bool refused_in_this_call = false;

  void enter(const char* name, std::size_t b = 0, std::size_t a = 0) {
    call = name;
    bytes = b;
    alignment = a;
    refused_in_this_call = false;
  }
};
progress now;

extern "C" void tell_progress(int signal) {
  std::array<char, 300> line{};
  int length = std::snprintf(line.data(), line.size(), "during\t%s", now.call);
  const auto add = [&](auto... parts) {
    const auto at = static_cast<std::size_t>(length);
    length += std::snprintf(line.data() + at, line.size() - at, parts...);
  };
  if (now.alignment != 0) add("(%zu, %zu)", now.bytes, now.alignment);
  if (now.refused_in_this_call)
    add("%s", ", after the upstream refused a request of this call");
  else if (now.refusals != 0)
    add(", after the upstream refused %u request%s of earlier calls", now.refusals, now.refusals == 1 ? "" : "s");
  else
    add("%s", "; the upstream had refused nothing");
  add("%s", "\n");
  if (::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(length)) < 0) std::_Exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void watch_signals() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) std::signal(signal, tell_progress);
}

// ---- bridges between the kit and the surveyed

template <class Base>
class upstream_bridge final : public Base {
 public:
  explicit upstream_bridge(std::pmr::memory_resource& upstream) : upstream_(upstream) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    try {
      return upstream_.allocate(bytes, alignment);
    } catch (...) {
      ++now.refusals;
      now.refused_in_this_call = true;
      throw;
    }
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const Base& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource& upstream_;
};

/// A resource derived from std::pmr::memory_resource or its Boost namesake, as the kit takes it. Adds and hides
/// nothing.
template <class Resource, class Base>
class surveyed final : public std::pmr::memory_resource {
 public:
  explicit surveyed(std::pmr::memory_resource& upstream) : upstream_(upstream) {
    now.refusals = 0;
    resource_ = std::make_unique<Resource>(&upstream_);
  }
  ~surveyed() override {
    now.enter("the destructor");
    resource_.reset();
  }

  void release() {
    now.enter("release()");
    resource_->release();
  }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    now.enter("allocate", bytes, alignment);
    return resource_->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    now.enter("deallocate", bytes, alignment);
    resource_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same_kind = dynamic_cast<const surveyed*>(&other);
    return same_kind != nullptr && resource_->is_equal(*same_kind->resource_);
  }

  upstream_bridge<Base> upstream_;
  std::unique_ptr<Resource> resource_;
};

template <class Resource, class Base>
conformance_subject subject_of(std::string name) {
  return allot::testing::make_subject(std::move(name), [](std::pmr::memory_resource& upstream) {
    return std::make_unique<surveyed<Resource, Base>>(upstream);
  });
}

template <class Resource>
conformance_subject standard(const char* name) {
  return subject_of<Resource, std::pmr::memory_resource>(std::string("std::pmr::") + name);
}

/// There is one new_delete_resource, without state: instances are names for it, told apart by the kit only.
class names_for_new_delete final : public std::pmr::memory_resource {
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

std::vector<conformance_subject> subjects() {
  std::vector<conformance_subject> all;
  auto new_delete = allot::testing::make_subject(
      "std::pmr::new_delete_resource", [](std::pmr::memory_resource&) { return std::make_unique<names_for_new_delete>(); });
  new_delete.frees_at_destruction = false;
  all.push_back(new_delete);
  all.push_back(standard<std::pmr::monotonic_buffer_resource>("monotonic_buffer_resource"));
  all.push_back(standard<std::pmr::unsynchronized_pool_resource>("unsynchronized_pool_resource"));
  all.push_back(standard<std::pmr::synchronized_pool_resource>("synchronized_pool_resource"));
#if defined(SURVEYS_BOOST)
  namespace bpmr = boost::container::pmr;
  all.push_back(subject_of<bpmr::monotonic_buffer_resource, bpmr::memory_resource>("boost monotonic_buffer_resource"));
  all.push_back(
      subject_of<bpmr::unsynchronized_pool_resource, bpmr::memory_resource>("boost unsynchronized_pool_resource"));
  all.push_back(subject_of<bpmr::synchronized_pool_resource, bpmr::memory_resource>("boost synchronized_pool_resource"));
#endif
  return all;
}

}  // namespace

int main(int, char** argv) {
  allot::test::set_program(argv[0]);
  for (const auto& s : subjects())
    allot::test::child_program(s.name, [s] { watch_signals(); std::cerr << allot::testing::check_conformance(s); });
  if (allot::test::is_child()) return allot::test::child_main();
  for (const auto& s : subjects()) {
    auto o = allot::test::run_child(s.name);
    std::cout << s.name << " exit " << o.exit_code << " signal " << o.signal << "\n" << o.output << "\n";
  }
}
