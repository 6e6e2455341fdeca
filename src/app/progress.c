#include "app/progress.h"

#include "app/summary.h"
#include "base/time.h"
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 20, COLUMNS_DEFAULT = 80 };

#define REDRAW_NS ((int64_t)100000000)
#define WARM_UP_NS ((int64_t)500000000) /* no rate and no estimate before: they would jump */

/* The smaller of 1.0 and done / total, in thousandths. */
static unsigned share(uint64_t done, uint64_t total) {
    return done >= total ? 1000 : (unsigned)((unsigned __int128)done * 1000 / total);
}

static void put_bar(struct mc_buf *b, unsigned thousandths) {
    mc_buf_text(b, "  [");
    for (unsigned i = 0; i < BAR_CELLS; i++)
        mc_buf_char(b, i * 1000 < thousandths * BAR_CELLS ? '#' : '.');
    mc_buf_printf(b, "] %3u %%", thousandths / 10);
}

/* Three digits and a letter: "950", "2.10 k", "31.4 M". */
static void put_scaled(struct mc_buf *b, double value) {
    static const char *const scale[] = {"", " k", " M", " G"};
    int i = 0;
    for (; value >= 999.5 && i < 3; i++)
        value /= 1000;
    int decimals = i == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    mc_buf_printf(b, "%.*f%s", decimals, value, scale[i]);
}

static void put_time_left(struct mc_buf *b, int64_t seconds) {
    if (seconds >= 3600)
        mc_buf_printf(b, "  %lld h %02lld min left", (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
    else if (seconds >= 60)
        mc_buf_printf(b, "  %lld min %02lld s left", (long long)(seconds / 60), (long long)(seconds % 60));
    else
        mc_buf_printf(b, "  %lld s left", (long long)seconds);
}

static void put_speed(struct mc_buf *b, const struct mc_progress_state *s) {
    double seconds = (double)s->elapsed_ns * 1e-9;
    mc_buf_text(b, "  ");
    put_scaled(b, (double)s->count / seconds);
    mc_buf_printf(b, " %s/s", s->unit);
    if (s->total > 0 && s->done > 0 && s->done <= s->total)
        put_time_left(b, (int64_t)(seconds * (double)(s->total - s->done) / (double)s->done + 0.5));
}

/* Cuts to at most `columns` code points behind `start`. */
static void cut(struct mc_buf *b, size_t start, int columns) {
    size_t at = start;
    for (int width = 0; at < b->len; at++)
        if (((unsigned char)b->data[at] & 0xC0) != 0x80 && width++ == columns)
            break;
    b->len = at;
}

void mc_progress_line(struct mc_buf *b, const struct mc_progress_state *s) {
    size_t start = b->len;
    mc_show_text(b, mc_str_of(s->what));
    if (s->total > 0)
        put_bar(b, share(s->done, s->total));
    mc_buf_text(b, "  ");
    mc_show_count(b, s->count);
    mc_buf_printf(b, " %s", s->unit);
    if (s->elapsed_ns >= WARM_UP_NS)
        put_speed(b, s);
    cut(b, start, s->columns);
}

void mc_progress_start(struct mc_progress *p, int fd, bool quiet) {
    *p = (struct mc_progress){.fd = !quiet && isatty(fd) ? fd : -1, .start_ns = mc_monotonic_ns()};
}

static int terminal_columns(int fd) {
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : COLUMNS_DEFAULT - 1;
}

/* A progress line that cannot be drawn is no error of the run. */
static void draw(int fd, struct mc_str text) {
    ssize_t ignored = write(fd, text.data, text.len);
    (void)ignored;
}

void mc_progress_update(struct mc_progress *p, const struct mc_progress_state *state) {
    int64_t now = p->fd < 0 ? 0 : mc_monotonic_ns();
    if (p->fd < 0 || (p->drawn_ns != 0 && now - p->drawn_ns < REDRAW_NS))
        return;
    p->drawn_ns = now;
    struct mc_progress_state s = *state;
    s.elapsed_ns = now - p->start_ns;
    s.columns = terminal_columns(p->fd);
    struct mc_buf b = {0};
    mc_buf_char(&b, '\r');
    mc_progress_line(&b, &s);
    mc_buf_text(&b, "\x1B[K");
    draw(p->fd, mc_buf_view(&b));
    mc_buf_free(&b);
}

void mc_progress_end(struct mc_progress *p) {
    if (p->fd >= 0 && p->drawn_ns != 0)
        draw(p->fd, MC_STR("\r\x1B[K"));
    p->fd = -1;
}
