# The libraries that are installed: libweir.so and libweir.a (both modes), libweir_core.a (decisions
# only). Each is one link over the archives of the folders; nothing is compiled again.
#
# The static ones are linked into one object in advance: so their code is machine code whatever the
# optimiser (LTO objects only suit the compiler that made them), and names that are not public
# are local to it. Build with the target weir_libraries.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.cc "")
add_library(weir_shared SHARED EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/empty.cc)
set(version_script ${CMAKE_CURRENT_LIST_DIR}/weir.map)
target_link_libraries(weir_shared PRIVATE weir_engine weir_decide)
set_property(TARGET weir_shared PROPERTY LINK_LIBRARY_OVERRIDE
  "WHOLE_ARCHIVE,weir_embed,weir_decide")
target_link_options(weir_shared PRIVATE -Wl,--version-script=${version_script}
  -Wl,--no-undefined)
set_target_properties(weir_shared PROPERTIES OUTPUT_NAME weir VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${version_script}
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# weir_prelink(<library> WHOLE <targets> WITH <targets>): lib/lib<library>.a in the build folder.
function(weir_prelink library)
  cmake_parse_arguments(arg "" "" "WHOLE;WITH" ${ARGN})
  set(object ${CMAKE_BINARY_DIR}/lib/${library}.o)
  set(archive ${CMAKE_BINARY_DIR}/lib/lib${library}.a)
  set(flags -r -nostdlib -Wl,--force-group-allocation)
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    # One partition: g++ 12 fails to split some programs that are linked into an object.
    list(APPEND flags -O2 -flto -flto-partition=one -flinker-output=nolto-rel
      ${WEIR_CODE_OPTIONS})
  endif()
  set(files)
  foreach(target IN LISTS arg_WITH)
    # A folder with headers alone has no archive.
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND files $<TARGET_FILE:${target}>)
    endif()
  endforeach()
  set(whole)
  foreach(target IN LISTS arg_WHOLE)
    list(APPEND whole $<TARGET_FILE:${target}>)
  endforeach()
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/lib
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} -o ${object} -Wl,--whole-archive ${whole}
      -Wl,--no-whole-archive -Wl,--start-group ${files} -Wl,--end-group
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden --strip-debug ${object}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} rcs ${archive} ${object}
    DEPENDS ${arg_WHOLE} ${arg_WITH}
    COMMENT "Linking ${library} in advance" VERBATIM COMMAND_EXPAND_LISTS)
  add_custom_target(${library}_static DEPENDS ${archive})
endfunction()

set(core_archives weir_routing weir_config weir_link weir_route weir_limit weir_json weir_base)
weir_prelink(weir_core WHOLE weir_decide WITH ${core_archives})
weir_prelink(weir WHOLE weir_embed weir_decide WITH weir_proxy weir_control weir_adapters weir_net
  weir_http weir_jwt weir_llhttp ${core_archives})

add_custom_target(weir_libraries DEPENDS weir_shared weir_core_static weir_static)
