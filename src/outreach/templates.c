#include "outreach/templates.h"

#include "base/mem.h"
#include "outreach/template_check.h"
#include "outreach/view.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static enum mc_err fail_errno(const char *path, const char *what, struct mc_error *e) {
    int code = errno;
    return mc_error_set(e, mc_err_of_errno(code), "%s: %s: %s", path, what, strerror(code));
}

static enum mc_err read_all(int fd, const char *path, struct mc_buf *out, struct mc_error *e) {
    while (out->len <= MC_TEMPLATE_BYTES_MAX) {
        char *room = mc_buf_reserve(out, 16384);
        if (room == NULL)
            return mc_error_set(e, MC_ERR_NOMEM, "%s: no memory to read it", path);
        ssize_t got = read(fd, room, 16384);
        if (got == 0)
            return MC_OK;
        if (got > 0)
            out->len += (size_t)got;
        else if (errno != EINTR)
            return fail_errno(path, "reading a template", e);
    }
    return MC_OK; /* too long, which the check says */
}

static enum mc_err read_file(const char *path, struct mc_buf *out, struct mc_error *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in a folder of templates must not hang us */
    if (fd < 0)
        return fail_errno(path, "opening a template", e);
    enum mc_err err = read_all(fd, path, out, e);
    close(fd);
    return err;
}

static enum mc_err load(struct mc_template **out, enum mc_template_kind kind, const char *folder, const char *language,
                        struct mc_error *e) {
    static const char *const file[] = {"cart.subject.mustache", "cart.txt.mustache", "cart.html.mustache"};
    char path[PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/%s/%s", folder, language, file[kind]) >= (int)sizeof path)
        return mc_error_set(e, MC_ERR_IO, "%s: the path is too long", folder);
    struct mc_buf source = {0};
    enum mc_err err = read_file(path, &source, e);
    if (err == MC_OK)
        err = mc_template_parse(out, kind, mc_buf_view(&source), path, mc_view_names, e);
    mc_buf_free(&source);
    return err;
}

static enum mc_err load_wording(struct mc_templates *t, const char *folder, const char *language, struct mc_error *e) {
    if (t->count == MC_LANGUAGES_MAX)
        return mc_error_set(e, MC_ERR_LIMIT, "%s: more than %d languages", folder, MC_LANGUAGES_MAX);
    struct mc_wording *w = &t->list[t->count++];
    memcpy(w->language, language, strlen(language) + 1); /* is_language has measured it */
    enum mc_err err = load(&w->subject, MC_TEMPLATE_SUBJECT, folder, language, e);
    if (err == MC_OK)
        err = load(&w->text, MC_TEMPLATE_TEXT, folder, language, e);
    if (err == MC_OK)
        err = load(&w->html, MC_TEMPLATE_HTML, folder, language, e);
    return err;
}

static bool is_language(const char *name) {
    size_t len = strlen(name);
    return len >= 2 && len <= MC_LANGUAGE_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

static bool is_folder(int parent, const char *name) {
    struct stat about;
    return fstatat(parent, name, &about, 0) == 0 && S_ISDIR(about.st_mode);
}

static int by_language(const void *a, const void *b) {
    return strcmp(((const struct mc_wording *)a)->language, ((const struct mc_wording *)b)->language);
}

static enum mc_err load_folder(struct mc_templates *t, const char *folder, struct mc_error *e) {
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return fail_errno(folder, "opening the folder of templates", e);
    enum mc_err err = MC_OK;
    const struct dirent *entry;
    while (err == MC_OK && (entry = readdir(dir)) != NULL)
        if (is_language(entry->d_name) && is_folder(dirfd(dir), entry->d_name))
            err = load_wording(t, folder, entry->d_name, e);
    closedir(dir);
    qsort(t->list, t->count, sizeof *t->list, by_language);
    return err;
}

static const struct mc_wording *find(const struct mc_templates *t, struct mc_str language) {
    for (size_t i = 0; i < t->count; i++)
        if (mc_str_equal_nocase(language, mc_str_of(t->list[i].language)))
            return &t->list[i];
    return NULL;
}

enum mc_err mc_templates_open(struct mc_templates **out, const char *folder, struct mc_error *e) {
    *out = NULL;
    struct mc_templates *t = mc_calloc(1, sizeof *t);
    if (t == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the templates");
    enum mc_err err = load_folder(t, folder, e);
    if (err == MC_OK && find(t, MC_STR("en")) == NULL)
        err = mc_error_set(e, MC_ERR_IO, "%s: the folder en is missing, which serves all other languages", folder);
    if (err != MC_OK)
        mc_templates_close(&t);
    *out = t;
    return err;
}

void mc_templates_close(struct mc_templates **t) {
    if (*t == NULL)
        return;
    for (size_t i = 0; i < (*t)->count; i++) {
        mc_template_close(&(*t)->list[i].subject);
        mc_template_close(&(*t)->list[i].text);
        mc_template_close(&(*t)->list[i].html);
    }
    mc_free(*t);
    *t = NULL;
}

const struct mc_wording *mc_templates_find(const struct mc_templates *t, struct mc_str language) {
    const struct mc_wording *exact = find(t, language);
    if (exact != NULL)
        return exact;
    size_t len = 0;
    while (len < language.len && language.data[len] != '-' && language.data[len] != '_')
        len++;
    const struct mc_wording *first_part = find(t, (struct mc_str){language.data, len});
    return first_part != NULL ? first_part : find(t, MC_STR("en"));
}
