# Compiler flags. Everything under the root gets the global ones; weir_warnings and
# weir_no_exceptions are linked privately by the targets that want them, so third-party sources
# stay quiet.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(WEIR_CCACHE ccache)
if(WEIR_CCACHE)
  # Paths below the tree count as relative ones, so that clones in other folders share the cache.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    ${WEIR_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Under sanitizers the optimiser costs more than it saves, and line tables are all that a report
# needs: together they take two thirds of the compiler's time. Fuzzing lives on speed, however. For
# a debugger: -DCMAKE_CXX_FLAGS_DEBUG="-O0 -g".
set(WEIR_DEBUG_OPTIMISE ${WEIR_FUZZER} CACHE STRING "Optimise sanitized builds: ON or OFF")
set(debug_flags "-O0 -g1")
if(WEIR_DEBUG_OPTIMISE)
  set(debug_flags "-O1 -g1")
endif()
foreach(lang C CXX)
  set(CMAKE_${lang}_FLAGS_DEBUG ${debug_flags})
  set(CMAKE_${lang}_FLAGS_RELEASE "-O2 -g -DNDEBUG")
endforeach()

set(WEIR_IS_RELEASE OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WEIR_SANITIZE)
  set(WEIR_IS_RELEASE ON)
endif()

add_compile_options(-fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now)
if(WEIR_IS_RELEASE)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    add_compile_options(-march=x86-64-v2)
  endif()
  if(WEIR_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT WEIR_LTO_WORKS OUTPUT lto_output LANGUAGES C CXX)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${WEIR_LTO_WORKS})
    if(WEIR_LTO_WORKS AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # Two types of one name are seen here, and only here.
      add_link_options(-Werror=odr)
      if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
        # For copies and zeroes above 64 bytes the compiler would write `rep movs` and `rep stos`,
        # which need some thirty cycles to begin; the library does not. Code is made when linking.
        set(WEIR_CODE_OPTIONS
          -mmemcpy-strategy=unrolled_loop:64:noalign,libcall:-1:noalign
          -mmemset-strategy=unrolled_loop:64:noalign,libcall:-1:noalign)
        add_link_options(${WEIR_CODE_OPTIONS})
      endif()
    endif()
  endif()
endif()

# tools/profiled builds twice: the first build counts where the work goes, the second is laid out by
# that. The counts of each file lie beside its object.
if(WEIR_PROFILE STREQUAL "make")
  add_compile_options(-fprofile-generate -fprofile-update=prefer-atomic)
  add_link_options(-fprofile-generate)
elseif(WEIR_PROFILE STREQUAL "use")
  # What the training did not reach is optimised as usual, not for size.
  add_compile_options(-fprofile-use -fprofile-partial-training -Wno-missing-profile)
  add_link_options(-fprofile-use -fprofile-partial-training)
elseif(WEIR_PROFILE)
  message(FATAL_ERROR "WEIR_PROFILE is '${WEIR_PROFILE}'; it may be empty, 'make' or 'use'")
endif()

if(WEIR_DEBUG_CHECKS)
  add_compile_definitions(WEIR_DEBUG_CHECKS=1 _GLIBCXX_ASSERTIONS)
endif()

add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Under -Wconversion clang also turns this one on; the rule book leaves it off for both.
  target_compile_options(weir_warnings INTERFACE -Wno-sign-conversion)
endif()
if(WEIR_WERROR)
  target_compile_options(weir_warnings INTERFACE -Werror)
endif()

add_library(weir_no_exceptions INTERFACE)
target_compile_options(weir_no_exceptions
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
