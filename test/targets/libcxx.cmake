# This machine, with clang and LLVM's standard library. That lies in the build folder: only one can be installed at a time. It
# looks for misuse of itself, and is linked statically, so that nothing has to be found when programs start.
set(CMAKE_CXX_COMPILER clang++-19)
set(llvm_root ${CMAKE_CURRENT_LIST_DIR}/../../build/libcxx/root/usr/lib/llvm-19)
string(JOIN " " CMAKE_CXX_FLAGS_INIT
  -nostdinc++ -isystem ${llvm_root}/include/c++/v1
  -D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_DEBUG
  -D_LIBCPP_ENABLE_CXX17_REMOVED_UNARY_BINARY_FUNCTION)  # for Boost 1.74
set(CMAKE_EXE_LINKER_FLAGS_INIT -nostdlib++)
set(CMAKE_CXX_STANDARD_LIBRARIES_INIT "${llvm_root}/lib/libc++.a ${llvm_root}/lib/libc++abi.a")
# Debian's Boost.Test is built with the other standard library.
set(ALLOT_TEST_BOOST_HEADERS ON)
