# x86, 32 bit, with the compiler of 64 bit, which can do both; programs run as they are.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i386)
set(CMAKE_CXX_COMPILER g++)
# The headers of the kernel, which are the same, are only there for 64 bit.
set(CMAKE_CXX_FLAGS_INIT "-m32 -idirafter /usr/include/x86_64-linux-gnu")
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
debian_target(i386 i386-linux-gnu)
