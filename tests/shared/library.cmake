# Where things are, for the tests of every folder. Included by whichever of them is built.
include_guard(GLOBAL)
weir_library(weir_test_paths SOURCES ${PROJECT_SOURCE_DIR}/tests/shared/*.cc)
target_compile_definitions(weir_test_paths PRIVATE
  WEIR_SOURCE_DIR="${PROJECT_SOURCE_DIR}" WEIR_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
