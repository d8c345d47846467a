# One Debian package of all that is installed: cpack -G DEB, or lib/package/make_deb, which configures for it.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME allot)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The authors of allot <allot@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "C++17 memory resources: arenas, pools, heaps, guarded and secure memory")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian_copyright.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(BUILD_SHARED_LIBS)
  # What the package's own libraries need of each other is in it.
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib ${PROJECT_BINARY_DIR}/lib/config ${PROJECT_BINARY_DIR}/lib/trace)
elseif(ALLOT_BUILD_TRACE)
  # A static library leaves these to whoever links it.
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libzstd-dev, libxxhash-dev, pkg-config")
endif()
include(CPack)
