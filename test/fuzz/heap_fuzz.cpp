// Bytes that say what is done to a heap. Whatever it does not do as the model says ends the program.

#include <allot/core/misuse.hpp>
#include <cstddef>
#include <cstdint>

#include "heap/heap_model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  allot::test::run_heap_model(bytes, count);  // misuse, of which there is none, aborts by default
  return 0;
}
