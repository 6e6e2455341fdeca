/* Errors of the world: disk full, peer gone, file missing.
 *
 * A function that can fail so returns `enum mc_err` and takes a `struct mc_error *` that it fills with a sentence for a
 * person, which names what was being done and to what. MC_OK is 0. Bugs assert; bad input is data, never an error.
 * The struct belongs to the caller; functions never keep it. Not shared between threads.
 */
#ifndef MC_BASE_ERR_H
#define MC_BASE_ERR_H

#include <stdbool.h>

enum mc_err {
    MC_OK = 0,
    MC_ERR_USAGE,   /* the caller asked for something that has no meaning: exit code 2 */
    MC_ERR_IO,      /* read, write, open, network */
    MC_ERR_FULL,    /* no room: disk or quota */
    MC_ERR_NOMEM,   /* no memory */
    MC_ERR_FORMAT,  /* a whole input is not what it should be: header, truncated gzip, foreign snapshot */
    MC_ERR_BUSY,    /* another process holds it */
    MC_ERR_VERSION, /* made by a newer version */
    MC_ERR_LIMIT,   /* a stated limit was met */
};

struct mc_error {
    enum mc_err code;
    char text[512]; /* UTF-8, NUL-terminated, cut if longer */
};

/* Sets code and text; returns code, so that `return mc_error_set(...)` reads well. `e` may be NULL. */
enum mc_err mc_error_set(struct mc_error *e, enum mc_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts words in front of what is there, as "words: text"; returns the code that is there. `e` may be NULL. */
enum mc_err mc_error_wrap(struct mc_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* MC_ERR_FULL for ENOSPC and EDQUOT, MC_ERR_NOMEM for ENOMEM, else MC_ERR_IO. */
enum mc_err mc_err_of_errno(int error_number);

#endif
