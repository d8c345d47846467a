# Run by CPack before it makes the package: Debian has its own name for the licence.
set(folder ${CPACK_TEMPORARY_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}/share/doc/${CPACK_PACKAGE_NAME})
file(RENAME ${folder}/LICENSE ${folder}/copyright)
