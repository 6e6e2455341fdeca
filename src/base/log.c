#include "base/log.h"

#include "base/time.h"
#include <unistd.h>

static const char *const level_names[] = {"info", "warning", "error"};

static bool needs_quotes(const char *text) {
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == 0x7f)
            return true;
    return text[0] == '\0';
}

void mc_log_line(struct mc_buf *b, int64_t us, enum mc_log_level level, const char *what,
                 const struct mc_log_field *fields, size_t count) {
    mc_buf_time(b, us);
    mc_buf_printf(b, " %s %s", level_names[level], what);
    for (size_t i = 0; i < count; i++) {
        mc_buf_printf(b, " %s=", fields[i].name);
        if (fields[i].text == NULL)
            mc_buf_int(b, fields[i].number);
        else if (needs_quotes(fields[i].text))
            mc_buf_json(b, mc_str_of(fields[i].text));
        else
            mc_buf_text(b, fields[i].text);
    }
    mc_buf_char(b, '\n');
}

void mc_log_write(enum mc_log_level level, const char *what, const struct mc_log_field *fields, size_t count) {
    struct mc_buf b = {0};
    mc_log_line(&b, mc_wall_now().us, level, what, fields, count);
    ssize_t ignored = b.failed ? 0 : write(STDERR_FILENO, b.data, b.len);
    (void)ignored;
    mc_buf_free(&b);
}
