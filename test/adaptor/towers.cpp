#include "adaptor/towers.hpp"

#include <algorithm>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/fallback_resource.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/resource_from_allocator.hpp>
#include <allot/adaptor/sampling_guard_resource.hpp>
#include <allot/adaptor/size_routing_resource.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/adaptor/zeroing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/secure_scratch.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <utility>

#include "support/machine.hpp"

namespace allot::test {
namespace {

using std::pmr::memory_resource;

template <class Resource>
ground plain(const char* name, bool keeps_cache_when_refused = true) {
  return {name, [](memory_resource&) { return std::make_unique<Resource>(); }, testing::conformance_subject::unlimited,
          keeps_cache_when_refused};
}

template <class Pool>
ground pool_over_upstream(const char* name) {
  return {name, [](memory_resource& upstream) { return std::make_unique<Pool>(&upstream); }};
}

// Grounds that are full some time: adaptors may take several times as much of them as is asked of the tower.
constexpr std::size_t small_capacity = std::size_t{8} << 20;
constexpr std::size_t small_memory = 8 * small_capacity;

/// A slice, with its budget.
struct budgeted {
  static memory_budget_options all_of_it() {
    memory_budget_options options;
    options.permanent = small_memory + (std::size_t{1} << 20);
    options.check_available = false;
    return options;
  }

  memory_budget budget{all_of_it()};
  budget_slice slice = budget.permanent("slice", small_memory);
};

/// A reservation, with the limit it is a part of.
struct reserved {
  explicit reserved(upstream_ref on) : limited(on) {}

  limiting_resource limited;
  limit_reservation part = limited.reserve(test::two_to(40));
};

/// Events go nowhere.
class deaf_sink final : public event_sink {
  void write(const memory_event&) override {}
};

template <class Adaptor, class... Options>
storey over(const char* name, Options... options) {
  return {name, [=](upstream_ref on, memory_resource&) { return std::make_unique<Adaptor>(on, options...); }};
}

limiting_options generous() {
  limiting_options options;
  options.limit = limiting_options::no_limit / 4;
  return options;
}

statistics_options concurrent() {
  statistics_options options;
  options.concurrent = true;
  return options;
}

zeroing_options zero_at(zeroing_options::moment when) {
  zeroing_options options;
  options.when = when;
  return options;
}

sampling_guard_options now_and_then() {
  sampling_guard_options options;
  options.seed = 1;
  return options;
}

/// What the storeys stand on, and they; destroyed from the top.
struct stack {
  std::shared_ptr<memory_resource> below;
  std::vector<std::shared_ptr<resource>> above;

  stack() = default;
  stack(stack&&) = default;
  stack& operator=(stack&&) = delete;
  ~stack() {
    while (!above.empty()) above.pop_back();
  }
};

/// The storeys, with what they stand on.
class owned_tower final : private stack, public adaptor_resource {
 public:
  explicit owned_tower(stack&& parts) : stack(std::move(parts)), adaptor_resource(*above.back()) {}

