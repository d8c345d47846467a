#include "house/rules.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

using namespace allot::test::house;

namespace {

/// The violations of a source file, joined; empty when it keeps the rules.
std::string complaints(std::string_view path, std::string_view text) {
  std::string all;
  for (const std::string& one : violations(path, text)) all += one + "\n";
  return all;
}

bool complains(std::string_view path, std::string_view text, std::string_view about) {
  return complaints(path, text).find(about) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(house_rules)

BOOST_AUTO_TEST_CASE(a_room_includes_itself_and_lower_floors) {
  BOOST_TEST(complaints("lib/arena/x.cpp",
                        "#include <allot/arena/x.hpp>\n#include <allot/block/page_block.hpp>\n"
                        "#include <allot/os/virtual_memory.hpp>\n#include <vector>\n") == "");
  BOOST_TEST(complaints("lib/tool/x.cpp", "#include <allot/config/config.hpp>\n#include <allot/core/resource.hpp>\n") ==
             "");
  BOOST_TEST(complaints("include/allot/secure/x.hpp", "#pragma once\n#include <allot/arena/scratch_pair.hpp>\n") == "");
}

BOOST_AUTO_TEST_CASE(a_room_does_not_include_a_higher_floor) {
  BOOST_TEST(complaints("include/allot/core/x.hpp", "#pragma once\n\n#include <allot/os/virtual_memory.hpp>\n") ==
             "include/allot/core/x.hpp:3: core may not include os: <allot/os/virtual_memory.hpp>\n");
  BOOST_TEST(complains("lib/block/x.cpp", "#include <allot/arena/x.hpp>", "block may not include arena"));
  BOOST_TEST(complains("lib/trace/x.cpp", "#include <allot/config/config.hpp>", "trace may not include config"));
}

BOOST_AUTO_TEST_CASE(a_room_does_not_include_a_sibling) {
  BOOST_TEST(complains("lib/pool/x.cpp", "#include <allot/heap/x.hpp>", "pool may not include heap"));
  BOOST_TEST(complains("lib/arena/x.cpp", "#include <allot/secure/x.hpp>", "arena may not include secure"));
  BOOST_TEST(complains("lib/inspect/x.cpp", "#  include  <allot/trace/x.hpp> // why", "inspect may not include trace"));
  BOOST_TEST(complaints("lib/pool/x.cpp", "// #include <allot/heap/x.hpp>\n") == "");
}

BOOST_AUTO_TEST_CASE(only_rooms_of_the_table_exist) {
  BOOST_TEST(complains("include/allot/detail/x.hpp", "#pragma once\n", "in no room"));
  BOOST_TEST(complains("include/allot/allot.hpp", "#pragma once\n", "in no room"));
  BOOST_TEST(complains("include/other/core/x.hpp", "#pragma once\n", "in no room"));
  BOOST_TEST(complains("lib/util/x.cpp", "", "in no room"));
  BOOST_TEST(complains("lib/x.cpp", "", "in no room"));
  BOOST_TEST(complains("lib/core/x.cpp", "#include <allot/detail/x.hpp>", "header of no room"));
  BOOST_TEST(complains("lib/core/x.cpp", "#include <allot/allot.hpp>", "header of no room"));
  BOOST_TEST(complaints("lib/package/allot.pc.in", "") == "");
  BOOST_TEST(complaints("lib/CMakeLists.txt", "") == "");
}

BOOST_AUTO_TEST_CASE(quotes_are_for_the_same_folder) {
  BOOST_TEST(complaints("lib/os/x.cpp", "#include \"posix_extras.hpp\"\n") == "");
  BOOST_TEST(complains("lib/arena/x.cpp", "#include \"../os/posix_extras.hpp\"", "same folder"));
  BOOST_TEST(complains("lib/core/x.cpp", "#include \"allot/core/x.hpp\"", "same folder"));
  BOOST_TEST(complaints("lib/core/x.cpp", "#include \"x/part.hpp\"\n") == "");
  BOOST_TEST(complains("lib/core/x.cpp", "#include \"y/part.hpp\"", "same folder"));
  BOOST_TEST(complains("lib/core/x.cpp", "#include \"x/part/of_part.hpp\"", "same folder"));
}

BOOST_AUTO_TEST_CASE(platform_conditionals_stand_in_os) {
  constexpr std::string_view text = "#pragma once\n#if defined(_WIN32)\n#endif\n";
  BOOST_TEST(complaints("include/allot/pool/x.hpp", text) ==
             "include/allot/pool/x.hpp:2: a platform conditional outside os: _WIN32\n");
  BOOST_TEST(complaints("include/allot/os/x.hpp", text) == "");
  BOOST_TEST(complaints("lib/os/windows.cpp", text) == "");
  BOOST_TEST(complaints("include/allot/core/compiler.hpp", text) == "");
  BOOST_TEST(complaints("lib/tool/preload.cpp", text) == "");
  BOOST_TEST(complains("lib/tool/main.cpp", text, "_WIN32"));
  for (const char* directive : {"#ifdef __linux__", "#ifndef __APPLE__", "# if A && \\\n  __unix__ == 1",
                                "#if A\n#elif defined(__FreeBSD__)", "#if _MSC_VER > 1900", "#if defined _WIN64"})
    BOOST_TEST(complains("lib/core/x.cpp", directive, "platform conditional"), directive);
  for (const char* directive : {"// #ifdef __linux__", "#if defined(__GNUC__) // not _WIN32", "#if __cpp_rtti"})
    BOOST_TEST(complaints("lib/core/x.cpp", directive) == "", directive);
}

BOOST_AUTO_TEST_CASE(extensions_of_compilers_stand_in_one_header_and_in_os) {
  constexpr std::string_view text = "#pragma once\ninline int f(unsigned w) { return __builtin_ctz(w); }\n";
  BOOST_TEST(complaints("include/allot/core/bits.hpp", text) ==
             "include/allot/core/bits.hpp:2: not all compilers understand what stands outside core/compiler.hpp: "
             "__builtin_ctz\n");
  for (const char* path : {"include/allot/core/compiler.hpp", "lib/os/linux.hpp", "lib/tool/preload/start.hpp"})
    BOOST_TEST(complaints(path, text) == "", path);
  for (const char* extension : {"__attribute__((noinline)) void f();", "__extension__ using a = unsigned __int128;",
                                "__asm__(\"\");", "__declspec(dllexport) int i;", "[[gnu::cold]] void f();"})
    BOOST_TEST(complains("lib/core/x.cpp", extension, "not all compilers"), extension);
  for (const char* standard : {"// __builtin_ctz", "\"__attribute__\"", "[[maybe_unused]] int i;", "int attribute;"})
    BOOST_TEST(complaints("lib/core/x.cpp", standard) == "", standard);
}

BOOST_AUTO_TEST_CASE(raw_calls_for_memory_stand_in_os) {
  BOOST_TEST(complaints("lib/block/x.cpp", "\nvoid* p = ::mmap (0);") ==
             "lib/block/x.cpp:2: a raw call for memory outside os: mmap\n");
  for (const char* call :
       {"munmap(p, 1);", "if (mprotect(p, 1, 0))", "madvise(p, 1, 4);", "return mremap(p);", "mlock(p, 1);", "sbrk(0);",
        "::VirtualAlloc(0);", "VirtualFree(p);", "VirtualProtect(p);", "syscall(9);", "a > mmap(p);"})
    BOOST_TEST(complains("include/allot/heap/x.hpp", call, "raw call"), call);
  for (const char* text : {"// mmap(p)", "/* munmap(p) */", "\"mmap() failed\"", "os::mlock(p)", "file.mmap(p)",
                           "file->mmap(p)", "int mmap = 1;", "remmap(p);"})
    BOOST_TEST(complaints("lib/heap/x.cpp", text) == "", text);
  BOOST_TEST(complaints("lib/os/posix.cpp", "::mmap(0);") == "");
  BOOST_TEST(complaints("lib/tool/preload.cpp", "::mmap(0);") == "");
  BOOST_TEST(complaints("test/os/x_test.cpp", "::mmap(0);") == "");
}

BOOST_AUTO_TEST_CASE(public_headers_do_not_depend_on_the_build) {
  for (const char* text : {"#ifdef NDEBUG", "#if !defined(NDEBUG)", "#if defined(__SANITIZE_ADDRESS__)",
                           "#if __has_feature(address_sanitizer)", "#if __has_feature( thread_sanitizer )",
                           "#include <cassert>", "#ifdef __SANITIZE_THREAD__", "#ifdef _DEBUG"}) {
    const std::string header = "#pragma once\n" + std::string(text) + "\n";
    BOOST_TEST(complains("include/allot/core/x.hpp", header, ":2: a public header depends on the build"), text);
    BOOST_TEST(complaints("lib/core/x.cpp", header) == "", text);
  }
  BOOST_TEST(
      complaints("include/allot/core/x.hpp", "#pragma once\n// NDEBUG does not matter\n#if __has_feature(x)\n") == "");
}

BOOST_AUTO_TEST_CASE(every_header_is_included_once) {
  BOOST_TEST(complaints("include/allot/core/x.hpp", "int a;\n") ==
             "include/allot/core/x.hpp:1: a header without #pragma once\n");
  BOOST_TEST(complains("test/support/x.hpp", "// #pragma once\n", "without #pragma once"));
  BOOST_TEST(complains("examples/x.hpp", "", "without #pragma once"));
  BOOST_TEST(complaints("examples/x.hpp", "// what it is\n#pragma once\n") == "");
  BOOST_TEST(complaints("examples/x.cpp", "") == "");
}

BOOST_AUTO_TEST_CASE(every_file_of_lib_mirrors_a_public_header) {
  BOOST_TEST(mirror_violations({"include/allot/core/x.hpp", "lib/core/x.cpp", "lib/core/x.hpp", "lib/os/linux.cpp",
                                "lib/tool/main.cpp", "lib/CMakeLists.txt", "test/core/y_test.cpp"})
                 .empty());
  BOOST_TEST(mirror_violations({"include/allot/pool/x.hpp", "lib/core/x.cpp"}).size() == 1u);
  BOOST_TEST(mirror_violations({"lib/core/x.hpp"}).size() == 1u);
  BOOST_TEST(mirror_violations({"include/allot/core/x.hpp", "lib/core/x/part.cpp", "lib/core/x/part.hpp"}).empty());
  BOOST_TEST(mirror_violations({"include/allot/core/x.hpp", "lib/core/y/x.cpp"}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_top_level_holds_what_it_should) {
  BOOST_TEST(top_level_violations({".ci", ".gitignore", "include", "lib", "test", "examples", "docs", "CMakeLists.txt",
                                   "CMakePresets.json", "README.md", "LICENSE"})
                 .empty());
  BOOST_TEST(top_level_violations({"include", "src", "TODO"}).size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
