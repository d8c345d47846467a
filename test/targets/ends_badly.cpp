// Ends as tests may: well, or by a fault, by abort(), by an exception nobody catches.

#include <cstdlib>
#include <cstring>
#include <stdexcept>

int main(int argc, char** argv) {
  const char* const how = argc > 1 ? argv[1] : "";
  if (std::strcmp(how, "well") == 0) return 0;
  if (std::strcmp(how, "code") == 0) return 3;
  if (std::strcmp(how, "fault") == 0) *reinterpret_cast<volatile char*>(0x20) = 1;
  if (std::strcmp(how, "abort") == 0) std::abort();
  if (std::strcmp(how, "exception") == 0) throw std::runtime_error("nobody catches this");
  return 0;
}
