# The simulated network and world, shared by sim_tests, the lifetime fuzzer and proxy_bench.
# Included by whichever of the three folders is built.
include_guard(GLOBAL)
include(${PROJECT_SOURCE_DIR}/tests/shared/library.cmake)
weir_library(weir_sim SOURCES ${PROJECT_SOURCE_DIR}/tests/sim/sim_*.cc
  LINK weir_proxy weir_test_paths)
target_include_directories(weir_sim PUBLIC ${PROJECT_SOURCE_DIR}/tests/sim)
