/* Files that are durable when a call returns. Private to lake/. Paths are relative to a folder that is open, so that
 * nothing depends on the process's own folder. Threads: any, on different files. */
#ifndef MC_LAKE_FILES_H
#define MC_LAKE_FILES_H

#include "base/buf.h"
#include "base/err.h"

/* Opens `path` as a folder, made with its parents if missing. *fd is the caller's to close; -1 after an error. */
enum mc_err mc_folder_open(const char *path, int *fd, struct mc_error *e);

/* Makes the folders in front of the last slash of `path`. */
enum mc_err mc_folder_make(int folder, const char *path, struct mc_error *e);

/* Makes the entries of this folder durable. */
enum mc_err mc_folder_sync(int folder, const char *path, struct mc_error *e);

/* Writes a file, whatever was there before, and makes its content (not yet its name) durable. */
enum mc_err mc_file_put(int folder, const char *path, struct mc_str bytes, struct mc_error *e);

/* Writes a file, in a folder that is there and durable, in place of the one that is there: after a crash it is the old
 * or the new one, whole. */
enum mc_err mc_file_replace(int folder, const char *path, struct mc_str bytes, struct mc_error *e);

/* Appends its bytes; *found false and MC_OK: there is none. */
enum mc_err mc_file_get(int folder, const char *path, struct mc_buf *out, bool *found, struct mc_error *e);

/* Removes the folder and all in it; fine if there is none. */
enum mc_err mc_folder_remove(int folder, const char *path, struct mc_error *e);

#endif
