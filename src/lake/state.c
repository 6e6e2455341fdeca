#include "lake/state.h"

#include "base/hash.h"
#include <inttypes.h>
#include <stdio.h>

#define HEAD "maxcart lake "
#define SUM "sum "

void mc_lake_state_free(struct mc_lake_state *state) {
    mc_buf_free(&state->files);
    *state = (struct mc_lake_state){0};
}

void mc_lake_state_encode(const struct mc_lake_state *s, struct mc_buf *out) {
    struct mc_str name;
    size_t start = out->len, at = 0;
    mc_buf_printf(out, HEAD "%d\n", MC_LAKE_VERSION);
    mc_buf_printf(out, "log %s\n", s->log[0] ? s->log : "-");
    mc_buf_printf(out, "commit %" PRIu64 "\nbegin %" PRIu64 "\nnext %" PRIu64 "\n", s->commit, s->begin, s->next);
    mc_buf_printf(out, "events %" PRIu64 "\nlate %" PRIu64 "\nrejects %" PRIu64 "\n", s->events, s->late, s->rejects);
    mc_buf_printf(out, "clock %" PRId64 " %" PRIu32 "\n", s->clock_us, s->clock_order);
    mc_buf_printf(out, "open %" PRIu64 " %016" PRIx64 " %" PRIu64 " %" PRIu64 "\n", s->open_len, s->open_hash,
                  s->open_events, s->open_rejects);
    while (mc_lake_state_file(mc_buf_view(&s->files), &at, &name))
        mc_buf_printf(out, "file %.*s\n", (int)name.len, name.data);
    if (!out->failed)
        mc_buf_printf(out, SUM "%016" PRIx64 "\n", mc_hash64(out->data + start, out->len - start));
}

bool mc_lake_state_file(struct mc_str files, size_t *at, struct mc_str *name) {
    const char *end = *at < files.len ? memchr(files.data + *at, '\n', files.len - *at) : NULL;
    if (end == NULL)
        return false;
    *name = (struct mc_str){files.data + *at, (size_t)(end - files.data) - *at};
    *at += name->len + 1;
    return true;
}

static bool begins_with(struct mc_str s, struct mc_str with) {
    return s.len >= with.len && memcmp(s.data, with.data, with.len) == 0;
}

bool mc_lake_name_is_good(struct mc_str name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789=-./";
    struct mc_str end = MC_STR(".parquet");
    for (size_t i = 0; i < name.len; i++)
        if (strchr(letters, name.data[i]) == NULL || name.data[i] == '\0')
            return false;
    return (begins_with(name, MC_STR("events/date=")) || begins_with(name, MC_STR("rejects/date="))) &&
           name.len < 128 && memmem(name.data, name.len, "..", 2) == NULL &&
           memcmp(name.data + name.len - end.len, end.data, end.len) == 0;
}

/* The text in front of the last line, if that line is its sum. */
static bool check_sum(struct mc_str *text) {
    char line[32];
    size_t len = sizeof SUM - 1 + 16 + 1;
    if (text->len < len)
        return false;
    struct mc_str body = {text->data, text->len - len};
    snprintf(line, sizeof line, SUM "%016" PRIx64 "\n", mc_hash64(body.data, body.len));
    bool good = memcmp(text->data + body.len, line, len) == 0;
    *text = body;
    return good;
}

/* Lines are of our own making and the sum is right: what does not fit is a newer or foreign one. */
static bool take_line(struct mc_lake_state *s, const char *line) {
    char log[MC_LAKE_LOG_MAX + 1], name[160];
    if (sscanf(line, "log %64s", log) == 1) {
        snprintf(s->log, sizeof s->log, "%s", strcmp(log, "-") == 0 ? "" : log);
        return true;
    }
    if (sscanf(line, "file %159s", name) == 1) {
        mc_buf_printf(&s->files, "%s\n", name);
        return mc_lake_name_is_good(mc_str_of(name));
    }
    return sscanf(line, "commit %" SCNu64, &s->commit) == 1 || sscanf(line, "begin %" SCNu64, &s->begin) == 1 ||
           sscanf(line, "next %" SCNu64, &s->next) == 1 || sscanf(line, "events %" SCNu64, &s->events) == 1 ||
           sscanf(line, "late %" SCNu64, &s->late) == 1 || sscanf(line, "rejects %" SCNu64, &s->rejects) == 1 ||
           sscanf(line, "clock %" SCNd64 " %" SCNu32, &s->clock_us, &s->clock_order) == 2 ||
           sscanf(line, "open %" SCNu64 " %" SCNx64 " %" SCNu64 " %" SCNu64, &s->open_len, &s->open_hash,
                  &s->open_events, &s->open_rejects) == 4;
}

static enum mc_err take_lines(struct mc_lake_state *s, struct mc_str text, struct mc_error *e) {
    struct mc_str line;
    size_t at = 0;
    int version = 0;
    while (mc_lake_state_file(text, &at, &line)) {
        char copy[256];
        snprintf(copy, sizeof copy, "%.*s", (int)line.len, line.data);
        if (version == 0 && sscanf(copy, HEAD "%d", &version) == 1) {
            if (version > MC_LAKE_VERSION)
                return mc_error_set(e, MC_ERR_VERSION, "lake: it was made by a newer MaxCart (version %d)", version);
        } else if (version == 0 || !take_line(s, copy)) {
            return mc_error_set(e, MC_ERR_FORMAT, "lake: %s has a line that is none of ours: %.100s", MC_LAKE_STATE,
                                copy);
        }
    }
    return s->files.failed ? mc_error_set(e, MC_ERR_NOMEM, "lake: no memory for its state") : MC_OK;
}

enum mc_err mc_lake_state_decode(struct mc_lake_state *s, struct mc_str text, struct mc_error *e) {
    if (!check_sum(&text))
        return mc_error_set(e, MC_ERR_FORMAT, "lake: %s is damaged: its sum is wrong", MC_LAKE_STATE);
    return take_lines(s, text, e);
}
