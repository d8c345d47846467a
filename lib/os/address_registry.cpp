#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/fork_mutex.hpp>
#include <allot/os/thread_number.hpp>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "address_ranges.hpp"

namespace allot::os::address_registry {
namespace {

ALLOT_INITIAL_EXEC thread_local const resource* ending_owner = nullptr;
ALLOT_INITIAL_EXEC thread_local const void* asking_in = nullptr;  // the shard ask() has locked on this thread
std::atomic<std::uint64_t> removals{0};
std::atomic<std::uint64_t> takings{0};

/// The calling thread is the last that had the range's owner take memory.
void note_taking(node& at) noexcept {
  at.thread = this_thread_number();
  at.taken = takings.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::uint64_t mixed(std::uint64_t x) noexcept {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
  x *= golden;
  return x ^ x >> 32;
}

/// Nodes that were never used lie in the object, before the system is asked for more.
constexpr std::size_t own_nodes = 24;
constexpr std::size_t most_gone = 16;
constexpr std::size_t fewest_bytes = std::size_t{64} << 10;  // for nodes, from the system; later as many as there are

struct shard {
  node* root;
  gone_range gone[most_gone];  // a ring
  std::uint64_t gone_count;    // all there ever were

  std::atomic<std::size_t> used;  // entries of either kind: 0 needs no look
  std::uint64_t order;
  node* unused;
  std::size_t own_used;
  std::size_t mapped;  // bytes
  fork_mutex mutex;
  node own[own_nodes];

  status make_node(node*& made) noexcept {
    if (unused == nullptr && own_used < own_nodes) {
      made = &own[own_used++];
      return {};
    }
    if (unused == nullptr) {
      if (facts().page_size == 0) return {memory_errc::page_size_unknown, 0};
      const std::size_t bytes = align_up(std::max(fewest_bytes, mapped), facts().page_size);
      const mapping fresh = map(bytes, 1, access::read_write);
      if (!fresh) return fresh.outcome;
      mapped += bytes;
      auto* const nodes = static_cast<node*>(fresh.address);
      for (std::size_t i = bytes / sizeof(node); i-- > 0;) drop_node(nodes[i]);
    }
    made = std::exchange(unused, unused->left);
    return {};
  }
  void drop_node(node& old) noexcept {
    old.left = unused;
    unused = &old;
  }

  void put(node& fresh) noexcept { root = with(root, fresh); }

  void take_out(node& old) noexcept { root = without(root, old); }

  /// What a range has from `begin` on is gone.
  void remember(const node& old, std::uintptr_t begin) noexcept {
    if (old.end == begin || old.owner == nullptr) return;
    gone_range& kept = gone[gone_count++ % most_gone];
    kept.begin = begin;
    kept.end = old.end;
    kept.destroyed = old.owner == ending_owner;
    kept.tag = old.tag;
    kept.tag.stamp = removals.fetch_add(1, std::memory_order_relaxed);
  }

  void bury(node& old) noexcept {
    take_out(old);
    remember(old, old.begin);
    drop_node(old);
  }
};

constexpr std::size_t shard_count = 17;  // the first is for bounded ranges

struct registry {
  shard shards[shard_count];
};

alignas(registry) unsigned char storage[sizeof(registry)];
std::atomic<registry*> instance{nullptr};

/// Never destroyed: resources of static storage duration may be destroyed later than anything here. All but the mutexes
/// is zero from the start.
registry& all() noexcept {
  static registry* const made = [] {
    auto* const here = reinterpret_cast<registry*>(storage);
    for (shard& each : here->shards) ::new (static_cast<void*>(&each.mutex)) fork_mutex;
    instance.store(here, std::memory_order_release);
    return here;
  }();
  return *made;
}

shard& shard_of(const void* begin, bool bounded) noexcept {
  constexpr unsigned top_four = 60;
  static_assert(shard_count == 1 + 16);
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  return all().shards[bounded ? 0 : 1 + (std::uint64_t{address_of(begin)} * golden >> top_four)];
}

bool lock(fork_mutex& mutex, patience wait) noexcept {
  if (wait == patience::as_long_as_it_takes) {
    mutex.lock();
    return true;
  }
  constexpr int tries = 1000;
  for (int i = 0; i < tries; ++i) {
    if (mutex.try_lock()) return true;
    std::this_thread::yield();
  }
  return false;
}

std::string_view kind_of(const label& tag) noexcept { return {tag.kind, tag.kind_size}; }
std::string_view name_of(const label& tag) noexcept {
  return tag.name_size != 0 ? std::string_view(tag.name, tag.name_size) : kind_of(tag);
}

found_range copy_of(const node& at, bool bounded) noexcept {
  return {reinterpret_cast<const void*>(at.begin),
          at.end - at.begin,
          at.owner,
          name_of(at.tag),
          kind_of(at.tag),
          at.shared,
          bounded};
}

/// The ranges around p in one tree, sorted into what was found in others.
struct search {
  std::uintptr_t p;
  findings& into;
  std::array<std::uint64_t, findings::most + 1> order = {};
  std::uint64_t innermost_stamp = 0;
  std::uint64_t gone_stamp = 0;

  void live(const node& at, bool bounded) noexcept {
    const std::size_t bytes = at.end - at.begin;
    std::size_t place = 0;
    while (place < into.count &&
           (into.live[place].bytes < bytes || (into.live[place].bytes == bytes && order[place] > at.order)))
      ++place;
    if (place == findings::most) {
      into.outer_left_out = true;
      return;
    }
    if (into.count == findings::most) {
      into.outer_left_out = true;
      --into.count;
    }
    for (std::size_t i = into.count; i > place; --i) {
      into.live[i] = into.live[i - 1];
      order[i] = order[i - 1];
    }
    into.live[place] = copy_of(at, bounded);
    order[place] = at.order;
    if (place == 0) innermost_stamp = at.tag.stamp;
    ++into.count;
  }

  void gone(const gone_range& at) noexcept {
    if (p < at.begin || p >= at.end || (into.gone.bytes != 0 && at.tag.stamp < gone_stamp)) return;
    into.gone = {reinterpret_cast<const void*>(at.begin), at.end - at.begin, nullptr, name_of(at.tag), kind_of(at.tag)};
    into.destroyed = at.destroyed;
    gone_stamp = at.tag.stamp;
  }

  void in(shard& here, bool bounded) noexcept {
    for_each_around(here.root, p, [&](const node& at) { live(at, bounded); });
    for (std::size_t i = 0; i < std::min<std::uint64_t>(here.gone_count, most_gone); ++i) gone(here.gone[i]);
  }
};

/// Without the lock.
bool is_empty(const shard& here) noexcept { return here.used.load(std::memory_order_relaxed) == 0; }

/// To be called under the lock.
void note_use(shard& here) noexcept { here.used.store(1, std::memory_order_relaxed); }

}  // namespace

status add(const range& added) noexcept {
  shard& here = shard_of(added.begin, added.bounded);
  const std::lock_guard guard(here.mutex);
  node* fresh = nullptr;
  if (const status outcome = here.make_node(fresh); !outcome) return outcome;
  fresh->left = fresh->right = nullptr;
  fresh->begin = address_of(added.begin);
  fresh->end = fresh->begin + added.bytes;
  fresh->owner = added.owner;
  note_taking(*fresh);
  fresh->order = ++here.order;
  fresh->priority = static_cast<std::uint32_t>(mixed(fresh->begin ^ fresh->order << 48));
  fresh->shared = added.shared;
  fresh->tag.kind = added.kind.data();
  fresh->tag.kind_size = static_cast<std::uint32_t>(added.kind.size());
  fresh->tag.stamp = removals.load(std::memory_order_relaxed);
  const std::string_view name = added.owner != nullptr ? added.owner->given_name() : std::string_view();
  fresh->tag.name_size = static_cast<std::uint32_t>(name.size());
  if (!name.empty()) std::memcpy(fresh->tag.name, name.data(), name.size());
  here.put(*fresh);
  note_use(here);
  return {};
}

void remove(const void* begin, const resource* owner, bool bounded) noexcept {
  shard& here = shard_of(begin, bounded);
  const std::lock_guard guard(here.mutex);
  if (node* const old = find_in(here.root, address_of(begin), owner); old != nullptr) here.bury(*old);
}

void remove_all(const resource* owner) noexcept {
  for (shard& here : all().shards) {
    if (is_empty(here)) continue;
    const std::lock_guard guard(here.mutex);
    for (node* old = here.root; old != nullptr;) {
      old = nullptr;
      for_each_of(here.root, [&](node& each) {
        if (each.owner == owner) old = &each;
      });
      if (old != nullptr) here.bury(*old);
    }
  }
}

void resize(const void* begin, const resource* owner, std::size_t bytes) noexcept {
  shard& here = shard_of(begin, false);
  const std::lock_guard guard(here.mutex);
  node* const found = find_in(here.root, address_of(begin), owner);
  if (found == nullptr) return;
  here.take_out(*found);
  const std::uintptr_t end = found->begin + bytes;
  if (end < found->end) {
    here.remember(*found, end);
  } else {
    found->tag.stamp = removals.load(std::memory_order_relaxed);  // what was gone behind it is taken again
    note_taking(*found);
  }
  found->end = end;
  here.put(*found);
}

void note_growth(const void* begin, const resource* owner) noexcept {
  shard& here = shard_of(begin, false);
  const std::lock_guard guard(here.mutex);
  if (node* const found = find_in(here.root, address_of(begin), owner); found != nullptr) note_taking(*found);
}

void hand_over(const void* begin, const resource* from, resource& to) noexcept {
  shard& here = shard_of(begin, false);
  const std::lock_guard guard(here.mutex);
  node* const found = find_in(here.root, address_of(begin), from);
  if (found == nullptr) return;
  found->owner = &to;
  note_taking(*found);
}

void orphan(const void* begin, const resource* owner, std::size_t bytes) noexcept {
  shard& here = shard_of(begin, true);
  const std::lock_guard guard(here.mutex);
  node* const found = find_in(here.root, address_of(begin), owner);
  if (found == nullptr) return;
  here.take_out(*found);
  found->owner = nullptr;
  found->end = found->begin + bytes;
  here.put(*found);
}

ending::ending(const resource& owner) noexcept : before_(std::exchange(ending_owner, &owner)) {}

ending::~ending() { ending_owner = before_; }

findings look(const void* p, patience wait) noexcept {
  findings result;
  registry* const here = instance.load(std::memory_order_acquire);
  if (here == nullptr) return result;
  search searched{address_of(p), result};
  for (shard& each : here->shards) {
    if (is_empty(each)) continue;
    if (!lock(each.mutex, wait)) {
      result.busy = true;
      continue;
    }
    searched.in(each, &each == &here->shards[0]);
    each.mutex.unlock();
  }
  const bool reused =
      result.count != 0 && (searched.gone_stamp < searched.innermost_stamp || result.gone.bytes > result.live[0].bytes);
  if (reused) result.gone = {};
  return result;
}

found_range find(const void* p) noexcept {
  const findings all = look(p);
  return all.count != 0 ? all.live[0] : found_range{};
}

found_range find_bounded(const void* p) noexcept {
  found_range found;
  registry* const here = instance.load(std::memory_order_acquire);
  if (here == nullptr) return found;
  const std::lock_guard guard(here->shards[0].mutex);
  for_each_around(here->shards[0].root, address_of(p), [&](const node& at) {
    if (found.begin == nullptr || at.end - at.begin <= found.bytes) found = copy_of(at, true);
  });
  return found;
}

std::size_t size_of(const void* begin, const resource* owner) noexcept {
  shard& here = shard_of(begin, false);
  const bool locked_already = &here == asking_in;
  if (!locked_already && !lock(here.mutex, patience::little)) return 0;
  const node* const found = find_in(here.root, address_of(begin), owner);
  const std::size_t bytes = found != nullptr ? found->end - found->begin : 0;
  if (!locked_already) here.mutex.unlock();
  return bytes;
}

bool is_used_here(const found_range& found, patience wait) noexcept {
  if (found.shared) return true;
  if (found.owner == nullptr) return false;
  std::uint64_t latest = 0;
  std::uint64_t thread = 0;
  for (shard& here : all().shards) {
    if (is_empty(here)) continue;
    if (!lock(here.mutex, wait)) return false;
    for_each_of(here.root, [&](const node& at) {
      if (at.owner != found.owner || at.taken < latest) return;
      latest = at.taken;
      thread = at.thread;
    });
    here.mutex.unlock();
  }
  return thread == this_thread_number();
}

bool ask(const found_range& found, owner_visitor visitor, patience wait) {
  shard& here = shard_of(found.begin, found.bounded);
  if (!lock(here.mutex, wait)) return false;
  const std::lock_guard guard(here.mutex, std::adopt_lock);
  const node* const there = found.owner != nullptr ? find_in(here.root, address_of(found.begin), found.owner) : nullptr;
  if (there == nullptr) return false;
  const void* const before = std::exchange(asking_in, &here);
  visitor(*there->owner);
  asking_in = before;
  return true;
}

namespace {

/// Owners that were met before, a hash table of addresses with open addressing.
class owners_met {
 public:
  explicit owners_met(std::size_t most) noexcept {
    while (room_ < 2 * most) room_ *= 2;
    const mapping made = map(bytes(), 1, access::read_write);
    if (made) met_ = static_cast<resource**>(made.address);
  }
  ~owners_met() {
    if (met_ != nullptr) (void)release(met_, bytes());
  }
  owners_met(const owners_met&) = delete;
  owners_met& operator=(const owners_met&) = delete;

