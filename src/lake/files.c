#include "lake/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum mc_err fail(struct mc_error *e, const char *doing, const char *path) {
    int number = errno;
    return mc_error_set(e, mc_err_of_errno(number), "lake: cannot %s %s: %s", doing, path, strerror(number));
}

enum mc_err mc_folder_make(int folder, const char *path, struct mc_error *e) {
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdirat(folder, part, 0777) != 0 && errno != EEXIST)
            return fail(e, "make the folder", part);
    }
    return MC_OK;
}

enum mc_err mc_folder_open(const char *path, int *fd, struct mc_error *e) {
    char whole[PATH_MAX];
    *fd = -1;
    if (snprintf(whole, sizeof whole, "%s/", path) >= (int)sizeof whole)
        return mc_error_set(e, MC_ERR_USAGE, "lake: the path is too long");
    enum mc_err err = mc_folder_make(AT_FDCWD, whole, e);
    if (err != MC_OK)
        return err;
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? MC_OK : fail(e, "open the folder", path);
}

enum mc_err mc_folder_sync(int folder, const char *path, struct mc_error *e) {
    int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(e, "open the folder", path);
    enum mc_err err = fsync(fd) == 0 ? MC_OK : fail(e, "make durable the folder", path);
    close(fd);
    return err;
}

static enum mc_err write_all(int fd, struct mc_str bytes, const char *path, struct mc_error *e) {
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(fd, bytes.data + done, bytes.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(e, "write", path);
        done += (size_t)n;
    }
    return fdatasync(fd) == 0 ? MC_OK : fail(e, "make durable", path);
}

enum mc_err mc_file_put(int folder, const char *path, struct mc_str bytes, struct mc_error *e) {
    enum mc_err err = mc_folder_make(folder, path, e);
    if (err != MC_OK)
        return err;
    int fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(e, "make", path);
    err = write_all(fd, bytes, path, e);
    if (close(fd) != 0 && err == MC_OK)
        err = fail(e, "write", path);
    return err;
}

enum mc_err mc_file_replace(int folder, const char *path, struct mc_str bytes, struct mc_error *e) {
    char beside[PATH_MAX], in[PATH_MAX];
    snprintf(beside, sizeof beside, "%s.new", path);
    snprintf(in, sizeof in, "%.*s", (int)(strrchr(path, '/') - path), path);
    enum mc_err err = mc_file_put(folder, beside, bytes, e);
    if (err == MC_OK && renameat(folder, beside, folder, path) != 0)
        err = fail(e, "rename", beside);
    return err == MC_OK ? mc_folder_sync(folder, in, e) : err;
}

enum mc_err mc_file_get(int folder, const char *path, struct mc_buf *out, bool *found, struct mc_error *e) {
    struct stat st;
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    *found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? MC_OK : fail(e, "open", path);
    enum mc_err err = fstat(fd, &st) == 0 ? MC_OK : fail(e, "read", path);
    char *room = err == MC_OK ? mc_buf_reserve(out, (size_t)st.st_size) : NULL;
    if (err == MC_OK && room == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "lake: no memory to read %s", path);
    for (off_t done = 0; err == MC_OK && done < st.st_size;) {
        ssize_t n = read(fd, room + done, (size_t)(st.st_size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err = n < 0 ? fail(e, "read", path) : mc_error_set(e, MC_ERR_FORMAT, "lake: %s shrank", path);
            break;
        }
        done += n;
        out->len += (size_t)n;
    }
    close(fd);
    return err;
}

/* Takes the descriptor. At most some levels deep: we made what is in it. */
static enum mc_err empty(int fd, const char *path, struct mc_error *e) {
    DIR *list = fdopendir(fd);
    enum mc_err err = MC_OK;
    if (list == NULL) {
        close(fd);
        return fail(e, "read the folder", path);
    }
    for (struct dirent *entry = readdir(list); entry != NULL && err == MC_OK; entry = readdir(list)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(list), entry->d_name, 0) == 0)
            continue;
        err = errno == EISDIR || errno == EPERM ? mc_folder_remove(dirfd(list), entry->d_name, e)
                                                : fail(e, "remove", entry->d_name);
    }
    closedir(list);
    return err;
}

enum mc_err mc_folder_remove(int folder, const char *path, struct mc_error *e) {
    int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? MC_OK : fail(e, "open the folder", path);
    enum mc_err err = empty(fd, path, e);
    if (err == MC_OK && unlinkat(folder, path, AT_REMOVEDIR) != 0)
        err = fail(e, "remove the folder", path);
    return err;
}
