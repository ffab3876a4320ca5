# weir_library(<name> SOURCES <globs> [EXCLUDE <regex>] [LINK <public>] [LINK_PRIVATE <private>])
#
# A static library from all files that match, or an interface library while there are none, so that
# a folder can start with headers only. New files are picked up without touching any CMake file.
function(weir_library name)
  cmake_parse_arguments(arg "" "EXCLUDE" "SOURCES;LINK;LINK_PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${arg_SOURCES})
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${arg_EXCLUDE})
  endif()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE weir_warnings weir_no_exceptions ${arg_LINK_PRIVATE})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope}
    ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine ${PROJECT_SOURCE_DIR}/engine/include)
  target_link_libraries(${name} ${scope} ${arg_LINK})
endfunction()

# weir_program(<name> SOURCES <globs> LINK <libraries>): an executable, or nothing without sources.
function(weir_program name)
  cmake_parse_arguments(arg "" "EXCLUDE" "SOURCES;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${arg_SOURCES})
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${arg_EXCLUDE})
  endif()
  if(sources)
    add_executable(${name} ${sources})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}
      ${PROJECT_SOURCE_DIR}/engine ${PROJECT_SOURCE_DIR}/engine/include)
    target_link_libraries(${name} PRIVATE weir_warnings ${arg_LINK})
  endif()
endfunction()
