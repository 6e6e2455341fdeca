/* maxcart keys, share, password: who may send events and who may see the page. They work while the service runs. */
#include "app/commands.h"

#include "store/access.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum mc_err open_access(struct mc_invocation *run, struct mc_access **access, struct mc_error *e) {
    const char *store;
    enum mc_err err = mc_invocation_store(run, &store, e);
    return err == MC_OK ? mc_access_open(access, store, e) : err;
}

static enum mc_err need_name(const char *name, const char *what, struct mc_error *e) {
    return name != NULL ? MC_OK : mc_error_set(e, MC_ERR_USAGE, "say which %s: --name NAME", what);
}

static void put_time_or_empty(struct mc_buf *b, struct mc_wall at) {
    if (at.us != 0)
        mc_buf_time(b, at.us);
}

/* ---- keys ---- */

struct keys_arguments {
    const char *name;
    int kind;
};

static const struct mc_option keys_options[] = {
    {"name", MC_OPTION_STRING, offsetof(struct keys_arguments, name), "NAME", "of the source that has the key", 0, 0,
     NULL},
    {"kind", MC_OPTION_CHOICE, offsetof(struct keys_arguments, kind), "KIND",
     "server: secret, may set addresses and consent; browser: public, events only", 0, 0, "server|browser"},
    {0}};

static bool take_key(void *context, const struct mc_key *key) {
    struct mc_buf *b = context;
    mc_buf_printf(b, "%lld,", (long long)key->id);
    mc_buf_csv(b, mc_str_of(key->name));
    mc_buf_printf(b, ",%s,", mc_key_kind_names[key->kind]);
    put_time_or_empty(b, key->created_at);
    mc_buf_char(b, ',');
    put_time_or_empty(b, key->revoked_at);
    mc_buf_char(b, '\n');
    return !b->failed;
}

static enum mc_err create_key(struct mc_access *access, const struct keys_arguments *a, struct mc_buf *out,
                              struct mc_error *e) {
    char secret[MC_SECRET_CHARS + 1];
    enum mc_err err = mc_key_create(access, mc_str_of(a->name), (enum mc_key_kind)a->kind, mc_wall_now(), secret, e);
    if (err == MC_OK)
        mc_buf_printf(out, "%s\n", secret);
    return err;
}

static enum mc_err run_keys(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct keys_arguments *a = arguments;
    struct mc_access *access = NULL;
    int verb;
    enum mc_err err = mc_verb_find("create|list|revoke", run->operands.items[0], &verb, e);
    if (err == MC_OK && verb != 1)
        err = need_name(a->name, "key", e);
    if (err == MC_OK)
        err = open_access(run, &access, e);
    if (err == MC_OK && verb == 0)
        err = create_key(access, a, &run->out.buf, e);
    if (err == MC_OK && verb == 2)
        err = mc_key_revoke(access, mc_str_of(a->name), mc_wall_now(), e);
    if (err == MC_OK && verb == 1) {
        mc_buf_text(&run->out.buf, "id,name,kind,created_at,revoked_at\n");
        err = mc_key_each(access, take_key, &run->out.buf, e);
    }
    mc_access_close(&access);
    return err;
}

const struct mc_command mc_command_keys = {
    .name = "keys",
    .purpose = "Makes, lists and revokes the keys of sources",
    .operands = "create|list|revoke",
    .about = "create prints the new key, once: it is stored hashed. Works while the service\n"
             "runs, which knows within two seconds.\n",
    .options = keys_options,
    .arguments_size = sizeof(struct keys_arguments),
    .operands_min = 1,
    .operands_max = 1,
    .run = run_keys,
};

/* ---- share ---- */

struct share_arguments {
    const char *name;
    int64_t expires_us;
};

static const struct mc_option share_options[] = {
    {"name", MC_OPTION_STRING, offsetof(struct share_arguments, name), "NAME", "whom the link is for", 0, 0, NULL},
    {"expires", MC_OPTION_DURATION, offsetof(struct share_arguments, expires_us), "TIME",
     "how long the link works (default: until it is revoked)", MC_MINUTE_US, 3650 * MC_DAY_US, NULL},
    {0}};

