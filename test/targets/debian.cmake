# For the files beside it: where the libraries of a target are that test/targets/unpack gets.

# debian_target(NAME TRIPLE)
macro(debian_target name triple)
  set(debian_root ${CMAKE_CURRENT_LIST_DIR}/../../build/${name}/root)
  set(ENV{PKG_CONFIG_LIBDIR} ${debian_root}/usr/lib/${triple}/pkgconfig)
  set(ENV{PKG_CONFIG_SYSROOT_DIR} ${debian_root})
  set(CMAKE_LIBRARY_PATH ${debian_root}/usr/lib/${triple})  # what zstd's own file says lacks the triple
  set(tomlplusplus_DIR ${debian_root}/usr/lib/${triple}/cmake/tomlplusplus)
endmacro()
