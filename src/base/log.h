/* What a service says to its operator: one line an event, on standard error, as logfmt.
 *
 *     2026-11-24T19:00:00.123456Z info listening url=http://127.0.0.1:8080 threads=2
 *
 * Any thread; a line is one write. Never a secret, an address of a customer or a body in it. Values are quoted where
 * they hold a space, a quote, an equals sign or a control character.
 */
#ifndef MC_BASE_LOG_H
#define MC_BASE_LOG_H

#include "base/buf.h"

enum mc_log_level { MC_LOG_INFO, MC_LOG_WARNING, MC_LOG_ERROR };

struct mc_log_field {
    const char *name;
    const char *text; /* NULL: the number */
    int64_t number;
};

void mc_log_write(enum mc_log_level level, const char *what, const struct mc_log_field *fields, size_t count);

/* mc_log(MC_LOG_INFO, "listening", {"url", url}, {"threads", NULL, 2}) */
#define mc_log(level, what, ...)                                                                                       \
    mc_log_write((level), (what), (const struct mc_log_field[]){__VA_ARGS__},                                          \
                 sizeof((const struct mc_log_field[]){__VA_ARGS__}) / sizeof(struct mc_log_field))

/* The line alone, for tests: at a given time. */
void mc_log_line(struct mc_buf *b, int64_t us, enum mc_log_level level, const char *what,
                 const struct mc_log_field *fields, size_t count);

#endif
