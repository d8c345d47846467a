# The conformance kit on other people's resources: a program to run by hand, not a test.

add_executable(conformance_survey testing/survey.cpp support/child.cpp
  support/posix/child_process.cpp support/posix/environment.cpp)
target_include_directories(conformance_survey PRIVATE ${CMAKE_CURRENT_LIST_DIR}/..)
target_link_libraries(conformance_survey PRIVATE allot::allot Threads::Threads allot_warnings)

find_package(boost_container 1.74 CONFIG QUIET)
if(boost_container_FOUND)
  target_compile_definitions(conformance_survey PRIVATE ALLOT_SURVEYS_BOOST)
  target_link_libraries(conformance_survey PRIVATE Boost::container)
endif()
