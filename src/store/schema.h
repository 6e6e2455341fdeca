/* The tables and their versions (PRAGMA user_version). A version, once released, is never edited: what changes is a new
 * migration at the end of the list in schema.c. Private to store/ and its tests. */
#ifndef MC_STORE_SCHEMA_H
#define MC_STORE_SCHEMA_H

#include <sqlite3.h>

enum { MC_SCHEMA_VERSION = 5, MC_SCHEMA_APPLICATION_ID = 0x4d634c31 /* "McL1" */ };

/* Brings an open database, with mc_sql_functions, from version `from` to `to`, each step in one transaction; stops at
 * the first error and returns SQLite's code: what was reached before it stays. */
int mc_schema_migrate(sqlite3 *db, int from, int to);

#endif
