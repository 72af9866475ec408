# The lines of C in the README compile without a warning, link, and exit with 1 and a sentence where there is no model.
# cmake -DREADME= -DCC= -DINCLUDE= -DLIBRARY= -DWORK= -P
file(READ ${README} text)
string(REGEX MATCH "```c\n([^`]*)```" found "${text}")
if(NOT found)
  message(FATAL_ERROR "the README has no lines of C")
endif()
file(MAKE_DIRECTORY ${WORK}/models)
file(WRITE ${WORK}/readme.c "${CMAKE_MATCH_1}")
execute_process(COMMAND ${CC} -std=c11 -Wall -Wextra -Werror -I${INCLUDE} ${WORK}/readme.c -o ${WORK}/readme ${LIBRARY}
  RESULT_VARIABLE code ERROR_VARIABLE errors)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "the lines of C in the README do not compile:\n${errors}")
endif()
get_filename_component(folder ${LIBRARY} DIRECTORY)
execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${folder} MODEL_LAB_MODELS_ROOT=${WORK}/models ${WORK}/readme
  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(NOT code EQUAL 1 OR NOT errors MATCHES "whisper-tiny.en is not installed")
  message(FATAL_ERROR "without a model they exit with ${code}, say: ${errors}, and print: ${output}")
endif()
