# Sanitizers, libFuzzer instrumentation and coverage apply to every target, llhttp included.
if(WEIR_SANITIZE)
  # vptr needs RTTI, which the engine is built without.
  set(flags -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr
    -fno-omit-frame-pointer)
  add_compile_options(${flags})
  add_link_options(${flags})
endif()

if(WEIR_FUZZER)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "WEIR_FUZZER needs clang: use the preset 'fuzz'")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(WEIR_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# Options of the sanitizers' run time, given to every test. Frames that g++ 12 moves off the stack
# to find uses after return are aligned to 32 bytes, too little for what fills a cache line.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(fake_frames 1)
else()
  set(fake_frames 0)
endif()
set(WEIR_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=${fake_frames}:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")
