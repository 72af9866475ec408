# One set of compiler rules for the whole tree (warnings are errors), and the sanitizers.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

set(MODELLAB_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wformat=2
  -Wunused-result -Werror)
set(MODELLAB_C_WARNINGS ${MODELLAB_WARNINGS} -Wstrict-prototypes -Wmissing-prototypes)
add_compile_options(-fno-common "$<$<COMPILE_LANGUAGE:C>:${MODELLAB_C_WARNINGS}>"
  "$<$<COMPILE_LANGUAGE:CXX>:${MODELLAB_WARNINGS}>")
# Bits must not depend on the compiler's mood: a product and a sum fuse only where the source says so.
add_compile_options(-ffp-contract=off)
if(NOT MODELLAB_SANITIZE)
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>" -fstack-protector-strong)
else()
  add_compile_options(-fsanitize=${MODELLAB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MODELLAB_SANITIZE})
endif()
