#include "app/config.h"

#include "app/config_keys.h"
#include "app/options.h"
#include "base/mem.h"
#include "store/policy.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "MAXCART_"
#define KEY PREFIX "KEY=" /* of maxcart send: no setting */
#define FILE_DEFAULT "maxcart.conf"

enum { FILE_BYTES_MAX = 1 << 20, NAME_MAX_BYTES = 63 };

/* ---- values ---- */

static void *member(const struct mc_config *c, const struct mc_config_key *k) {
    return (char *)c + k->offset;
}

static char *copy_of(struct mc_str text) {
    char *copy = mc_malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* Puts a value that mc_config_value_parse found good. False: no memory, nothing changed. */
static bool put(struct mc_config *c, const struct mc_config_key *k, struct mc_str text, int64_t number) {
    if (k->type == MC_TYPE_CHOICE) {
        *(int *)member(c, k) = (int)number;
    } else if (!mc_config_type_is_text(k->type)) {
        *(int64_t *)member(c, k) = number;
    } else {
        char *copy = copy_of(text);
        if (copy == NULL)
            return false;
        mc_free(*(char **)member(c, k));
        *(char **)member(c, k) = copy;
    }
    return true;
}

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "out of memory while reading the settings");
}

static enum mc_err put_defaults(struct mc_config *c, struct mc_error *e) {
    for (size_t i = 0; i < mc_config_key_count; i++) {
        const struct mc_config_key *k = &mc_config_keys[i];
        int64_t number = 0;
        mc_config_value_parse(k, mc_str_of(k->initial), &number);
        if (!put(c, k, mc_str_of(k->initial), number))
            return no_memory(e);
    }
    return MC_OK;
}

/* `where` names the place and `name` the setting there, as the user wrote it. */
static enum mc_err set(struct mc_config *c, const struct mc_config_key *k, struct mc_str text, const char *where,
                       const char *name, struct mc_error *e) {
    int64_t number = 0;
    if (mc_config_value_parse(k, text, &number))
        return put(c, k, text, number) ? MC_OK : no_memory(e);
    struct mc_buf allowed = {0}, shown = {0};
    mc_config_value_allowed(&allowed, k);
    if (!k->secret)
        mc_buf_printf(&shown, ", not '%.*s'", text.len > 60 ? 60 : (int)text.len, text.data != NULL ? text.data : "");
    mc_error_set(e, MC_ERR_USAGE, "%s: %s takes %s%s", where, name, mc_buf_cstr(&allowed), mc_buf_cstr(&shown));
    mc_buf_free(&allowed);
    mc_buf_free(&shown);
    return MC_ERR_USAGE;
}

/* ---- the file ---- */

struct reader {
    struct mc_config *config;
    const char *path;
    uint32_t line;
    const char *section; /* of the table; NULL before the first */
    struct mc_error *error;
};

static const char *next_section(const void *list, size_t i) {
    (void)list;
    return i < mc_config_section_count ? mc_config_sections[i].name : NULL;
}

/* The i-th key of the section `list`. */
static const char *next_key(const void *list, size_t i) {
    for (size_t k = 0; k < mc_config_key_count; k++)
        if (strcmp(mc_config_keys[k].section, list) == 0 && i-- == 0)
            return mc_config_keys[k].key;
    return NULL;
}

/* "FILE:LINE: before WORD after; did you mean NEAR?" */
static enum mc_err complain(struct reader *r, const char *before, struct mc_str word, const char *after,
                            const char *near) {
    int len = word.len > NAME_MAX_BYTES ? NAME_MAX_BYTES : (int)word.len;
    return mc_error_set(r->error, MC_ERR_USAGE, "%s:%u: %s%.*s%s%s%s%s", r->path, r->line, before, len, word.data,
                        after, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                        near != NULL ? "?" : "");
}

static const char *nearest_to(struct mc_str word, const char *(*next)(const void *, size_t), const void *list) {
    char text[NAME_MAX_BYTES + 1];
    snprintf(text, sizeof text, "%.*s", word.len > NAME_MAX_BYTES ? NAME_MAX_BYTES : (int)word.len, word.data);
    return mc_nearest(text, next, list);
}

static enum mc_err read_section(struct reader *r, struct mc_str line) {
    if (line.data[line.len - 1] != ']')
        return complain(r, "a section is written [name], not '", line, "'", NULL);
    struct mc_str name = mc_str_trim((struct mc_str){line.data + 1, line.len - 2});
    for (size_t i = 0; i < mc_config_section_count; i++)
        if (mc_str_equal(name, mc_str_of(mc_config_sections[i].name))) {
            r->section = mc_config_sections[i].name;
            return MC_OK;
        }
    return complain(r, "there is no section [", name, "]", nearest_to(name, next_section, NULL));
}

