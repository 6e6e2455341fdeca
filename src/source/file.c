#include "source/file.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct mc_file {
    char *path;
    int fd;
    gzFile gz;           /* NULL: plain */
    int64_t len;         /* on disk; -1: a stream */
    struct mc_buf head;  /* first bytes on disk */
    struct mc_buf carry; /* read but not given out: the start of a row */
    size_t carry_at;     /* of it, given out */
    uint64_t offset;     /* of the content: where the next batch starts */
    uint64_t content;    /* bytes of the content read so far, given out or not */
    size_t head_left;    /* of a stream: bytes of head that are still to be read as content */
    bool ended;          /* nothing is left behind the carry */
};

static enum mc_err no_memory(const struct mc_file *f, struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory to read %s", f->path);
}

static enum mc_err read_failed(const struct mc_file *f, struct mc_error *e) {
    return mc_error_set(e, mc_err_of_errno(errno), "cannot read %s: %s", f->path, strerror(errno));
}

/* ---- reading ---- */

static ssize_t read_fd(int fd, void *out, size_t len) {
    ssize_t n;
    do
        n = read(fd, out, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Up to `len` bytes; fewer only at the end. */
static enum mc_err read_head(struct mc_file *f, struct mc_error *e) {
    char *room = mc_buf_reserve(&f->head, MC_SOURCE_HEAD_BYTES);
    if (room == NULL)
        return no_memory(f, e);
    while (f->head.len < MC_SOURCE_HEAD_BYTES) {
        ssize_t n = read_fd(f->fd, f->head.data + f->head.len, MC_SOURCE_HEAD_BYTES - f->head.len);
        if (n < 0)
            return read_failed(f, e);
        if (n == 0)
            break;
        f->head.len += (size_t)n;
    }
    return MC_OK;
}

static ssize_t read_plain(struct mc_file *f, char *out, size_t len) {
    if (f->head_left == 0)
        return read_fd(f->fd, out, len);
    size_t n = f->head_left < len ? f->head_left : len;
    memcpy(out, f->head.data + f->head.len - f->head_left, n);
    f->head_left -= n;
    return (ssize_t)n;
}

static enum mc_err read_gzip(struct mc_file *f, char *out, size_t len, ssize_t *n, struct mc_error *e) {
    *n = gzread(f->gz, out, (unsigned)len);
    int code = Z_OK;
    const char *words = *n < 0 || gzeof(f->gz) ? gzerror(f->gz, &code) : "";
    if (code == Z_OK || code == Z_STREAM_END)
        return MC_OK;
    if (code == Z_ERRNO)
        return read_failed(f, e);
    const char *colon = strstr(words, ": "); /* zlib puts a name of its own in front */
    return mc_error_set(e, MC_ERR_FORMAT, "%s is a %s gzip after %llu bytes of its content (%s)", f->path,
                        code == Z_BUF_ERROR ? "truncated" : "damaged",
                        (unsigned long long)f->content + (*n > 0 ? (unsigned long long)*n : 0),
                        colon ? colon + 2 : words);
}

/* Appends up to `len` bytes of content to `out`. */
static enum mc_err read_content(struct mc_file *f, struct mc_buf *out, size_t len, struct mc_error *e) {
    char *room = mc_buf_reserve(out, len);
    if (room == NULL)
        return no_memory(f, e);
    while (len > 0 && !f->ended) {
        ssize_t n;
        if (f->gz != NULL) {
            enum mc_err err = read_gzip(f, out->data + out->len, len, &n, e);
            if (err != MC_OK)
                return err;
        } else if ((n = read_plain(f, out->data + out->len, len)) < 0) {
            return read_failed(f, e);
        }
        f->ended = n == 0;
        f->content += (uint64_t)n;
        out->len += (size_t)n;
        len -= (size_t)n;
    }
    return MC_OK;
}

/* ---- opening ---- */

static bool is_gzip(struct mc_str head) {
    return head.len >= 2 && (unsigned char)head.data[0] == 0x1F && (unsigned char)head.data[1] == 0x8B;
}

/* zlib reads from the descriptor itself: a stream's first bytes would be lost to it. */
static enum mc_err start_gzip(struct mc_file *f, struct mc_error *e) {
    if (f->len < 0)
        return mc_error_set(e, MC_ERR_FORMAT, "%s is gzip data from a pipe: unpack it first (zcat FILE | maxcart ...)",
                            f->path);
    int copy = lseek(f->fd, 0, SEEK_SET) == 0 ? fcntl(f->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy < 0)
        return read_failed(f, e);
    f->gz = gzdopen(copy, "rb");
    if (f->gz == NULL) {
        close(copy);
        return no_memory(f, e);
    }
    gzbuffer(f->gz, 1 << 17);
    return MC_OK;
}

static enum mc_err start(struct mc_file *f, struct mc_error *e) {
    bool is_stdin = strcmp(f->path, "-") == 0;
    f->fd = is_stdin ? dup(STDIN_FILENO) : open(f->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return mc_error_set(e, mc_err_of_errno(errno), "cannot open %s: %s", f->path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return mc_error_set(e, MC_ERR_IO, "%s is a directory, not a file of events", f->path);
    f->len = !is_stdin && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
    enum mc_err err = read_head(f, e);
    if (err != MC_OK)
        return err;
    f->head_left = f->head.len;
    return is_gzip(mc_buf_view(&f->head)) ? start_gzip(f, e) : MC_OK;
}

enum mc_err mc_file_open(struct mc_file **out, const char *path, struct mc_error *e) {
    *out = NULL;
    struct mc_file *f = mc_calloc(1, sizeof *f);
    char *copy = mc_malloc(strlen(path) + 1);
    if (f == NULL || copy == NULL) {
        mc_free(f);
        mc_free(copy);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to open %s", path);
    }
    strcpy(copy, path);
    f->path = copy;
    f->fd = -1;
    enum mc_err err = start(f, e);
    if (err != MC_OK)
        mc_file_close(&f);
    *out = f;
    return err;
}

void mc_file_close(struct mc_file **file) {
    struct mc_file *f = *file;
    if (f == NULL)
        return;
    if (f->gz != NULL)
        gzclose(f->gz);
    if (f->fd >= 0)
        close(f->fd);
    mc_buf_free(&f->head);
    mc_buf_free(&f->carry);
    mc_free(f->path);
    mc_free(f);
    *file = NULL;
}

const char *mc_file_path(const struct mc_file *file) {
    return file->path;
}

struct mc_str mc_file_head(const struct mc_file *file) {
    return mc_buf_view(&file->head);
}

int64_t mc_file_len(const struct mc_file *file) {
    return file->len;
}

uint64_t mc_file_progress(const struct mc_file *file) {
    off_t at = file->gz ? gzoffset(file->gz) : (off_t)file->offset;
    return at > 0 ? (uint64_t)at : 0;
}

/* ---- header ---- */

/* Drops what was given out, then adds content to the carry. */
static enum mc_err extend_carry(struct mc_file *f, struct mc_error *e) {
    memmove(f->carry.data, f->carry.data + f->carry_at, f->carry.len - f->carry_at);
    f->carry.len -= f->carry_at;
    f->carry_at = 0;
    return read_content(f, &f->carry, MC_SOURCE_HEAD_BYTES, e);
}

static void give_out(struct mc_file *f, size_t len) {
    f->carry_at += len;
    f->offset += len;
}

static enum mc_err read_header(struct mc_file *f, struct mc_layout *layout, struct mc_error *e) {
    struct mc_row_bounds row = {.state = MC_ROW_UNFINISHED};
    while (row.state == MC_ROW_UNFINISHED) {
        size_t len = f->carry.len - f->carry_at;
        if (f->ended && len == 0)
            return mc_error_set(e, MC_ERR_FORMAT, "%s is empty: it has no header", f->path);
        row = mc_csv_row(f->carry.data + f->carry_at, len, f->ended);
        if (row.state == MC_ROW_BAD || len > 2 * MC_ROW_BYTES_MAX)
            return mc_error_set(e, MC_ERR_FORMAT, "the header of %s is badly quoted or longer than %d bytes", f->path,
                                MC_ROW_BYTES_MAX);
        if (row.state == MC_ROW_UNFINISHED) {
            enum mc_err err = extend_carry(f, e);
            if (err != MC_OK)
                return err;
        }
    }
    enum mc_err err = mc_layout_parse(layout, (struct mc_str){f->carry.data + f->carry_at, row.content}, e);
    give_out(f, row.end);
    return err == MC_OK ? MC_OK : mc_error_wrap(e, "%s", f->path);
}

enum mc_err mc_file_layout(struct mc_file *file, bool no_header, struct mc_layout *layout, struct mc_error *e) {
    *layout = (struct mc_layout){0};
    enum mc_err err = read_content(file, &file->carry, MC_SOURCE_HEAD_BYTES, e);
    if (err != MC_OK)
        return err;
    if (file->carry.len >= 3 && memcmp(file->carry.data, "\xEF\xBB\xBF", 3) == 0)
        give_out(file, 3);
    return no_header ? mc_layout_default(layout, e) : read_header(file, layout, e);
}

struct mc_str mc_file_peek(const struct mc_file *file) {
    return (struct mc_str){file->carry.data + file->carry_at, file->carry.len - file->carry_at};
}

uint64_t mc_file_offset(const struct mc_file *file) {
    return file->offset;
}

static enum mc_err seek_content(struct mc_file *f, uint64_t offset, struct mc_error *e) {
    off_t at = f->gz ? gzseek(f->gz, (z_off_t)offset, SEEK_SET) : lseek(f->fd, (off_t)offset, SEEK_SET);
    if (at < 0)
        return mc_error_set(e, MC_ERR_IO, "cannot go on at byte %llu of %s", (unsigned long long)offset, f->path);
    f->carry.len = f->carry_at = 0;
    f->head_left = 0;
    f->offset = f->content = offset;
    f->ended = false;
    return MC_OK;
}

enum mc_err mc_file_resume(struct mc_file *file, uint64_t offset, bool *torn_row, struct mc_error *e) {
    *torn_row = false;
    if (offset == 0)
        return MC_OK;
    enum mc_err err = seek_content(file, offset - 1, e);
    if (err == MC_OK)
        err = read_content(file, &file->carry, MC_SOURCE_HEAD_BYTES, e);
    if (err != MC_OK)
        return err;
    struct mc_str ahead = mc_buf_view(&file->carry);
    give_out(file, ahead.len > 0 ? 1 : 0); /* the last byte that was consumed */
    if (ahead.len < 2 || ahead.data[0] == '\n')
        return MC_OK;
    size_t feed = 1 + (ahead.data[1] == '\r');
    if (feed < ahead.len && ahead.data[feed] == '\n')
        give_out(file, feed);
    else
        *torn_row = true;
    return MC_OK;
}

/* ---- batches ---- */

static void take_carry(struct mc_file *f, struct mc_batch *batch) {
    mc_buf_append(&batch->bytes, f->carry.data + f->carry_at, f->carry.len - f->carry_at);
    f->carry.len = f->carry_at = 0;
}

enum mc_err mc_file_fill(struct mc_file *file, struct mc_batch *batch, bool *last, struct mc_error *e) {
    mc_batch_reset(batch);
    batch->byte_offset = file->offset;
    take_carry(file, batch);
    size_t want = MC_BATCH_BYTES;
    do { /* more than once only when a single row does not fit */
        size_t more = want > batch->bytes.len ? want - batch->bytes.len : 0;
        enum mc_err err = read_content(file, &batch->bytes, more, e);
        if (err != MC_OK)
            return err;
        batch->raw_len = mc_csv_whole_rows(batch->bytes.data, batch->bytes.len, file->ended);
        want *= 2;
    } while (batch->raw_len == 0 && !file->ended);
    mc_buf_append(&file->carry, batch->bytes.data + batch->raw_len, batch->bytes.len - batch->raw_len);
    if (batch->bytes.failed || file->carry.failed)
        return no_memory(file, e);
    batch->bytes.len = batch->raw_len;
    file->offset += batch->raw_len;
    *last = file->ended && file->carry.len == 0;
    return MC_OK;
}
