# ARM, 64 bit, with Debian's cross compiler; programs run under qemu's user mode.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# -R: reserved addresses cost qemu memory, so they are few.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -R 8G -L /usr/aarch64-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
debian_target(aarch64 aarch64-linux-gnu)
