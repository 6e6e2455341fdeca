/* A file, a gzip of one, or standard input, as batches of whole CSV rows.
 *
 * What it is is told by its first bytes, not by its name. Blocking; one owner thread. Errors name the path and, where
 * it helps, the byte position.
 */
#ifndef MC_SOURCE_FILE_H
#define MC_SOURCE_FILE_H

#include "event/csv.h"

enum {
    MC_BATCH_BYTES = 1 << 16,      /* raw bytes that a batch aims at: with its events it fits a core's cache */
    MC_SOURCE_HEAD_BYTES = 1 << 16 /* a source is known by its first bytes and its length */
};

struct mc_file;

/* Opens it and reads its first bytes; "-" is standard input. MC_ERR_IO: missing, a directory, unreadable. */
enum mc_err mc_file_open(struct mc_file **out, const char *path, struct mc_error *e);
void mc_file_close(struct mc_file **file);

const char *mc_file_path(const struct mc_file *file);

/* The bytes on disk: the first of them, at most MC_SOURCE_HEAD_BYTES, and how many there are; -1 for what is no regular
 * file, which has no identity. The view lives as long as the file. */
struct mc_str mc_file_head(const struct mc_file *file);
int64_t mc_file_len(const struct mc_file *file);

/* Reads the header row, or with `no_header` takes the default columns; call it once, before the rest. A byte order mark
 * is skipped. MC_ERR_FORMAT: no usable header. */
enum mc_err mc_file_layout(struct mc_file *file, bool no_header, struct mc_layout *layout, struct mc_error *e);

/* Content that was read already and will be given out next: whole or not, at most some 64 KiB. Valid until the next
 * call. */
struct mc_str mc_file_peek(const struct mc_file *file);

/* Goes on at this offset of the (unpacked) content, up to which it was consumed: after mc_file_layout, before the first
 * fill. If the last row had no line feed then, one that has come since belongs to it; anything else is in *torn_row:
 * the row was cut when it was read, and what follows starts in the middle of it. */
enum mc_err mc_file_resume(struct mc_file *file, uint64_t offset, bool *torn_row, struct mc_error *e);

/* Where the next batch starts, in the (unpacked) content. */
uint64_t mc_file_offset(const struct mc_file *file);

/* Resets the batch and fills it with the next whole rows: about MC_BATCH_BYTES, more only if one row is longer. raw_len
 * 0: there are no more. *last: the input ends with this batch. MC_ERR_IO; MC_ERR_FORMAT: damaged or truncated gzip;
 * MC_ERR_NOMEM. */
enum mc_err mc_file_fill(struct mc_file *file, struct mc_batch *batch, bool *last, struct mc_error *e);

/* Bytes on disk consumed so far, for a progress bar. */
uint64_t mc_file_progress(const struct mc_file *file);

#endif
