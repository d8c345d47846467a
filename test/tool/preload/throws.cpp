// operator new and delete in all their forms, and what becomes of them when there is no memory.

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "expect.h"

namespace {

/// Of values that a compiler does not see through: it leaves out what it can prove to be freed again.
template <class T>
T hidden(T value) {
  volatile T seen = value;
  return seen;
}

constexpr std::align_val_t wide{256};
const std::size_t too_much = hidden(PTRDIFF_MAX - std::size_t{100000});

void use(void* p, std::size_t bytes, std::size_t alignment = 16) {
  EXPECT(p != nullptr && reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
  std::memset(hidden(p), 1, bytes);
}

void all_forms() {
  for (std::size_t bytes = 1; bytes < 3000000; bytes = bytes * 3 + 1) {
    void* p = ::operator new(bytes);
    use(p, bytes);
    ::operator delete(p);
    use(p = ::operator new(bytes), bytes);
    ::operator delete(p, bytes);
    use(p = ::operator new(bytes, std::nothrow), bytes);
    ::operator delete(p, std::nothrow);
    use(p = ::operator new[](bytes), bytes);
    ::operator delete[](p);
    use(p = ::operator new[](bytes), bytes);
    ::operator delete[](p, bytes);
    use(p = ::operator new[](bytes, std::nothrow), bytes);
    ::operator delete[](p, std::nothrow);
    use(p = ::operator new(bytes, wide), bytes, 256);
    ::operator delete(p, wide);
    use(p = ::operator new(bytes, wide), bytes, 256);
    ::operator delete(p, bytes, wide);
    use(p = ::operator new(bytes, wide, std::nothrow), bytes, 256);
    ::operator delete(p, wide, std::nothrow);
    use(p = ::operator new[](bytes, wide), bytes, 256);
    ::operator delete[](p, wide);
    use(p = ::operator new[](bytes, wide), bytes, 256);
    ::operator delete[](p, bytes, wide);
    use(p = ::operator new[](bytes, wide, std::nothrow), bytes, 256);
    ::operator delete[](p, wide, std::nothrow);
  }
  void* const a = ::operator new(hidden(std::size_t{0}));
  void* const b = ::operator new(hidden(std::size_t{0}));
  EXPECT(a != nullptr && b != nullptr && a != b);
  ::operator delete(a);
  ::operator delete (b, std::size_t{0});
  ::operator delete(hidden(static_cast<void*>(nullptr)));
}

template <class Call>
bool throws_bad_alloc(Call call) {
  try {
    use(call(), 1);
  } catch (const std::bad_alloc& error) {
    return std::string(error.what()).find("alloc") != std::string::npos;
  }
  return false;
}

void failures() {
  EXPECT(throws_bad_alloc([] { return ::operator new(too_much); }));
  EXPECT(throws_bad_alloc([] { return ::operator new[](too_much); }));
  EXPECT(throws_bad_alloc([] { return ::operator new(too_much, wide); }));
  EXPECT(throws_bad_alloc([] { return ::operator new[](too_much, wide); }));
  EXPECT(throws_bad_alloc([] { return new char[too_much]; }));
  EXPECT(::operator new(too_much, std::nothrow) == nullptr);
  EXPECT(::operator new[](too_much, std::nothrow) == nullptr);
  EXPECT(::operator new(too_much, wide, std::nothrow) == nullptr);
  EXPECT(::operator new[](too_much, wide, std::nothrow) == nullptr);
  EXPECT(std::uncaught_exceptions() == 0);
  EXPECT(std::current_exception() == nullptr);
  try {
    throw 5;
  } catch (int) {  // while another is handled
    EXPECT(::operator new(too_much, std::nothrow) == nullptr);
    EXPECT(throws_bad_alloc([] { return ::operator new(too_much); }));
    try {
      std::rethrow_exception(std::current_exception());
    } catch (int still) {
      EXPECT(still == 5);
    }
  }
  EXPECT(std::uncaught_exceptions() == 0);
}

int calls = 0;
std::vector<void*> spare;

/// Gives up on the third call.
void give_up() {
  if (++calls == 3) std::set_new_handler(nullptr);
}

void free_spare() {
  ++calls;
  if (spare.empty()) throw std::bad_alloc();
  ::operator delete(spare.back());
  spare.pop_back();
}

void handlers() {
  std::set_new_handler(give_up);
  EXPECT(throws_bad_alloc([] { return ::operator new(too_much); }));
  EXPECT(calls == 3);
  for (const bool aligned : {false, true}) {
    calls = 0;
    std::set_new_handler(give_up);
    EXPECT((aligned ? ::operator new(too_much, wide, std::nothrow) : ::operator new(too_much, std::nothrow)) ==
           nullptr);
    EXPECT(calls == 3);
  }
}

/// Under a limit of 32 MiB: the handler frees what makes room.
void limited() {
  for (;;) {
    void* const piece = ::operator new (std::size_t{1} << 20, std::nothrow);
    if (piece == nullptr) break;
    spare.reserve(100);
    spare.push_back(piece);
  }
  EXPECT(spare.size() > 20 && spare.size() < 33);
  errno = 0;
  EXPECT(hidden(std::malloc(std::size_t{2} << 20)) == nullptr && errno == ENOMEM);
  calls = 0;
  std::set_new_handler(free_spare);
  void* const got = ::operator new (std::size_t{3} << 20);
  use(got, std::size_t{3} << 20);
  EXPECT(calls >= 2 && calls < 10);
  calls = 0;
  EXPECT(throws_bad_alloc([] { return ::operator new (std::size_t{33} << 20); }));
  EXPECT(calls > 15 && spare.empty());
  EXPECT(std::uncaught_exceptions() == 0);
  ::operator delete(got);
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::string(arguments[1]) == "limited") {
    limited();
  } else {
    all_forms();
    failures();
    handlers();
  }
  puts("all is well");
}
