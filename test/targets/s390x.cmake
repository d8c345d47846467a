# IBM Z, where the high byte comes first, with Debian's cross compiler; programs run under qemu's user mode.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_CXX_COMPILER s390x-linux-gnu-g++)
# -R: reserved addresses cost qemu memory, so they are few.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-s390x -R 8G -L /usr/s390x-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
debian_target(s390x s390x-linux-gnu)
