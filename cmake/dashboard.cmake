# The page: dashboard/ is built by esbuild into the build folder and embedded by src/web/assets.c. Include it after
# mc_module(web). -DMC_DASHBOARD=OFF builds a MaxCart without the page, for a machine without Node; the API is the same.
option(MC_DASHBOARD "build the web page into the binary (needs Node 18 or newer, npm)" ON)
if(MC_DASHBOARD)
  find_program(MC_NODE node REQUIRED)
  find_program(MC_NPM npm REQUIRED)
  set(dashboard ${CMAKE_SOURCE_DIR}/dashboard)
  set(dist ${CMAKE_BINARY_DIR}/dashboard)
  file(GLOB dashboard_sources CONFIGURE_DEPENDS ${dashboard}/src/*)
  # The packages lie in the source tree, for all build folders: installed here, once, and not by a rule, which each new
  # build folder would run again under the feet of the others. ./run installs them before it configures.
  if(NOT EXISTS ${dashboard}/node_modules/.package-lock.json
      OR ${dashboard}/package-lock.json IS_NEWER_THAN ${dashboard}/node_modules/.package-lock.json)
    message(STATUS "npm ci of the dashboard")
    execute_process(COMMAND ${MC_NPM} ci --prefix ${dashboard} --ignore-scripts --no-audit --no-fund
      COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
  endif()
  add_custom_command(OUTPUT ${dist}/index.html
    COMMAND ${MC_NODE} ${dashboard}/build.mjs ${dist}
    DEPENDS ${dashboard}/build.mjs ${dashboard}/tsconfig.json ${dashboard_sources}
      ${dashboard}/package-lock.json
    COMMENT "the dashboard" VERBATIM)
  add_custom_target(mc_dashboard DEPENDS ${dist}/index.html)
  add_dependencies(mc_web mc_dashboard)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/web/assets.c PROPERTIES
    COMPILE_DEFINITIONS MC_DASHBOARD_DIST="${dist}" OBJECT_DEPENDS ${dist}/index.html)
endif()