static size_t find_key(const char *section, struct mc_str name) {
    size_t i = 0;
    while (i < mc_config_key_count &&
           (strcmp(mc_config_keys[i].section, section) != 0 || !mc_str_equal(name, mc_str_of(mc_config_keys[i].key))))
        i++;
    return i;
}

static enum mc_err read_value(struct reader *r, struct mc_str name, struct mc_str value) {
    char where[300], behind[NAME_MAX_BYTES + 8];
    size_t i = find_key(r->section, name);
    if (i == mc_config_key_count) {
        snprintf(behind, sizeof behind, " in [%s]", r->section);
        return complain(r, "there is no key ", name, behind, nearest_to(name, next_key, r->section));
    }
    if (r->config->source[i] == MC_FROM_FILE)
        return mc_error_set(r->error, MC_ERR_USAGE, "%s:%u: %s was given before, in line %u", r->path, r->line,
                            mc_config_keys[i].key, r->config->line[i]);
    snprintf(where, sizeof where, "%.280s:%u", r->path, r->line);
    enum mc_err err = set(r->config, &mc_config_keys[i], value, where, mc_config_keys[i].key, r->error);
    r->config->source[i] = MC_FROM_FILE;
    r->config->line[i] = r->line;
    return err;
}

static enum mc_err read_line(struct reader *r, struct mc_str line) {
    line = mc_str_trim(line);
    if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
        return MC_OK;
    if (!mc_str_is_utf8(line) || memchr(line.data, '\0', line.len) != NULL)
        return complain(r, "this line is not a text in UTF-8", MC_STR(""), "", NULL);
    if (line.data[0] == '[')
        return read_section(r, line);
    const char *equals = memchr(line.data, '=', line.len);
    if (equals == NULL)
        return complain(r, "a setting is written key = value, not '", line, "'", NULL);
    struct mc_str name = mc_str_trim((struct mc_str){line.data, (size_t)(equals - line.data)});
    if (r->section == NULL)
        return complain(r, "", name, " stands before the first [section]", NULL);
    return read_value(r, name, mc_str_trim((struct mc_str){equals + 1, (size_t)(line.data + line.len - equals - 1)}));
}

static enum mc_err read_text(struct mc_config *c, const char *path, struct mc_str text, struct mc_error *e) {
    struct mc_error dummy;
    struct reader r = {.config = c, .path = path, .error = e != NULL ? e : &dummy};
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        text = (struct mc_str){text.data + 3, text.len - 3};
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        r.line++;
        enum mc_err err = read_line(&r, (struct mc_str){text.data, len});
        if (err != MC_OK)
            return err;
        len += end != NULL;
        text = (struct mc_str){text.data + len, text.len - len};
    }
    return MC_OK;
}

static enum mc_err load(int fd, struct mc_buf *text) {
    for (;;) {
        char *room = mc_buf_reserve(text, 65536);
        ssize_t n = room == NULL ? -1 : read(fd, room, 65536);
        if (room == NULL)
            return MC_ERR_NOMEM;
        if (n < 0 && errno != EINTR)
            return mc_err_of_errno(errno);
        if (n == 0)
            return MC_OK;
        text->len += n > 0 ? (size_t)n : 0;
        if (text->len > FILE_BYTES_MAX)
            return MC_ERR_LIMIT;
    }
}

static enum mc_err read_file(struct mc_config *c, const char *path, struct mc_error *e) {
    struct mc_buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum mc_err err = fd < 0 ? mc_err_of_errno(errno) : load(fd, &text);
    if (err == MC_ERR_LIMIT)
        mc_error_set(e, err, "%s is larger than %d bytes: that is no file of settings", path, FILE_BYTES_MAX);
    else if (err == MC_ERR_NOMEM)
        no_memory(e);
    else if (err != MC_OK)
        mc_error_set(e, err, "cannot read the settings in %s: %s", path, strerror(errno));
    else if ((c->file = copy_of(mc_str_of(path))) == NULL)
        err = no_memory(e);
    else
        err = read_text(c, path, mc_buf_view(&text), e);
    if (fd >= 0)
        close(fd);
    mc_buf_free(&text);
    return err;
}

/* ---- the environment ---- */

struct variable {
    char name[2 * NAME_MAX_BYTES];
};

static struct variable variable_of(size_t i) {
    struct variable v;
    int used = snprintf(v.name, sizeof v.name, PREFIX "%s_%s", mc_config_keys[i].section, mc_config_keys[i].key);
    for (int k = 0; k < used; k++)
        v.name[k] = (char)toupper((unsigned char)v.name[k]);
    return v;
}

