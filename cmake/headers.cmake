# headers_compile_alone: one generated source per header that includes nothing but that header.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/engine/*.h ${PROJECT_SOURCE_DIR}/adapters/*.h)
set(header_sources)
foreach(header IN LISTS headers)
  string(REPLACE "/" "__" stem ${header})
  set(source ${PROJECT_BINARY_DIR}/headers/${stem}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
  list(APPEND header_sources ${source})
  if(header STREQUAL "engine/include/weir/weir.h")
    # The C interface must also be C.
    file(CONFIGURE OUTPUT ${source}.c CONTENT "#include \"${header}\"\n")
    list(APPEND header_sources ${source}.c)
  endif()
endforeach()
if(header_sources)
  add_library(headers_compile_alone OBJECT ${header_sources})
  set_target_properties(headers_compile_alone PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  target_link_libraries(headers_compile_alone PRIVATE weir_warnings weir_no_exceptions
    weir_engine)
  # Only the front end matters here.
  target_compile_options(headers_compile_alone PRIVATE -O0 -g0 -fno-sanitize=all)
  if(NOT WEIR_CHECK_HEADERS)
    set_target_properties(headers_compile_alone PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endif()
