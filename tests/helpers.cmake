# A test that hangs is ended after half an hour: slow and busy machines take many times the usual minute.
# modellab_unit_test(<name> LABEL short|medium|long SOURCES a.c ROOMS r... [ARGS ...]): a cmocka test on
# the inner rooms; ROOMS names every room it and those rooms call (for include paths: all of src).
function(modellab_unit_test name)
  cmake_parse_arguments(T "" "LABEL" "SOURCES;ROOMS;DEPS;ARGS" ${ARGN})
  add_executable(test_${name} ${T_SOURCES})
  modellab_use_rooms(test_${name} ${T_ROOMS})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
    ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE MODELLAB_BUILDING _GNU_SOURCE)
  target_link_libraries(test_${name} PRIVATE dep::cmocka ${T_DEPS} Threads::Threads m)
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND test_${name} ${T_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT 1800)
endfunction()

# modellab_api_test(<name> LABEL ... SOURCES ...): shared library and public headers only.
function(modellab_api_test name)
  cmake_parse_arguments(T "" "LABEL" "SOURCES;DEPS;ARGS" ${ARGN})
  add_executable(test_${name} ${T_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE _GNU_SOURCE)
  target_link_libraries(test_${name} PRIVATE modellab_shared dep::cmocka ${T_DEPS} Threads::Threads m)
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND test_${name} ${T_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT 1800)
endfunction()
