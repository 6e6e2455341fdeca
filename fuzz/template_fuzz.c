/* Any template over fixed fields: it is refused with a position or renders, and no value brings markup into HTML.
 *
 * The template itself may hold markup, so the property is checked on the values: each holds a marker with characters
 * that HTML escapes, and the marker as it was must not be in the result. */
#include "base/buf.h"
#include "outreach/template.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char marker[] = "<mark\"'&{{>}}";

static void fill(struct mc_variables *fields) {
    mc_variables_put(fields, "a", mc_str_of(marker));
    mc_variables_put(fields, "b", MC_STR(""));
    for (int i = 0; i < 3; i++) {
        mc_variables_row(fields);
        mc_variables_put(fields, "c", mc_str_of(marker));
        mc_variables_put(fields, "d", i == 1 ? MC_STR("") : MC_STR("x"));
    }
}

static void try_kind(enum mc_template_kind kind, struct mc_str source) {
    struct mc_template *t;
    struct mc_error e = {0};
    enum mc_err err = mc_template_parse(&t, kind, source, "fuzz", NULL, &e);
    assert(err == MC_OK ? t != NULL : t == NULL && e.code == err && e.text[0] != '\0');
    if (err != MC_OK)
        return;
    struct mc_variables fields = {0};
    struct mc_buf out = {0}, again = {0};
    fill(&fields);
    err = mc_template_render(t, &fields, &out, &e);
    assert(err == MC_OK || err == MC_ERR_LIMIT);
    assert(err == mc_template_render(t, &fields, &again, &e));
    assert(mc_str_equal(mc_buf_view(&out), mc_buf_view(&again)));
    bool told_by_template = source.len >= sizeof marker - 1 && memmem(source.data, source.len, "<mark", 5) != NULL;
    if (kind == MC_TEMPLATE_HTML && out.len > 0 && !told_by_template)
        assert(memmem(out.data, out.len, marker, sizeof marker - 1) == NULL);
    if (kind == MC_TEMPLATE_SUBJECT)
        assert(out.len <= MC_SUBJECT_BYTES_MAX && (out.len == 0 || memchr(out.data, '\n', out.len) == NULL));
    mc_buf_free(&out);
    mc_buf_free(&again);
    mc_variables_free(&fields);
    mc_template_close(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_str source = {(const char *)data, size};
    try_kind(MC_TEMPLATE_SUBJECT, source);
    try_kind(MC_TEMPLATE_TEXT, source);
    try_kind(MC_TEMPLATE_HTML, source);
    return 0;
}
