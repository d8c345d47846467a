# Cases of arena_test once more under Valgrind's Memcheck: blocks that must have a value, and fences that move. The whole of it
# runs there with test/analysis/valgrind.

find_program(ALLOT_VALGRIND valgrind)
mark_as_advanced(ALLOT_VALGRIND)

# Debian's Valgrind does not understand what clang 14 writes for debuggers.
if(ALLOT_VALGRIND AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_test(NAME arena_test/works_under_valgrind
    COMMAND ${ALLOT_VALGRIND} --quiet --error-exitcode=9 $<TARGET_FILE:arena_test> --catch_system_errors=no --color_output=no
            --run_test=arena_vocabulary/zeroed_memory_is_zero_*,the_last_block_grows_in_place_*,correct_use_of_a_checked_*)
  set_tests_properties(arena_test/works_under_valgrind PROPERTIES LABELS fast TIMEOUT 300)
endif()
