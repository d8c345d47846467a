# Cases of container_test once more under Valgrind's Memcheck, and what it must report.

find_program(ALLOT_VALGRIND valgrind)
mark_as_advanced(ALLOT_VALGRIND)

set(works_under_valgrind container_test/works_under_valgrind)
# Debian's Valgrind does not understand what clang 14 writes for debuggers.
if(ALLOT_VALGRIND AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(memcheck ${ALLOT_VALGRIND} --quiet --error-exitcode=9)
  add_test(NAME ${works_under_valgrind}
    COMMAND ${memcheck} --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
            $<TARGET_FILE:container_test> --catch_system_errors=no --color_output=no
            --run_test=vlarray_ranges --run_test=vlarray_storage/an_array_that_may_move_*
            --run_test=vlarray_modifiers/append*,an_own_* --run_test=vlarray_elements
            --run_test=vlarray_storage/a_block_*,the_array_is_in_its_*)
  set_tests_properties(${works_under_valgrind} PROPERTIES LABELS fast TIMEOUT 300)
  foreach(child vlarray_read_behind_the_end vlarray_depend_on_what_has_no_value)
    add_test(NAME container_test/valgrind_reports_${child} COMMAND ${memcheck} $<TARGET_FILE:container_test>)
    set_tests_properties(container_test/valgrind_reports_${child} PROPERTIES
      LABELS fast TIMEOUT 300 ENVIRONMENT ALLOT_TEST_CHILD=${child}
      PASS_REGULAR_EXPRESSION "Invalid read of size 1;depends on uninitialised value")
  endforeach()
else()
  add_test(NAME ${works_under_valgrind}
    COMMAND ${CMAKE_COMMAND} -E echo "SKIPPED: Valgrind is not there, or a sanitizer or clang is, which it cannot run")
  set_tests_properties(${works_under_valgrind} PROPERTIES LABELS fast SKIP_REGULAR_EXPRESSION "SKIPPED")
endif()