  bool is_new(resource* owner) noexcept {
    if (met_ == nullptr) return true;
    std::size_t at = static_cast<std::size_t>(mixed(address_of(owner))) & (room_ - 1);
    while (met_[at] != nullptr && met_[at] != owner) at = (at + 1) & (room_ - 1);
    return std::exchange(met_[at], owner) == nullptr;
  }

 private:
  std::size_t bytes() const noexcept { return align_up(room_ * sizeof(resource*), facts().page_size); }

  std::size_t room_ = 64;
  resource** met_ = nullptr;
};

}  // namespace

void for_each_owner(owner_visitor visitor) {
  struct all_locks {
    all_locks() noexcept {
      for (shard& each : all().shards) each.mutex.lock();
    }
    ~all_locks() {
      for (shard& each : all().shards) each.mutex.unlock();
    }
  };
  const all_locks locked;
  std::size_t count = 0;
  for (const shard& each : all().shards) for_each_of(each.root, [&](const node&) { ++count; });
  owners_met met(count);
  for (const shard& each : all().shards)
    for_each_of(each.root, [&](const node& at) {
      if (at.owner != nullptr && met.is_new(at.owner)) visitor(*at.owner);
    });
}

// ---- for debuggers

/// Where everything is, in bytes from where it lies, so that a script needs no debug information.
struct debugger_view {
  char magic[16];
  const unsigned char* shards;
  std::uint32_t version;
  std::uint32_t shard_count, shard_size, root, gone, gone_count, most_gone;
  std::uint32_t left, right, begin, end, owner, order, tag;
  std::uint32_t gone_size, gone_begin, gone_end, gone_destroyed, gone_tag;
  std::uint32_t kind, stamp, kind_size, name_size, name;
};

}  // namespace allot::os::address_registry

extern "C" {
/// Debuggers look it up by this name.
ALLOT_EXPORT extern const allot::os::address_registry::debugger_view allot_address_registry;
using namespace allot::os::address_registry;
const debugger_view allot_address_registry = {
    "allot registry",
    storage,
    1,
    shard_count,
    sizeof(shard),
    offsetof(shard, root),
    offsetof(shard, gone),
    offsetof(shard, gone_count),
    most_gone,
    offsetof(node, left),
    offsetof(node, right),
    offsetof(node, begin),
    offsetof(node, end),
    offsetof(node, owner),
    offsetof(node, order),
    offsetof(node, tag),
    sizeof(gone_range),
    offsetof(gone_range, begin),
    offsetof(gone_range, end),
    offsetof(gone_range, destroyed),
    offsetof(gone_range, tag),
    offsetof(label, kind),
    offsetof(label, stamp),
    offsetof(label, kind_size),
    offsetof(label, name_size),
    offsetof(label, name),
};
}
