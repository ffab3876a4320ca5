# The simulated network and world, shared by sim_tests, the lifetime fuzzer and proxy_bench.
# Included by whichever of the three folders is built.
include_guard(GLOBAL)
weir_library(weir_sim SOURCES ${PROJECT_SOURCE_DIR}/tests/sim/sim_*.cc LINK weir_proxy)
target_include_directories(weir_sim PUBLIC ${PROJECT_SOURCE_DIR}/tests/sim)
target_compile_definitions(weir_sim PRIVATE WEIR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
