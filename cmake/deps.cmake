# Everything that is not ours comes from Debian packages; tools/setup installs them.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CURL REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)

option(WEIR_MIMALLOC "Link the binary with mimalloc (never under a sanitizer)"
  ${WEIR_IS_RELEASE})
if(WEIR_MIMALLOC AND NOT WEIR_SANITIZE)
  find_package(mimalloc REQUIRED)
endif()

if(WEIR_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(WEIR_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()

# Debian ships llhttp as generated C sources, not as a library.
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp REQUIRED NO_DEFAULT_PATH)
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp REQUIRED NO_DEFAULT_PATH)
add_library(weir_llhttp STATIC
  ${LLHTTP_SOURCE_DIR}/llhttp.c ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c)
target_include_directories(weir_llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
target_compile_definitions(weir_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(weir_llhttp PRIVATE -w)
