#include "lake/listing.h"

#include "lake/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

void mc_lake_listing_free(struct mc_lake_listing *l) {
    mc_buf_free(&l->root);
    mc_buf_free(&l->events);
    mc_buf_free(&l->rejects);
    mc_lake_state_free(&l->state);
}

const char *mc_lake_listing_next(const struct mc_buf *list, size_t *at) {
    if (*at >= list->len)
        return NULL;
    const char *path = list->data + *at;
    *at += strlen(path) + 1;
    return path;
}

static int parquet_only(const struct dirent *entry) {
    size_t len = strlen(entry->d_name), end = sizeof ".parquet" - 1;
    return entry->d_name[0] != '.' && len > end && strcmp(entry->d_name + len - end, ".parquet") == 0;
}

static int days_only(const struct dirent *entry) {
    return strncmp(entry->d_name, "date=", 5) == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names in a folder, sorted; a folder that is not there is empty. -1: it cannot be read. */
static int names_in(const char *path, int (*filter)(const struct dirent *entry), struct dirent ***names) {
    *names = NULL;
    int count = scandir(path, names, filter, by_bytes);
    return count < 0 && errno == ENOENT ? 0 : count;
}

static void free_names(struct dirent **names, int count) {
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static enum mc_err add_folder(struct mc_buf *list, const char *folder, struct mc_error *e) {
    struct dirent **names;
    int count = names_in(folder, parquet_only, &names);
    if (count < 0)
        return mc_error_set(e, mc_err_of_errno(errno), "lake: cannot read the folder %s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        mc_buf_printf(list, "%s/%s", folder, names[i]->d_name);
        mc_buf_char(list, '\0');
    }
    free_names(names, count);
    return MC_OK;
}

static enum mc_err add_table(struct mc_buf *list, const char *root, const char *table, struct mc_error *e) {
    struct dirent **days;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, table);
    int count = names_in(path, days_only, &days);
    enum mc_err err = MC_OK;
    if (count < 0)
        err = mc_error_set(e, mc_err_of_errno(errno), "lake: cannot read the folder %s: %s", path, strerror(errno));
    for (int i = 0; i < count && err == MC_OK; i++) {
        if (snprintf(path, sizeof path, "%s/%s/%s", root, table, days[i]->d_name) < (int)sizeof path)
            err = add_folder(list, path, e);
    }
    free_names(days, count < 0 ? 0 : count);
    return err;
}

/* Files that a commit made and a killed process has not put in place. */
static void add_unpublished(struct mc_lake_listing *l, int folder) {
    struct mc_str name;
    char path[PATH_MAX];
    for (size_t at = 0; mc_lake_state_file(mc_buf_view(&l->state.files), &at, &name);) {
        snprintf(path, sizeof path, MC_LAKE_NEW "%.*s", (int)name.len, name.data);
        if (faccessat(folder, path, R_OK, 0) != 0)
            continue;
        struct mc_buf *list = name.data[0] == 'e' ? &l->events : &l->rejects;
        mc_buf_printf(list, "%s/%s", l->root.data, path);
        mc_buf_char(list, '\0');
    }
}

static enum mc_err read_state(struct mc_lake_listing *l, int folder, struct mc_error *e) {
    struct mc_buf text = {0};
    bool found;
    enum mc_err err = mc_file_get(folder, MC_LAKE_STATE, &text, &found, e);
    if (err == MC_OK && found)
        err = mc_lake_state_decode(&l->state, mc_buf_view(&text), e);
    mc_buf_free(&text);
    return err;
}

static enum mc_err list_locked(struct mc_lake_listing *l, int folder, struct mc_error *e) {
    int lock = openat(folder, MC_LAKE_PUBLISH, O_RDONLY | O_CLOEXEC); /* not there: nothing was put in place yet */
    if (lock >= 0)
        flock(lock, LOCK_SH);
    enum mc_err err = read_state(l, folder, e);
    if (err == MC_OK)
        err = add_table(&l->events, l->root.data, "events", e);
    if (err == MC_OK)
        err = add_table(&l->rejects, l->root.data, "rejects", e);
    if (err == MC_OK)
        add_unpublished(l, folder);
    if (lock >= 0)
        close(lock);
    if (err == MC_OK && (l->events.failed || l->rejects.failed))
        err = mc_error_set(e, MC_ERR_NOMEM, "lake: no memory for the names of its files");
    return err;
}

enum mc_err mc_lake_list(struct mc_lake_listing *l, const char *path, struct mc_error *e) {
    char *root = realpath(path, NULL);
    int folder = root != NULL ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    enum mc_err err = MC_OK;
    if (folder < 0)
        err = mc_error_set(e, mc_err_of_errno(errno), "lake %s: cannot be opened: %s", path, strerror(errno));
    else
        mc_buf_text(&l->root, root);
    free(root);
    if (err == MC_OK && mc_buf_cstr(&l->root)[0] == '\0')
        err = mc_error_set(e, MC_ERR_NOMEM, "lake %s: no memory", path);
    if (err == MC_OK)
        err = list_locked(l, folder, e);
    if (folder >= 0)
        close(folder);
    return err;
}