  std::string_view kind() const noexcept override { return "tower"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_deallocate(p, bytes, alignment);
  }
};

std::string name_of_tower(const std::vector<storey>& above, std::string below) {
  std::string name;
  for (std::size_t i = above.size(); i-- > 0;) name += above[i].name + " over ";
  return name + std::move(below);
}

bool keep_caches(const std::vector<storey>& above) {
  return std::all_of(above.begin(), above.end(), [](const storey& each) { return each.keeps_cache_when_refused; });
}

void build(stack& parts, const std::vector<storey>& above, memory_resource& lowest, memory_resource& beside) {
  for (const storey& each : above) {
    const upstream_ref on = parts.above.empty() ? upstream_ref(lowest) : upstream_ref(*parts.above.back());
    parts.above.push_back(each.make(on, beside));
  }
}

}  // namespace

const std::vector<ground>& grounds() {
  static const std::vector<ground> all{
      plain<page_resource>("page_resource"),
      plain<guarded_page_resource>("guarded_page_resource"),
      plain<reserving_resource>("reserving_resource", false),
      {"budget_slice",
       [](memory_resource&) {
         const auto made = std::make_shared<budgeted>();
         return std::shared_ptr<memory_resource>(made, &made->slice);
       },
       small_capacity},
      {"monotonic_arena", [](memory_resource&) { return std::make_unique<monotonic_arena>(); }, small_capacity},
      {"local_arena", [](memory_resource&) { return std::make_unique<local_arena<small_memory>>(); }, small_capacity},
      pool_over_upstream<chained_arena>("chained_arena"),
      plain<scratch_pair>("scratch_pair"),
      pool_over_upstream<pool_resource>("pool_resource"),
      pool_over_upstream<concurrent_pool>("concurrent_pool"),
      plain<coalescing_heap>("coalescing_heap"),
      plain<general_resource>("general_resource", false),
      plain<concurrent_general_resource>("concurrent_general_resource", false),
      plain<secure_resource>("secure_resource"),
      plain<synchronized_secure_resource>("synchronized_secure_resource"),
      {"secure_scratch",
       [](memory_resource&) {
         secure_scratch_options options;
         options.bytes = small_memory;
         return std::make_unique<secure_scratch>(options);
       },
       small_capacity},
      pool_over_upstream<std::pmr::monotonic_buffer_resource>("std::pmr::monotonic_buffer_resource"),
  };
  return all;
}

const std::vector<storey>& storeys() {
  static deaf_sink deaf;
  static const std::vector<storey> all{
      {"synchronized_resource",
       [](upstream_ref on, memory_resource&) { return std::make_unique<synchronized_resource<>>(on.any()); }},
      {"statistics_resource",
       [](upstream_ref on, memory_resource&) { return std::make_unique<statistics_resource>(on); }, true, false},
      over<statistics_resource>("statistics_resource, concurrent", concurrent()),
      over<limiting_resource>("limiting_resource", generous()),
      {"limit_reservation",
       [](upstream_ref on, memory_resource&) {
         const auto made = std::make_shared<reserved>(on);
         return std::shared_ptr<resource>(made, &made->part);
       }},
      {"fallback_resource",
       [](upstream_ref on, memory_resource& beside) {
         return std::make_unique<fallback_resource>(std::initializer_list<upstream_ref>{on, beside});
       }},
      {"fallback_resource, second",
       [](upstream_ref on, memory_resource&) {
         return std::make_unique<fallback_resource>(
             std::initializer_list<upstream_ref>{*std::pmr::null_memory_resource(), on});
       }},
      {"size_routing_resource",
       [](upstream_ref on, memory_resource& beside) {
         return std::make_unique<size_routing_resource>(std::initializer_list<size_route>{{on, 200, 64}}, beside);
       }},
      over<zeroing_resource>("zeroing_resource"),
      over<zeroing_resource>("zeroing_resource, when freed", zero_at(zeroing_options::moment::deallocate)),
      over<zeroing_resource>("zeroing_resource, both", zero_at(zeroing_options::moment::both)),
      {"tracing_resource",
       [](upstream_ref on, memory_resource&) { return std::make_unique<tracing_resource>(on, deaf); }},
      {"debug_resource", [](upstream_ref on, memory_resource&) { return std::make_unique<debug_resource>(on); }, false},
      over<sampling_guard_resource>("sampling_guard_resource", now_and_then()),
      {"resource_from_allocator",
       [](upstream_ref on, memory_resource&) {
         using allocator = std::pmr::polymorphic_allocator<std::byte>;
         return std::make_unique<resource_from_allocator<allocator>>(allocator(&on.any()));
       }},
  };
  return all;
}

testing::conformance_subject tower(const ground& below, const std::vector<storey>& above) {
  auto subject = testing::make_subject(
      name_of_tower(above, below.name),
      [below, above](memory_resource& upstream) {
        stack parts;
        parts.below = below.make(upstream);
        build(parts, above, *parts.below, upstream);
        return std::make_unique<owned_tower>(std::move(parts));
      },
      below.capacity);
  subject.frees_at_destruction = false;
  subject.keeps_cache_when_refused = below.keeps_cache_when_refused && keep_caches(above);
  return subject;
}

testing::conformance_subject tower(const std::vector<storey>& above) {
  auto subject = testing::make_subject(name_of_tower(above, "a foreign resource"), [above](memory_resource& upstream) {
    stack parts;
    build(parts, above, upstream, upstream);
    return std::make_unique<owned_tower>(std::move(parts));
  });
  subject.frees_at_destruction = false;
  subject.keeps_cache_when_refused = keep_caches(above);
  return subject;
}

}  // namespace allot::test
