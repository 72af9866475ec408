# The floors of the house, lowest first; rooms on one floor do not know each other. Each room is an
# OBJECT library whose include path is a folder of links to the rooms of lower floors and to itself,
# so that a forbidden #include "room/header.h" does not compile. `include/` (the public contract) is
# seen by all rooms but os.
set(MODELLAB_FLOORS "os" "base" "log track check" "kernels" "audio" "nn" "models" "text"
  "speech score" "store remote" "lab" "api")

# modellab_room(<name> SOURCES file... [DEPS dep::x ...]): declares the room src/<name>.
function(modellab_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPS" ${ARGN})
  set(view ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${view})
  set(found FALSE)
  foreach(floor ${MODELLAB_FLOORS})
    string(REPLACE " " ";" rooms "${floor}")
    if(name IN_LIST rooms)
      set(found TRUE)
      set(rooms ${name})
    endif()
    foreach(room ${rooms})
      file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${room} ${view}/${room} SYMBOLIC)
    endforeach()
    if(found)
      break()
    endif()
  endforeach()
  if(NOT found)
    message(FATAL_ERROR "room ${name} stands on no floor of cmake/rooms.cmake")
  endif()
  add_library(room_${name} OBJECT ${ROOM_SOURCES})
  target_include_directories(room_${name} PRIVATE ${view})
  if(NOT name STREQUAL "os")
    target_include_directories(room_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  endif()
  target_compile_definitions(room_${name} PRIVATE MODELLAB_BUILDING)
  target_link_libraries(room_${name} PRIVATE Threads::Threads ${ROOM_DEPS})
  set_property(GLOBAL APPEND PROPERTY MODELLAB_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY MODELLAB_ROOM_DEPS ${ROOM_DEPS})
endfunction()

# modellab_use_rooms(<target> room...): links the objects of these rooms into a test or a tool
# (which must name every room that those rooms call).
function(modellab_use_rooms target)
  foreach(room ${ARGN})
    target_link_libraries(${target} PRIVATE room_${room})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:room_${room}>)
  endforeach()
endfunction()
