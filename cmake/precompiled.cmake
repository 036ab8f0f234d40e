# Headers that most sources include, compiled once, with SUPERVISOR_PRECOMPILE. A source names what it needs all the same: builds
# without it, the release's among them, see to that.
set(precompiled_headers
  <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <deque> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional>
  <set> <stdexcept> <string> <string_view> <thread> <unordered_map> <unordered_set> <variant> <vector>
  <boost/describe.hpp> <boost/mp11.hpp> "${PROJECT_SOURCE_DIR}/messages/caf.hpp")

# supervisor_precompile(NAME [HEADERS header...] [LIBS library...] [OPTIONS option...]): these and HEADERS, as what is compiled with the
# options of this folder and OPTIONS can use them; LIBS say where they are.
function(supervisor_precompile name)
  if(NOT SUPERVISOR_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "HEADERS;LIBS;OPTIONS" ${ARGN})
  # A target without a source cannot be.
  set(nothing ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${nothing} CONTENT "")
  add_library(${name} OBJECT ${nothing})
  target_link_libraries(${name} PRIVATE supervisor_options supervisor_messages ${arg_LIBS})
  target_compile_options(${name} PRIVATE ${arg_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${precompiled_headers} ${arg_HEADERS})
endfunction()

# supervisor_use_precompiled(TARGET NAME)
function(supervisor_use_precompiled target name)
  if(SUPERVISOR_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()
