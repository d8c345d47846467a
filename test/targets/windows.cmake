# Windows on x86-64, built with MinGW-w64 (threads of POSIX, which the standard library needs) and run by Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)  # nothing has to be found when a program starts

# Libraries that are headers alone are the machine's own; its other headers are no good here, so these are linked to from a
# folder of their own.
cmake_path(SET headers NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../../build/windows-headers)
foreach(library boost range concepts meta std toml++)
  if(EXISTS /usr/include/${library} AND NOT EXISTS ${headers}/include/${library})
    file(MAKE_DIRECTORY ${headers}/include)
    file(CREATE_LINK /usr/include/${library} ${headers}/include/${library} SYMBOLIC)
  endif()
endforeach()
if(EXISTS /usr/lib/cmake/range-v3 AND NOT EXISTS ${headers}/lib/cmake/range-v3)
  file(COPY /usr/lib/cmake/range-v3 DESTINATION ${headers}/lib/cmake)
endif()
file(WRITE ${headers}/lib/cmake/tomlplusplus/tomlplusplusConfig.cmake
  "add_library(tomlplusplus::tomlplusplus INTERFACE IMPORTED)\n"
  "target_include_directories(tomlplusplus::tomlplusplus INTERFACE ${headers}/include)\n")
set(CMAKE_FIND_ROOT_PATH ${headers} /usr/x86_64-w64-mingw32)
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine)