static const char *next_variable(const void *list, size_t i) {
    return i < mc_config_key_count ? ((const struct variable *)list)[i].name : NULL;
}

static enum mc_err unknown_variable(const char *name, struct mc_error *e) {
    struct variable all[MC_CONFIG_KEYS_MAX];
    for (size_t i = 0; i < mc_config_key_count; i++)
        all[i] = variable_of(i);
    const char *near = mc_nearest(name, next_variable, all);
    return mc_error_set(e, MC_ERR_USAGE, "the environment has %s, which is no setting; %s%s%s", name,
                        near != NULL ? "did you mean " : "maxcart config --help lists them", near != NULL ? near : "",
                        near != NULL ? "?" : "");
}

static enum mc_err read_variable(struct mc_config *c, const char *entry, struct mc_error *e) {
    char name[2 * NAME_MAX_BYTES];
    size_t len = strcspn(entry, "=");
    snprintf(name, sizeof name, "%.*s", len > NAME_MAX_BYTES ? NAME_MAX_BYTES : (int)len, entry);
    for (size_t i = 0; i < mc_config_key_count; i++)
        if (strcmp(variable_of(i).name, name) == 0) {
            c->source[i] = MC_FROM_ENVIRONMENT;
            return set(c, &mc_config_keys[i], mc_str_trim(mc_str_of(entry + len + (entry[len] == '='))),
                       "the environment", name, e);
        }
    return unknown_variable(name, e);
}

static enum mc_err read_environment(struct mc_config *c, char **environment, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (; environment != NULL && *environment != NULL && err == MC_OK; environment++)
        if (strncmp(*environment, PREFIX, sizeof PREFIX - 1) == 0 && strncmp(*environment, KEY, sizeof KEY - 1) != 0)
            err = read_variable(c, *environment, e);
    return err;
}

/* ---- all of it ---- */

/* Rules between keys, which no line of the table can say. */
static enum mc_err check_together(const struct mc_config *c, struct mc_error *e) {
    if (c->policy.offer == MC_OFFER_PERCENTAGE && (c->policy.offer_value < 1 || c->policy.offer_value > 10000))
        return mc_error_set(e, MC_ERR_USAGE,
                            "policy.offer is a percentage: policy.offer_value must be above 0, up to 100");
    if (c->policy.offer == MC_OFFER_AMOUNT && c->policy.offer_value < 1)
        return mc_error_set(e, MC_ERR_USAGE, "policy.offer is an amount: policy.offer_value must be above 0");
    if (c->mail.transport == MC_TRANSPORT_SMTP && c->mail.smtp_url[0] == '\0')
        return mc_error_set(e, MC_ERR_USAGE, "mail.transport is smtp: mail.smtp_url must be set");
    return MC_OK;
}

enum mc_err mc_config_open(struct mc_config *c, const char *path, char **environment, struct mc_error *e) {
    *c = (struct mc_config){0};
    if (path == NULL && access(FILE_DEFAULT, F_OK) == 0)
        path = FILE_DEFAULT;
    enum mc_err err = put_defaults(c, e);
    if (err == MC_OK && path != NULL)
        err = read_file(c, path, e);
    if (err == MC_OK)
        err = read_environment(c, environment, e);
    if (err == MC_OK)
        err = check_together(c, e);
    if (err != MC_OK)
        mc_config_close(c);
    return err;
}

void mc_config_close(struct mc_config *c) {
    for (size_t i = 0; i < mc_config_key_count; i++)
        if (mc_config_type_is_text(mc_config_keys[i].type))
            mc_free(*(char **)member(c, &mc_config_keys[i]));
    mc_free(c->file);
    *c = (struct mc_config){0};
}

bool mc_config_describe(const struct mc_config *c, size_t i, struct mc_buf *key, struct mc_buf *value,
                        struct mc_buf *from) {
    if (i >= mc_config_key_count)
        return false;
    const struct mc_config_key *k = &mc_config_keys[i];
    mc_buf_printf(key, "%s.%s", k->section, k->key);
    if (k->type == MC_TYPE_CHOICE)
        mc_config_value_text(value, k, *(int *)member(c, k));
    else if (!mc_config_type_is_text(k->type))
        mc_config_value_text(value, k, *(int64_t *)member(c, k));
    else if (k->secret)
        mc_buf_text(value, **(char **)member(c, k) != '\0' ? "********" : "");
    else
        mc_buf_text(value, *(char **)member(c, k));
    if (c->source[i] == MC_FROM_FILE)
        mc_buf_printf(from, "%s:%u", c->file, c->line[i]);
    else
        mc_buf_text(from, c->source[i] == MC_FROM_ENVIRONMENT ? variable_of(i).name : "default");
    return true;
}
