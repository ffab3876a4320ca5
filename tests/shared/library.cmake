# Where things are, for the tests of every folder. Included by whichever of them is built.
include_guard(GLOBAL)
weir_library(weir_test_paths SOURCES ${PROJECT_SOURCE_DIR}/tests/shared/paths.cc)
target_compile_definitions(weir_test_paths PRIVATE
  WEIR_SOURCE_DIR="${PROJECT_SOURCE_DIR}" WEIR_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")

# Tokens and key sets as identity providers make them.
add_library(weir_test_jwt STATIC ${CMAKE_CURRENT_LIST_DIR}/jwt_maker.cc)
target_include_directories(weir_test_jwt PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(weir_test_jwt PUBLIC weir_jwt PRIVATE OpenSSL::Crypto)
