# The importers on real weights: each format gives the same numbers.
add_executable(dump_weights dump_weights.c)
modellab_use_rooms(dump_weights os base models)
target_include_directories(dump_weights PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(dump_weights PRIVATE MODELLAB_BUILDING)
target_link_libraries(dump_weights PRIVATE dep::jansson Threads::Threads m ${CMAKE_DL_LIBS})
set_target_properties(dump_weights PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
foreach(model whisper-tiny.en whisper-base)
  add_test(NAME importers_${model} COMMAND sh -c "exec \"\${MODEL_LAB_TEST_PYTHON:-python3}\" \"$@\"" sh
    ${CMAKE_CURRENT_SOURCE_DIR}/convert_check.py $<TARGET_FILE:dump_weights> ${model})
  set_tests_properties(importers_${model} PROPERTIES LABELS medium TIMEOUT 600 SKIP_RETURN_CODE 77)
endforeach()
set_tests_properties(importers_whisper-base PROPERTIES LABELS long)

if(TARGET modellab_cli AND TARGET modellab-worker)
  add_test(NAME importers_transcripts COMMAND sh -c "exec \"\${MODEL_LAB_TEST_PYTHON:-python3}\" \"$@\"" sh
    ${CMAKE_CURRENT_SOURCE_DIR}/convert_transcripts.py $<TARGET_FILE:modellab_cli> whisper-tiny.en)
  set_tests_properties(importers_transcripts PROPERTIES LABELS medium TIMEOUT 600 SKIP_RETURN_CODE 77)
endif()
