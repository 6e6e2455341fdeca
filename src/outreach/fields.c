#include "outreach/fields.h"

#include "base/mem.h"
#include "outreach/text.h"

void mc_fields_free(struct mc_fields *f) {
    mc_buf_free(&f->text);
    mc_free(f->list);
    *f = (struct mc_fields){0};
}

static struct mc_field *append(struct mc_fields *f) {
    if (f->failed)
        return NULL;
    if (f->count == f->cap) {
        size_t cap = f->cap > 0 ? f->cap * 2 : 32;
        struct mc_field *list = mc_realloc(f->list, cap * sizeof *list);
        if (list == NULL) {
            f->failed = true;
            return NULL;
        }
        f->list = list;
        f->cap = cap;
    }
    return &f->list[f->count++];
}

void mc_fields_put(struct mc_fields *f, const char *name, struct mc_str value) {
    struct mc_field *field = append(f);
    if (field == NULL)
        return;
    size_t at = f->text.len;
    mc_text_line(&f->text, value, MC_FIELD_BYTES_MAX);
    *field = (struct mc_field){name, at, f->text.len - at};
    f->failed = f->text.failed;
}

void mc_fields_row(struct mc_fields *f) {
    struct mc_field *field = append(f);
    if (field != NULL)
        *field = (struct mc_field){0};
}
