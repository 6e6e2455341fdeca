/* The functions of libduckdb.so that the lake uses, found at the first use of SQL. Private to lake/.
 *
 * The library has 65 MB. Linked, it costs every start of the program 12 ms and 11 MB, used or not; opened when it is
 * needed it costs that only then. Threads: any. */
#ifndef MC_LAKE_DUCK_H
#define MC_LAKE_DUCK_H

#include "base/err.h"
#include <duckdb.h>

/* clang-format off */
#define MC_DUCK_FUNCTIONS(X) \
    X(append_blob) X(append_bool) X(append_hugeint) X(append_int64) X(append_null) X(append_timestamp) \
    X(append_varchar_length) X(appender_create) X(appender_destroy) X(appender_end_row) X(appender_error) \
    X(close) X(connect) X(data_chunk_get_size) X(data_chunk_get_vector) \
    X(destroy_data_chunk) X(destroy_extracted) X(destroy_prepare) X(destroy_result) X(disconnect) \
    X(execute_prepared_streaming) X(extract_statements) X(extract_statements_error) X(fetch_chunk) X(free) \
    X(interrupt) X(open_ext) X(prepare) \
    X(prepare_error) X(prepare_extracted_statement) X(prepared_statement_column_count) \
    X(prepared_statement_column_name) X(prepared_statement_column_type) X(prepared_statement_type) X(query) \
    X(result_error) X(vector_get_data) X(vector_get_validity)
/* clang-format on */

struct mc_duck {
#define X(name) __typeof__(&duckdb_##name) name;
    MC_DUCK_FUNCTIONS(X)
#undef X
};

/* The same table for all; found once a process. MC_ERR_IO: the library is missing or another version. */
enum mc_err mc_duck_get(const struct mc_duck **duck, struct mc_error *e);

#endif
