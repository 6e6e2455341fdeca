#include "outreach/spool.h"

#include "base/mem.h"
#include "outreach/mime.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 80 };

struct mc_spool {
    int folder;    /* descriptor */
    bool unsynced; /* something was put since the last flush */
    char path[];   /* for messages */
};

static enum mc_err fail(const char *path, const char *what, struct mc_error *e) {
    int code = errno;
    return mc_error_set(e, mc_err_of_errno(code), "%s: %s: %s", path, what, strerror(code));
}

enum mc_err mc_spool_open(struct mc_spool **out, const char *folder, struct mc_error *e) {
    *out = NULL;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail(folder, "making the spool folder", e);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(folder, "opening the spool folder", e);
    size_t len = strlen(folder);
    struct mc_spool *s = mc_malloc(sizeof *s + len + 1);
    if (s == NULL) {
        close(fd);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the spool");
    }
    s->folder = fd;
    s->unsynced = false;
    memcpy(s->path, folder, len + 1);
    *out = s;
    return MC_OK;
}

static bool write_all(int fd, struct mc_str bytes) {
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes.data += put;
        bytes.len -= (size_t)put;
    }
    return true;
}

static bool write_file(int folder, const char *name, struct mc_str bytes) {
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600); /* personal data */
    if (fd < 0)
        return false;
    bool good = write_all(fd, bytes);
    int code = errno;
    if (close(fd) != 0 && good)
        return false;
    errno = code;
    return good;
}

enum mc_err mc_spool_put(struct mc_spool *s, struct mc_str message_id, struct mc_str mail, struct mc_error *e) {
    assert(mc_message_id_is_valid(message_id));
    char name[NAME_BYTES], temporary[NAME_BYTES + 8];
    snprintf(name, sizeof name, "%.*s.eml", (int)message_id.len, message_id.data);
    snprintf(temporary, sizeof temporary, ".%s.tmp", name);
    s->unsynced = true;
    if (!write_file(s->folder, temporary, mail) || renameat(s->folder, temporary, s->folder, name) != 0) {
        enum mc_err err = fail(s->path, "writing a message into the spool", e);
        unlinkat(s->folder, temporary, 0);
        return err;
    }
    return MC_OK;
}

/* The whole file system at once: one wait for a batch of files instead of two for each. */
enum mc_err mc_spool_flush(struct mc_spool *s, struct mc_error *e) {
    if (s->unsynced && syncfs(s->folder) != 0)
        return fail(s->path, "making the spool durable", e);
    s->unsynced = false;
    return MC_OK;
}

void mc_spool_close(struct mc_spool **s) {
    if (*s == NULL)
        return;
    close((*s)->folder);
    mc_free(*s);
    *s = NULL;
}

bool mc_spool_has(const char *folder, struct mc_str message_id) {
    struct mc_buf path = {0};
    mc_buf_printf(&path, "%s/%.*s.eml", folder, (int)message_id.len, message_id.data);
    bool there = access(mc_buf_cstr(&path), F_OK) == 0;
    mc_buf_free(&path);
    return there;
}
