#include "outreach/variables.h"

#include "base/mem.h"
#include "outreach/text.h"

void mc_variables_free(struct mc_variables *f) {
    mc_buf_free(&f->text);
    mc_free(f->list);
    *f = (struct mc_variables){0};
}

static struct mc_variable *append(struct mc_variables *f) {
    if (f->failed)
        return NULL;
    if (f->count == f->cap) {
        size_t cap = f->cap > 0 ? f->cap * 2 : 32;
        struct mc_variable *list = mc_realloc(f->list, cap * sizeof *list);
        if (list == NULL) {
            f->failed = true;
            return NULL;
        }
        f->list = list;
        f->cap = cap;
    }
    return &f->list[f->count++];
}

void mc_variables_put(struct mc_variables *f, const char *name, struct mc_str value) {
    struct mc_variable *field = append(f);
    if (field == NULL)
        return;
    size_t at = f->text.len;
    mc_text_line(&f->text, value, MC_FIELD_BYTES_MAX);
    *field = (struct mc_variable){name, at, f->text.len - at};
    f->failed = f->text.failed;
}

void mc_variables_row(struct mc_variables *f) {
    struct mc_variable *field = append(f);
    if (field != NULL)
        *field = (struct mc_variable){0};
}