static bool take_share(void *context, const struct mc_share *share) {
    struct mc_buf *b = context;
    mc_buf_printf(b, "%lld,", (long long)share->id);
    mc_buf_csv(b, mc_str_of(share->name));
    mc_buf_char(b, ',');
    put_time_or_empty(b, share->created_at);
    mc_buf_char(b, ',');
    put_time_or_empty(b, share->expires_at);
    mc_buf_char(b, ',');
    put_time_or_empty(b, share->revoked_at);
    mc_buf_char(b, '\n');
    return !b->failed;
}

/* The link as one opens it: at the address the world knows, else at the one it listens on. */
static void put_share_link(struct mc_buf *b, const struct mc_config *c, const char *secret) {
    bool known = c->mail.public_url[0] != '\0';
    mc_buf_printf(b, "%s%s/share/%s\n", known ? "" : "http://", known ? c->mail.public_url : c->http.listen, secret);
}

static enum mc_err create_share(struct mc_invocation *run, struct mc_access *access, const struct share_arguments *a,
                                struct mc_error *e) {
    char secret[MC_SECRET_CHARS + 1];
    struct mc_wall now = mc_wall_now();
    struct mc_wall expires = {a->expires_us != 0 ? now.us + a->expires_us : 0};
    enum mc_err err = mc_share_create(access, mc_str_of(a->name), expires, now, secret, e);
    if (err == MC_OK)
        put_share_link(&run->out.buf, &run->config, secret);
    return err;
}

static enum mc_err run_share(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct share_arguments *a = arguments;
    struct mc_access *access = NULL;
    int verb;
    enum mc_err err = mc_verb_find("create|list|revoke", run->operands.items[0], &verb, e);
    if (err == MC_OK && verb != 1)
        err = need_name(a->name, "link", e);
    if (err == MC_OK)
        err = open_access(run, &access, e);
    if (err == MC_OK && verb == 0)
        err = create_share(run, access, a, e);
    if (err == MC_OK && verb == 2)
        err = mc_share_revoke(access, mc_str_of(a->name), mc_wall_now(), e);
    if (err == MC_OK && verb == 1) {
        mc_buf_text(&run->out.buf, "id,name,created_at,expires_at,revoked_at\n");
        err = mc_share_each(access, take_share, &run->out.buf, e);
    }
    mc_access_close(&access);
    return err;
}

const struct mc_command mc_command_share = {
    .name = "share",
    .purpose = "Makes, lists and revokes read-only links to the page",
    .operands = "create|list|revoke",
    .about = "create prints the link, once. Who opens it sees the page and changes nothing;\n"
             "revoke ends it, within seconds for those too who have the page open.\n",
    .options = share_options,
    .arguments_size = sizeof(struct share_arguments),
    .operands_min = 1,
    .operands_max = 1,
    .run = run_share,
};

/* ---- password ---- */

/* One line of standard input, without its end; with a prompt on a terminal. */
static enum mc_err read_password(char *line, size_t size, struct mc_error *e) {
    if (isatty(STDIN_FILENO))
        fputs("New password for the page: ", stderr);
    if (fgets(line, (int)size, stdin) == NULL)
        return mc_error_set(e, MC_ERR_IO, "no password on standard input");
    line[strcspn(line, "\r\n")] = '\0';
    return MC_OK;
}

static enum mc_err run_password(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    char line[MC_PASSWORD_BYTES_MAX + 2];
    struct mc_access *access = NULL;
    (void)arguments;
    enum mc_err err = open_access(run, &access, e);
    if (err == MC_OK)
        err = read_password(line, sizeof line, e);
    if (err == MC_OK)
        err = mc_password_set(access, mc_str_of(line), e);
    mc_access_close(&access);
    return err;
}

const struct mc_command mc_command_password = {
    .name = "password",
    .purpose = "Sets the page's password, read from standard input",
    .operands = "",
    .about = "Ends the sessions that the old one opened.\n",
    .run = run_password,
};
