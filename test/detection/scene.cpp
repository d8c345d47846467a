#include "detection/scene.hpp"

#include <unistd.h>

#include <allot/core/resource.hpp>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace allot::detection {
namespace {

/// Small sizes whose blocks have no bytes to spare, and some that have, in most allocators.
constexpr std::array<std::size_t, 6> sizes{24, 64, 13, 256, 100, 1000};

unsigned char* opaque(void* p) {
  asm volatile("" : "+r"(p) : : "memory");
  return static_cast<unsigned char*>(p);
}

}  // namespace

scene::scene(const candidate& of, std::size_t turn, bool synchronized)
    : of_(of),
      turn_(turn),
      heap_(make_heap(of.level, synchronized)),
      other_heap_(make_heap(of.level ? of.level : secure_level::hardened)) {
  for (unsigned char*& p : around_) p = block();
  // Some go, so that there is free memory among what is used.
  for (std::size_t i = 0; i < around_.size(); i += 4) {
    free(around_[i]);
    around_[i] = nullptr;
  }
}

std::size_t scene::bytes() const { return sizes[turn_ % sizes.size()]; }

unsigned char* scene::block(std::size_t bytes) {
  unsigned char* const p = opaque(heap_->allocate(bytes, alignment));
  std::memset(p, secret, bytes);
  return opaque(p);
}

outcome scene::write(unsigned char* p, std::size_t bytes, std::ptrdiff_t offset, bool zero) {
  volatile unsigned char* const at = p + offset;
  const std::size_t usable = usable_bytes(of_, p, bytes);
  bool changed = true;
  access([&] {
    const unsigned char before = *at;
    changed = !zero || before != 0;
    *at = zero ? 0 : before ^ 0x41;
  });
  if (!changed) return outcome::harmless;
  return offset >= 0 && static_cast<std::size_t>(offset) < usable ? outcome::slack : outcome::missed;
}

outcome scene::read(const unsigned char* p, std::size_t bytes) {
  bool zero = true;
  access([&] {
    for (std::size_t i = 0; i < bytes; ++i) zero = *static_cast<const volatile unsigned char*>(p + i) == 0 && zero;
  });
  return zero ? outcome::harmless : outcome::missed;
}

void scene::churn(std::size_t pairs) {
  for (std::size_t i = 0; i < pairs; ++i) free(block());
}

void scene::settle() {
  for (unsigned char*& p : around_)
    if (p != nullptr) free(std::exchange(p, nullptr));
  churn(200);
  if (const resource* const ours = as_resource(heap_.get())) ours->check();
  heap_.reset();
}

void scene::say(char letter) {
  if (::write(STDOUT_FILENO, &letter, 1) != 1) std::_Exit(EXIT_FAILURE);
}

}  // namespace allot::detection
