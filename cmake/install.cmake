# Installation: both libraries, headers, programs, modellab.pc, the CMake package, catalog and licence.
include(CMakePackageConfigHelpers)
get_property(MODELLAB_PC_ALL GLOBAL PROPERTY MODELLAB_PC_MODULES)
list(REMOVE_ITEM MODELLAB_PC_ALL cmocka openblas)
list(JOIN MODELLAB_PC_ALL " " MODELLAB_PC_REQUIRES)
# The static library stands on shared dependencies: their own private needs are theirs, so the .pc names
# the libraries and not the modules (`--static` would follow libcurl into a dozen packages).
get_property(MODELLAB_PC_LIBRARIES GLOBAL PROPERTY MODELLAB_PC_LIBRARIES)
list(REMOVE_ITEM MODELLAB_PC_LIBRARIES cmocka openblas)
list(REMOVE_DUPLICATES MODELLAB_PC_LIBRARIES)
list(TRANSFORM MODELLAB_PC_LIBRARIES PREPEND "-l")
list(JOIN MODELLAB_PC_LIBRARIES " " MODELLAB_PC_LIBS_PRIVATE)

install(TARGETS modellab_shared modellab_static EXPORT modellab
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/modellab DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
foreach(program modellab_cli modellab-worker)
  if(TARGET ${program})
    set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

configure_file(cmake/modellab.pc.in modellab.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/modellab.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_package_config_file(cmake/modellab-config.cmake.in modellab-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/modellab)
write_basic_package_version_file(modellab-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/modellab-config.cmake ${CMAKE_BINARY_DIR}/modellab-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/modellab)
install(EXPORT modellab NAMESPACE modellab:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/modellab)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
