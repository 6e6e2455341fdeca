#include "outreach/template_check.h"

struct tag {
    char sort;          /* one of # ^ / > & ! = or 0 for a plain variable */
    struct mc_str name; /* trimmed, without the sort */
    size_t at;          /* where it starts */
    size_t end;         /* after its last brace */
};

struct check {
    struct mc_str source;
    const char *file;
    const char *const *known;
    struct mc_error *e;
    struct tag open[MC_TEMPLATE_DEPTH_MAX]; /* sections not yet closed */
    size_t depth;
};

static enum mc_err fail(const struct check *c, size_t at, const char *what, struct mc_str name) {
    size_t line = 1, line_start = 0;
    for (size_t i = 0; i < at; i++)
        if (c->source.data[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    int shown = name.len < 60 ? (int)name.len : 60;
    return mc_error_set(c->e, MC_ERR_FORMAT, "%s:%zu:%zu: %s%s%.*s%s", c->file, line, at - line_start + 1, what,
                        name.len > 0 ? " '" : "", shown, name.data ? name.data : "", name.len > 0 ? "'" : "");
}

static enum mc_err fail_plain(const struct check *c, size_t at, const char *what) {
    return fail(c, at, what, (struct mc_str){0});
}

static bool starts(struct mc_str s, size_t at, const char *what) {
    size_t len = strlen(what);
    return at + len <= s.len && memcmp(s.data + at, what, len) == 0;
}

/* The next place of `what` at or after `at`; s.len if there is none. */
static size_t find(struct mc_str s, size_t at, const char *what) {
    size_t len = strlen(what);
    const char *hit = at < s.len ? memmem(s.data + at, s.len - at, what, len) : NULL;
    return hit != NULL ? (size_t)(hit - s.data) : s.len;
}

/* Reads the tag at `at`, where "{{" stands. */
static enum mc_err read_tag(const struct check *c, size_t at, struct tag *tag) {
    struct mc_str s = c->source;
    bool triple = starts(s, at, "{{{");
    size_t inside = at + (triple ? 3 : 2);
    size_t end = find(s, inside, triple ? "}}}" : "}}");
    if (end == s.len)
        return fail_plain(c, at, "a tag is opened by {{ and not closed");
    struct mc_str name = mc_str_trim((struct mc_str){s.data + inside, end - inside});
    *tag = (struct tag){.sort = triple ? '&' : 0, .at = at, .end = end + (triple ? 3 : 2)};
    bool special = name.len > 0 && strchr(triple ? "=" : "#^/>&!=", name.data[0]) != NULL && name.data[0] != '\0';
    if (special) {
        tag->sort = name.data[0];
        name = mc_str_trim((struct mc_str){name.data + 1, name.len - 1});
    }
    tag->name = name;
    return MC_OK;
}

static bool is_known(const struct check *c, struct mc_str name) {
    if (c->known == NULL || mc_str_equal(name, MC_STR(".")))
        return true;
    for (const char *const *k = c->known; *k != NULL; k++)
        if (mc_str_equal(name, mc_str_of(*k)))
            return true;
    return false;
}

static enum mc_err check_open(struct check *c, const struct tag *tag) {
    for (size_t i = 0; i < c->depth; i++)
        if (mc_str_equal(c->open[i].name, tag->name))
            return fail(c, tag->at, "a section inside one of the same name:", tag->name);
    if (c->depth == MC_TEMPLATE_DEPTH_MAX)
        return fail(c, tag->at, "sections are nested too deep:", tag->name);
    c->open[c->depth++] = *tag;
    return MC_OK;
}

static enum mc_err check_close(struct check *c, const struct tag *tag) {
    if (c->depth == 0)
        return fail(c, tag->at, "a section is closed that was not opened:", tag->name);
    if (!mc_str_equal(c->open[c->depth - 1].name, tag->name))
        return fail(c, c->open[c->depth - 1].at,
                    "a section is not closed before the one around it:", c->open[c->depth - 1].name);
    c->depth--;
    return MC_OK;
}

static enum mc_err check_tag(struct check *c, const struct tag *tag) {
    if (tag->sort == '!')
        return MC_OK;
    if (tag->sort == '>')
        return fail(c, tag->at, "partials are not supported:", tag->name);
    if (tag->sort == '=')
        return fail_plain(c, tag->at, "the delimiters cannot be changed");
    if (tag->name.len == 0)
        return fail_plain(c, tag->at, "a tag without a name");
    if (!is_known(c, tag->name))
        return fail(c, tag->at, "there is no variable of the name", tag->name);
    if (tag->sort == '/')
        return check_close(c, tag);
    return tag->sort == '#' || tag->sort == '^' ? check_open(c, tag) : MC_OK;
}

enum mc_err mc_template_check(struct mc_str source, const char *file, const char *const *known, struct mc_error *e) {
    struct check c = {.source = source, .file = file, .known = known, .e = e};
    if (source.len > MC_TEMPLATE_BYTES_MAX)
        return mc_error_set(e, MC_ERR_FORMAT, "%s: a template has at most %d bytes", file, MC_TEMPLATE_BYTES_MAX);
    if (!mc_str_is_utf8(source) || (source.len > 0 && memchr(source.data, 0, source.len) != NULL))
        return mc_error_set(e, MC_ERR_FORMAT, "%s: a template is UTF-8 text, this is not", file);
    for (size_t at = find(source, 0, "{{"); at < source.len;) {
        struct tag tag = {0};
        enum mc_err err = read_tag(&c, at, &tag);
        if (err == MC_OK)
            err = check_tag(&c, &tag);
        if (err != MC_OK)
            return err;
        at = find(source, tag.end, "{{");
    }
    if (c.depth > 0)
        return fail(&c, c.open[c.depth - 1].at, "a section is opened and not closed:", c.open[c.depth - 1].name);
    return MC_OK;
}
