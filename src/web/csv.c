#include "web/csv.h"

void mc_csv_cell(struct mc_buf *b, struct mc_str text) {
    static const char starts[] = "=+-@\t\r\n";
    bool formula = text.len > 0 && memchr(starts, text.data[0], sizeof starts - 1) != NULL;
    if (!formula) {
        mc_buf_csv(b, text);
        return;
    }
    struct mc_buf safe = {0};
    mc_buf_char(&safe, '\'');
    mc_buf_str(&safe, text);
    mc_buf_csv(b, mc_buf_view(&safe));
    b->failed = b->failed || safe.failed;
    mc_buf_free(&safe);
}

void mc_csv_money(struct mc_buf *b, __int128 minor) {
    unsigned __int128 amount = minor < 0 ? -(unsigned __int128)minor : (unsigned __int128)minor;
    if (minor < 0)
        mc_buf_char(b, '-');
    mc_buf_int128(b, (__int128)(amount / 100));
    mc_buf_printf(b, ".%02u", (unsigned)(amount % 100));
}

void mc_csv_answer(struct mc_web_request *r, const char *name, struct mc_buf *csv, enum mc_err err,
                   const struct mc_error *e) {
    struct mc_buf disposition = {0};
    if (err != MC_OK || csv->failed)
        mc_web_answer_failure(r, err, e);
    else {
        mc_buf_printf(&disposition, "attachment; filename=\"%s\"", name);
        mc_http_put_header(r->http, "Content-Disposition", mc_buf_cstr(&disposition));
        mc_http_put_header(r->http, "Cache-Control", "no-store");
        mc_http_answer(r->http, 200, "text/csv; charset=utf-8", mc_buf_view(csv));
    }
    mc_buf_free(&disposition);
    mc_buf_free(csv);
}
