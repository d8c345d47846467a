#include <algorithm>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/misuse.hpp>

namespace allot {
namespace {

/// A handler that runs on this thread.
class handler_call {
 public:
  explicit handler_call(const limiting_resource& resource) noexcept : resource_(resource), outer_(innermost) {
    innermost = this;
  }
  ~handler_call() { innermost = outer_; }
  handler_call(const handler_call&) = delete;
  handler_call& operator=(const handler_call&) = delete;

  static bool runs_for(const limiting_resource& resource) noexcept {
    for (const handler_call* call = innermost; call != nullptr; call = call->outer_)
      if (&call->resource_ == &resource) return true;
    return false;
  }

 private:
  ALLOT_INITIAL_EXEC static thread_local const handler_call* innermost;

  const limiting_resource& resource_;
  const handler_call* const outer_;
};

ALLOT_INITIAL_EXEC thread_local const handler_call* handler_call::innermost = nullptr;

}  // namespace

limiting_resource::limiting_resource(upstream_ref upstream, const limiting_options& options) noexcept
    : metered_resource(upstream, options.name),
      limit_(options.limit),
      soft_limit_(std::min(options.soft_limit, options.limit)),
      handler_(options.handler),
      handler_context_(options.handler_context) {}

limiting_resource::~limiting_resource() = default;

// ---- the count

bool limiting_resource::take_below(std::size_t bytes, std::size_t limit) noexcept {
  std::size_t before = taken_.load(std::memory_order_relaxed);
  do {
    if (before > limit || bytes > limit - before) return false;
  } while (!taken_.compare_exchange_weak(before, before + bytes, std::memory_order_relaxed));
  return true;
}

void limiting_resource::give_back(std::size_t bytes) noexcept {
  std::size_t before = taken_.load(std::memory_order_relaxed);
  do {
    if (bytes > before) return report_misuse({misuse_kind::wrong_size, name(), nullptr, bytes, before, true, false});
  } while (!taken_.compare_exchange_weak(before, before - bytes, std::memory_order_relaxed));
  if (handler_ != nullptr) frees_.fetch_add(1, std::memory_order_relaxed);
}

/// Counts the bytes, if the limits and the handler let it.
bool limiting_resource::take(std::size_t bytes) {
  return ALLOT_LIKELY(take_below(bytes, soft_limit_)) || take_under_pressure(bytes);
}

ALLOT_NEVER_INLINE bool limiting_resource::take_under_pressure(std::size_t bytes) {
  const bool in_vain = bytes > limit_ - std::min(limit_, reserved_bytes());
  if (handler_ == nullptr || in_vain || handler_call::runs_for(*this)) return take_below(bytes, limit_);
  for (;;) {
    const std::size_t taken = taken_.load(std::memory_order_relaxed);
    const std::size_t frees = frees_.load(std::memory_order_relaxed);
    bool again = false;
    {
      const handler_call running(*this);
      again = handler_({bytes, taken, soft_limit_, limit_}, handler_context_);
    }
    if (!again || frees_.load(std::memory_order_relaxed) == frees) return take_below(bytes, limit_);
    if (take_below(bytes, soft_limit_)) return true;
  }
}

void limiting_resource::refuse(std::size_t bytes, std::size_t alignment) const {
  throw allocation_error({memory_errc::limit_reached, name(), bytes, alignment, limit_});
}

std::size_t limiting_resource::reserved_bytes() const noexcept { return reserved_.load(std::memory_order_relaxed); }

std::size_t limiting_resource::live_bytes() const noexcept {
  const std::size_t taken = taken_.load(std::memory_order_relaxed);
  return taken - std::min(taken, reserved_bytes());
}

std::size_t limiting_resource::available() const noexcept {
  return std::min(adaptor_resource::available(), remaining());
}

void limiting_resource::release() noexcept {
  adaptor_resource::release();
  if (!can_release()) return;
  taken_.store(reserved_bytes(), std::memory_order_relaxed);
}

}  // namespace allot
