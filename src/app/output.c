#include "app/output.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPILL_BYTES = 1 << 16 };

static const char *name_of(const struct mc_output *o) {
    return o->path != NULL ? o->path : "standard output";
}

static void fail(struct mc_output *o, int error_number) {
    if (o->error.code != MC_OK)
        return;
    o->gone = error_number == EPIPE;
    mc_error_set(&o->error, mc_err_of_errno(error_number), "cannot write %s: %s", name_of(o), strerror(error_number));
}

static char *copy_with(const char *text, const char *suffix) {
    size_t size = strlen(text) + strlen(suffix) + 1;
    char *copy = mc_malloc(size);
    if (copy != NULL)
        snprintf(copy, size, "%s%s", text, suffix);
    return copy;
}

/* Names a file beside the real one, so that the rename cannot cross file systems. */
static bool name_beside(struct mc_output *o) {
    mc_free(o->temporary);
    o->temporary = copy_with(o->path, ".XXXXXX");
    if (o->temporary == NULL)
        errno = ENOMEM;
    return o->temporary != NULL;
}

static int open_named(struct mc_output *o, mode_t mode) {
    int fd = name_beside(o) ? mkostemp(o->temporary, O_CLOEXEC) : -1;
    if (fd >= 0)
        fchmod(fd, mode);
    else if (o->temporary != NULL)
        o->temporary[0] = '\0';
    return fd;
}

/* A file without a name, where the file system has such: a process that is killed leaves nothing behind. It gets the
 * mode of the file that it replaces, or that a plain open gives. */
static int open_beside(struct mc_output *o, mode_t mode) {
    char *folder = copy_with(o->path, "");
    int fd = folder != NULL ? open(dirname(folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
    mc_free(folder);
    if (fd < 0)
        return open_named(o, mode);
    fchmod(fd, mode);
    o->temporary = copy_with("", "");
    return fd;
}

/* Gives a file without a name one, under which it can be renamed (linkat does not replace). Always the same: what a
 * process that was killed between the two has left is cleared by the next. */
static bool link_beside(struct mc_output *o) {
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
    mc_free(o->temporary);
    o->temporary = copy_with(o->path, ".part");
    if (o->temporary == NULL) {
        errno = ENOMEM;
        return false;
    }
    unlink(o->temporary);
    if (linkat(AT_FDCWD, self, AT_FDCWD, o->temporary, AT_SYMLINK_FOLLOW) == 0)
        return true;
    o->temporary[0] = '\0';
    return false;
}

static mode_t plain_mode(void) {
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* A regular file is replaced, behind a symbolic link the file that it points to; a device or pipe is written into. */
static int open_path(struct mc_output *o, const char *path) {
    struct stat there;
    bool exists = stat(path, &there) == 0;
    char *real = exists ? realpath(path, NULL) : NULL;
    o->path = copy_with(real != NULL ? real : path, "");
    free(real);
    if (o->path == NULL)
        errno = ENOMEM;
    else if (exists && S_ISDIR(there.st_mode))
        errno = EISDIR;
    else if (exists && !S_ISREG(there.st_mode))
        return open(o->path, O_WRONLY | O_CLOEXEC);
    else
        return open_beside(o, exists ? there.st_mode & 07777 : plain_mode());
    return -1;
}

enum mc_err mc_output_open(struct mc_output *o, const char *path, struct mc_error *e) {
    *o = (struct mc_output){.fd = STDOUT_FILENO, .open = true};
    if (path == NULL || (o->fd = open_path(o, path)) >= 0)
        return MC_OK;
    enum mc_err code = mc_err_of_errno(errno);
    mc_error_set(e, code, "cannot write %s: %s", path, strerror(errno));
    mc_output_drop(o);
    return code;
}

static void write_all(struct mc_output *o) {
    for (size_t done = 0; done < o->buf.len && o->error.code == MC_OK;) {
        ssize_t n = write(o->fd, o->buf.data + done, o->buf.len - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            fail(o, errno);
    }
    o->buf.len = 0;
}

void mc_output_spill(struct mc_output *o) {
    if (o->buf.failed && o->error.code == MC_OK)
        mc_error_set(&o->error, MC_ERR_NOMEM, "out of memory while writing %s", name_of(o));
    if (o->buf.len >= SPILL_BYTES)
        write_all(o);
}

static void put_in_place(struct mc_output *o) {
    bool is_named = o->temporary != NULL && o->temporary[0] != '\0';
    if (o->temporary != NULL && o->error.code == MC_OK && !is_named && !link_beside(o))
        fail(o, errno);
    if (close(o->fd) != 0)
        fail(o, errno);
    o->fd = -1;
    if (o->temporary == NULL || o->error.code != MC_OK)
        return;
    if (rename(o->temporary, o->path) == 0)
        o->temporary[0] = '\0';
    else
        fail(o, errno);
}

enum mc_err mc_output_settle(struct mc_output *o, struct mc_error *e) {
    if (!o->open)
        return MC_OK;
    mc_output_spill(o);
    write_all(o);
    if (o->path != NULL && o->error.code == MC_OK && fsync(o->fd) != 0 && errno != EINVAL)
        fail(o, errno);
    return o->error.code == MC_OK ? MC_OK : mc_error_set(e, o->error.code, "%s", o->error.text);
}

enum mc_err mc_output_close(struct mc_output *o, struct mc_error *e) {
    if (!o->open)
        return MC_OK;
    mc_output_settle(o, NULL);
    if (o->path != NULL)
        put_in_place(o);
    enum mc_err code = o->error.code;
    bool gone = o->gone;
    if (code != MC_OK)
        mc_error_set(e, code, "%s", o->error.text);
    mc_output_drop(o);
    o->gone = gone;
    return code;
}

void mc_output_drop(struct mc_output *o) {
    if (o->path != NULL && o->fd >= 0)
        close(o->fd);
    if (o->temporary != NULL && o->temporary[0] != '\0')
        unlink(o->temporary);
    mc_free(o->path);
    mc_free(o->temporary);
    mc_buf_free(&o->buf);
    *o = (struct mc_output){.fd = -1};
}

bool mc_output_is_gone(const struct mc_output *o) {
    return o->gone;
}
