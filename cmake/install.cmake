# `cmake --install <build>` puts in place: the program with its man page, service files and example
# configuration (component weir), the shared library (libweir0), headers, static libraries and
# package files (libweir-dev). Build with the target `installable` first.
include(CMakePackageConfigHelpers)
include(libraries)

if(TARGET weir)
  add_custom_target(installable DEPENDS weir weir_libraries)
  # Below /usr the configuration's place is /etc, else the prefix's own.
  install(CODE "
    set(weir_etc \"\${CMAKE_INSTALL_PREFIX}/etc\")
    string(REGEX REPLACE \"/usr/etc$\" \"/etc\" weir_etc \"\${weir_etc}\")
    file(INSTALL DESTINATION \"\${weir_etc}/weir\" TYPE FILE
      FILES \"${PROJECT_SOURCE_DIR}/packaging/weir.yaml\")" COMPONENT weir)
  install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT weir)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/weir.1
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT weir)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/weir.service
    ${PROJECT_SOURCE_DIR}/packaging/weir.socket
    DESTINATION lib/systemd/system COMPONENT weir)
endif()

set(weir_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
configure_package_config_file(cmake/weirConfig.cmake.in ${PROJECT_BINARY_DIR}/weirConfig.cmake
  INSTALL_DESTINATION ${weir_cmake_dir}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weirConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
file(RELATIVE_PATH weir_pc_prefix /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
configure_file(cmake/weir.pc.in ${PROJECT_BINARY_DIR}/weir.pc @ONLY)
configure_file(cmake/weir-core.pc.in ${PROJECT_BINARY_DIR}/weir-core.pc @ONLY)

install(DIRECTORY engine/include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT libweir-dev)
install(FILES ${PROJECT_BINARY_DIR}/weirConfig.cmake ${PROJECT_BINARY_DIR}/weirConfigVersion.cmake
  DESTINATION ${weir_cmake_dir} COMPONENT libweir-dev)
install(FILES ${PROJECT_BINARY_DIR}/weir.pc ${PROJECT_BINARY_DIR}/weir-core.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libweir-dev)
install(FILES ${CMAKE_BINARY_DIR}/lib/libweir.a ${CMAKE_BINARY_DIR}/lib/libweir_core.a
  DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libweir-dev)
install(TARGETS weir_shared
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libweir0
  NAMELINK_COMPONENT libweir-dev)

include(package)
