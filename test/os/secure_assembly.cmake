# What compilers make of secure_zero and secure_fill; with options of the script's own, so once is enough.

if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize" AND ALLOT_OS STREQUAL ALLOT_OS_DEFAULT)
  add_test(NAME os/secure_assembly
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/secure_assembly.sh ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/secure_assembly
            ${CMAKE_CXX_COMPILER})
  set_tests_properties(os/secure_assembly PROPERTIES LABELS fast TIMEOUT 120 SKIP_RETURN_CODE 77)
endif()
