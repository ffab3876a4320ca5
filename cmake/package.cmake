# Debian packages: `cpack -B <folder>` in a build folder, after the target `installable`.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME weir)
set(CPACK_PACKAGE_VENDOR Weir)
set(CPACK_PACKAGE_CONTACT "Weir <weir@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL weir libweir0 libweir-dev)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)

set(CPACK_DEBIAN_WEIR_PACKAGE_NAME weir)
# Loaded when it is first needed, so no program names it.
set(CPACK_DEBIAN_WEIR_PACKAGE_DEPENDS libcurl4)
set(CPACK_DEBIAN_WEIR_DESCRIPTION "gateway for language models
 One address for many providers: keys, limits, failover, usage.")
set(CPACK_DEBIAN_WEIR_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/conffiles
  ${PROJECT_SOURCE_DIR}/packaging/postinst)
set(CPACK_DEBIAN_WEIR_PACKAGE_RECOMMENDS ca-certificates)

set(CPACK_DEBIAN_LIBWEIR0_PACKAGE_NAME libweir0)
set(CPACK_DEBIAN_LIBWEIR0_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBWEIR0_PACKAGE_DEPENDS libcurl4)
set(CPACK_DEBIAN_LIBWEIR0_DESCRIPTION "gateway for language models, inside a process
 The shared library with its C interface.")

set(CPACK_DEBIAN_LIBWEIR-DEV_PACKAGE_NAME libweir-dev)
set(CPACK_DEBIAN_LIBWEIR-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBWEIR-DEV_PACKAGE_SHLIBDEPS OFF)
string(JOIN ", " CPACK_DEBIAN_LIBWEIR-DEV_PACKAGE_DEPENDS "libweir0 (= ${PROJECT_VERSION})"
  libuv1-dev libssl-dev libsqlite3-dev libyaml-cpp-dev libsimdjson-dev)
set(CPACK_DEBIAN_LIBWEIR-DEV_DESCRIPTION "gateway for language models, for programs that embed it
 Headers, static libraries, CMake and pkg-config files.")
include(CPack)
