# Writes one add_test() for every case of a Boost.Test program. Arguments: PROGRAM, NAME, TIER, LIST,
# EMULATOR (the command that runs the program, empty when it runs by itself).

execute_process(COMMAND ${EMULATOR} ${PROGRAM} --list_content=HRF ERROR_VARIABLE content OUTPUT_VARIABLE ignored RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} cannot list its cases (${status}): ${content}")
endif()

# A line is a suite or a case; what is indented deeper belongs to it. Only lines with nothing below them are cases, so a line
# is written out when the next one is known.
string(REPLACE ";" "_" content "${content}")
string(REGEX REPLACE "\r?\n" ";" lines "${content}")
list(APPEND lines "end")
set(command "")
foreach(word IN LISTS EMULATOR PROGRAM)
  string(APPEND command " [==[${word}]==]")
endforeach()
set(script "")
set(count 0)
set(suites "")
set(unit "")
set(unit_depth 0)
foreach(line IN LISTS lines)
  string(STRIP "${line}" text)
  if(text STREQUAL "")
    continue()
  endif()
  string(LENGTH "${line}" line_length)
  string(REGEX REPLACE "^ +" "" unindented "${line}")
  string(LENGTH "${unindented}" unindented_length)
  math(EXPR depth "(${line_length} - ${unindented_length}) / 4")

  if(NOT unit STREQUAL "")
    if(depth GREATER unit_depth)
      list(APPEND suites "${unit}")
    else()
      list(JOIN suites "/" path)
      string(REGEX REPLACE "^/" "" path "${path}/${unit}")
      string(APPEND script
        "add_test([==[${NAME}/${path}]==]${command} [==[--run_test=${path}]==]"
        " --catch_system_errors=no --color_output=no)\n"
        "set_tests_properties([==[${NAME}/${path}]==] PROPERTIES LABELS ${TIER} TIMEOUT 300"
        " SKIP_RETURN_CODE 77)\n")
      math(EXPR count "${count} + 1")
      while(depth LESS unit_depth)
        list(POP_BACK suites)
        math(EXPR unit_depth "${unit_depth} - 1")
      endwhile()
    endif()
  endif()
  string(REGEX REPLACE "\\*.*$" "" unit "${text}")
  set(unit_depth ${depth})
endforeach()

if(count EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} has no cases")
endif()
file(WRITE ${LIST} "${script}")
