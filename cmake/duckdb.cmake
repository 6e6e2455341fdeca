# DuckDB for src/lake: its header to compile with, its library beside the binaries, where they look
# for it.
# deploy/fetch-duckdb puts both into deploy/vendor/duckdb.
set(MC_DUCKDB ${CMAKE_SOURCE_DIR}/deploy/vendor/duckdb CACHE PATH "folder of duckdb.h and libduckdb.so")
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

if(NOT EXISTS ${MC_DUCKDB}/duckdb.h OR NOT EXISTS ${MC_DUCKDB}/libduckdb.so)
  message(FATAL_ERROR "duckdb.h and libduckdb.so are needed: run deploy/fetch-duckdb")
endif()
add_library(mc_duckdb INTERFACE)
target_include_directories(mc_duckdb SYSTEM INTERFACE ${MC_DUCKDB})
target_link_libraries(mc_duckdb INTERFACE PkgConfig::ZSTD ${CMAKE_DL_LIBS})
target_link_options(mc_duckdb INTERFACE "LINKER:-rpath,$ORIGIN")
file(CREATE_LINK ${MC_DUCKDB}/libduckdb.so ${CMAKE_BINARY_DIR}/libduckdb.so COPY_ON_ERROR SYMBOLIC)
