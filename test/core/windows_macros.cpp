// Headers compile where <windows.h> and what it includes came before them, without NOMINMAX and WIN32_LEAN_AND_MEAN:
// with its macros that are ordinary words. What is compiled is the test.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#ifdef _WIN32
#include <ole2.h>
#include <windows.h>
#else
#define hyper __int64
#define near
#define far
#define interface struct
#define cdecl
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define TRUE 1
#define FALSE 0
#define ERROR 0
#define DELETE 0x00010000
#define NO_ERROR 0
#endif
// MinGW's standard library, or its <windows.h>, goes without these.
#undef min
#undef max
#undef small
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define small char

#include "every_header.hpp"
