/* The archive: accepted events and rejected rows of a log, as Parquet files in a folder, the lake (DESIGN 2.5).
 *
 *     LAKE/events/date=2019-10-01/0000000000000001-0000000000131072.parquet      accepted events, by day of event time
 *     LAKE/rejects/date=2026-03-02/....parquet                                   rejected rows, by day of arrival
 *     LAKE/_maxcart/                                                             ours: commit record, lock
 *
 * A lake holds one log. Rows of the log have positions 0, 1, 2 ..., counted by the caller over the log's whole life,
 * accepted and rejected alike. A file of events is made when the clock is a day past the end of its day, when there is
 * too much in memory, and at mc_archive_flush; what belongs to the same day later goes to another file. All of this is
 * told by the rows alone, so the same log gives the same files, byte for byte, however it is cut into batches.
 *
 * The commit rule. mc_archive_commit makes durable that rows up to the position are in the lake: in files, or in one
 * open file of our own from which the next run takes them up. The commit is the renaming of one record
 * (docs/FORMATS.md). A process killed before it has archived nothing since the commit before; files that wait beside
 * the lake are forgotten. Killed after it, all is in: files not in their place yet are put there by the next open. So a
 * caller with a consumed position of its own commits the archive first, then itself, and after a crash gives rows again
 * from its own position: those that the lake has are left out by their position.
 *
 * A lake whose log has no identity (a replay without a store) takes one commit, at the end; it must be empty before.
 *
 * Threads: one owner. The work of making files can be done elsewhere: mc_archive_take, mc_archive_make (any thread),
 * mc_archive_give_back (the owner). Memory: about 56 bytes a row of the open days and their distinct texts, at most
 * MC_ARCHIVE_BYTES_MAX of it, and 150 bytes a row of the file that is being made.
 */
#ifndef MC_LAKE_ARCHIVE_H
#define MC_LAKE_ARCHIVE_H

#include "event/batch.h"

enum { MC_ARCHIVE_DAYS_MAX = 64 };                  /* open days; beyond it the one that is due first is written */
#define MC_ARCHIVE_BYTES_MAX ((uint64_t)256 << 20)  /* of open days; beyond it the largest is written */
#define MC_ARCHIVE_REJECTS_MAX ((uint64_t)32 << 20) /* of rejected rows in memory */

struct mc_archive;

struct mc_archive_options {
    const char *path;   /* the lake's folder; made if missing */
    struct mc_str log;  /* identity of the log: at most 64 bytes of [0-9a-zA-Z-]; empty: none */
    bool hand_out_work; /* files are made by mc_archive_take and so on; else inside mc_archive_put */
    uint64_t bytes_max; /* 0: MC_ARCHIVE_BYTES_MAX. For tests */
};

/* Takes the lake for writing, and puts what an earlier commit left half done into its place.
 * MC_ERR_BUSY: another process archives into it. MC_ERR_USAGE: it holds another log. MC_ERR_FORMAT: damaged or foreign.
 * MC_ERR_VERSION, MC_ERR_IO, MC_ERR_FULL, MC_ERR_NOMEM. On an error *out is NULL. */
enum mc_err mc_archive_open(struct mc_archive **out, const struct mc_archive_options *options, struct mc_error *e);

/* Forgets what was not committed; sets *a to NULL. NULL inside is fine. */
void mc_archive_close(struct mc_archive **a);

/* Rows of the log in front of this position are in the lake and durable; whether there was ever a commit. */
uint64_t mc_archive_position(const struct mc_archive *a);
bool mc_archive_is_new(const struct mc_archive *a);

/* A batch whose rows have all been decided: in the order of the log. Everything is borrowed for the call. */
struct mc_archive_rows {
    const struct mc_batch *batch;      /* its duplicates are rejects */
    const struct mc_time *visit_start; /* by event: opening time of its visit; none: late. Of duplicates not read */
    const struct mc_time *original;    /* by event: the time it came with, if that was corrected, else none; or NULL */
    uint64_t position;                 /* in the log, of the batch's row 0 */
    struct mc_str source;              /* a name for people: the path as given, or the collector's key */
    struct mc_wall arrived_at;
};

/* Rows that the lake has already are left out. MC_ERR_USAGE: there is a hole between the lake's position and these
 * rows. MC_ERR_NOMEM, and errors of files: the archive can then only be closed. */
enum mc_err mc_archive_put(struct mc_archive *a, const struct mc_archive_rows *rows, struct mc_error *e);

/* All that is open becomes files, so that readers see it after the next commit. Errors as of put. */
enum mc_err mc_archive_flush(struct mc_archive *a, struct mc_error *e);

/* Makes durable all that was put; no work may be out. On an error nothing has changed in the lake, or all of it: the
 * next open tells. The archive can then only be closed. */
enum mc_err mc_archive_commit(struct mc_archive *a, struct mc_error *e);

/* With hand_out_work: a file to be made, or NULL. Each is given back, with its errors. Files are independent of one
 * another and of the archive. */
struct mc_archive_work;
struct mc_archive_work *mc_archive_take(struct mc_archive *a);
void mc_archive_make(struct mc_archive_work *work);
enum mc_err mc_archive_give_back(struct mc_archive *a, struct mc_archive_work *work, struct mc_error *e);

#endif
