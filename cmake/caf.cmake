# CAF: Debian's, which tells CMake nothing of itself, or what is installed in CAF_ROOT. Sets CAF_LIBRARY and CAF_INCLUDE_DIR.
set(CAF_ROOT "" CACHE PATH "Where CAF 1.x is installed; empty: the system's CAF")

# Looked for anew each time: CAF_ROOT may have changed.
unset(CAF_DIR CACHE)
unset(CAF_CORE_LIBRARY CACHE)
unset(CAF_INCLUDE_DIR CACHE)
if(CAF_ROOT)
  find_package(CAF 1.1 CONFIG REQUIRED COMPONENTS core PATHS ${CAF_ROOT} NO_DEFAULT_PATH)
  set(CAF_LIBRARY CAF::core)
  find_path(CAF_INCLUDE_DIR caf/all.hpp REQUIRED PATHS ${CAF_ROOT}/include NO_DEFAULT_PATH)
else()
  find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
  set(CAF_LIBRARY ${CAF_CORE_LIBRARY})
  find_path(CAF_INCLUDE_DIR caf/all.hpp REQUIRED)
endif()
