# The tests of liballot_preload.so, and the programs and libraries they run on it.

enable_language(C)
foreach(program family loads misuse)
  add_executable(preload_${program} tool/preload/${program}.c)
  set_target_properties(preload_${program} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
endforeach()
foreach(program lifetimes throws)
  add_executable(preload_${program} tool/preload/${program}.cpp)
endforeach()
foreach(library early plugin)
  add_library(preload_${library} MODULE tool/preload/${library}.cpp)
endforeach()
set(preload_programs preload_early preload_family preload_lifetimes preload_loads preload_misuse preload_plugin preload_throws)
foreach(target ${preload_programs})
  target_compile_features(${target} PRIVATE cxx_std_17)
  target_link_libraries(${target} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  # They do on purpose what compilers warn of, and what optimisers take for impossible.
  target_compile_options(${target} PRIVATE -w -fno-builtin)
endforeach()
# Clang leaves these operators out unless told.
target_compile_options(preload_throws PRIVATE -fsized-deallocation)

allot_test(preload_test packages
  tool/preload/run.cpp
  tool/preload_config_test.cpp
  tool/preload_record_test.cpp
  tool/preload_test.cpp)
target_link_libraries(preload_test PRIVATE allot::trace)
add_dependencies(preload_test allot_preload ${preload_programs})
target_compile_definitions(preload_test PRIVATE
  ALLOT_PRELOAD="$<TARGET_FILE:allot_preload>"
  ALLOT_PROGRAMS="${CMAKE_CURRENT_BINARY_DIR}/preload_"
  ALLOT_EARLY_LIBRARY="$<TARGET_FILE:preload_early>"
  ALLOT_LATE_LIBRARY="$<TARGET_FILE:preload_plugin>"
  ALLOT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
