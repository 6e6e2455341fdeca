/* Answers without an end. Two hold a stream: its writer, until mc_http_stream_close, and its connection, until the
 * answer is over (gone). While there is nothing to send the connection is suspended, which costs no thread and no
 * timeout; a reader that left is noticed at the next write. */
#include "http/internal.h"

#include "base/mem.h"
#include <sys/socket.h>

enum { BLOCK_BYTES = 32768, KEEP_BYTES = 16384 };

struct mc_http_stream {
    struct mc_http_server *server;
    pthread_mutex_t lock;
    struct MHD_Connection *mhd;
    int fd;
    struct mc_buf bytes; /* what came and is not sent yet, from `at` */
    size_t at;
    bool suspended; /* the connection waits for bytes */
    bool ended;     /* the writer is done, or the server closes: what is there is sent, then the end */
    bool overflow;  /* cut: nothing more is sent */
    bool gone;      /* the connection is */
    unsigned refs;
    struct mc_http_stream *next, *previous; /* under the server's lock */
};

/* Unlocks, and frees it if that was the last. */
static void unlock_unref(struct mc_http_stream *s) {
    bool last = --s->refs == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&s->lock);
    mc_buf_free(&s->bytes);
    mc_free(s);
}

static void list_push(struct mc_http_stream *s) {
    struct mc_http_server *server = s->server;
    pthread_mutex_lock(&server->lock);
    s->next = server->streams;
    if (s->next != NULL)
        s->next->previous = s;
    server->streams = s;
    server->stream_count++;
    s->ended = atomic_load(&server->closing);
    pthread_mutex_unlock(&server->lock);
}

static void list_remove(struct mc_http_stream *s) {
    struct mc_http_server *server = s->server;
    pthread_mutex_lock(&server->lock);
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        server->streams = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    server->stream_count--;
    pthread_mutex_unlock(&server->lock);
}

/* libmicrohttpd, in the worker's thread: more bytes, please. */
static ssize_t read_bytes(void *context, uint64_t position, char *out, size_t room) {
    (void)position;
    struct mc_http_stream *s = context;
    pthread_mutex_lock(&s->lock);
    size_t left = s->bytes.len - s->at, count = left < room ? left : room;
    ssize_t result = (ssize_t)count;
    if (s->overflow) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (count > 0) {
        memcpy(out, s->bytes.data + s->at, count);
        s->at += count;
    } else if (s->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->suspended = true;
        MHD_suspend_connection(s->mhd);
    }
    if (s->at == s->bytes.len) {
        s->at = s->bytes.len = 0;
        if (s->bytes.cap > KEEP_BYTES)
            mc_buf_free(&s->bytes);
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

/* libmicrohttpd, in the worker's thread: the answer is over, however it went. */
static void reader_gone(void *context) {
    struct mc_http_stream *s = context;
    list_remove(s);
    pthread_mutex_lock(&s->lock);
    s->gone = true;
    unlock_unref(s);
}

static void resume(struct mc_http_stream *s) {
    if (!s->suspended)
        return;
    s->suspended = false;
    MHD_resume_connection(s->mhd);
}

static struct mc_http_stream *stream_new(struct mc_http_request *r) {
    struct mc_http_stream *s = mc_calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        mc_free(s);
        return NULL;
    }
    s->server = r->worker->server;
    s->mhd = r->mhd;
    s->fd = r->connection->fd;
    s->refs = 2;
    return s;
}

struct mc_http_stream *mc_http_stream_open(struct mc_http_request *r, const char *type) {
    struct mc_http_stream *s = stream_new(r);
    struct MHD_Response *response = NULL;
    if (s != NULL) {
        list_push(s);
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_bytes, s, reader_gone);
    }
    if (s != NULL && response == NULL)
        reader_gone(s);
    if (response == NULL) {
        mc_http_stream_close(&s);
        mc_http_answer_error(r, 503, "no_memory", "The service is out of memory: try again later.");
        return NULL;
    }
    mc_http_finish(r, 200, type, response, true);
    return s;
}

/* Moves what is not sent to the front once half of the bytes are. */
static void compact(struct mc_http_stream *s) {
    if (s->at == 0 || s->at < s->bytes.len / 2)
        return;
    s->bytes.len -= s->at;
    memmove(s->bytes.data, s->bytes.data + s->at, s->bytes.len);
    s->at = 0;
}

bool mc_http_stream_write(struct mc_http_stream *s, struct mc_str bytes) {
    pthread_mutex_lock(&s->lock);
    bool open = !s->gone && !s->ended && !s->overflow;
    if (open && (s->bytes.len - s->at + bytes.len > MC_HTTP_STREAM_BYTES_MAX)) {
        s->overflow = true;
        open = false;
    }
    if (open) {
        compact(s);
        mc_buf_str(&s->bytes, bytes);
        s->overflow = s->bytes.failed;
        open = !s->overflow;
        resume(s);
    }
    pthread_mutex_unlock(&s->lock);
    return open;
}

void mc_http_stream_close(struct mc_http_stream **stream) {
    struct mc_http_stream *s = *stream;
    *stream = NULL;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    if (!s->gone) {
        if (s->overflow)
            shutdown(s->fd, SHUT_RDWR); /* not closed before reader_gone had the lock */
        resume(s);
    }
    unlock_unref(s);
}

void mc_http_streams_end(struct mc_http_server *server) {
    pthread_mutex_lock(&server->lock);
    for (struct mc_http_stream *s = server->streams; s != NULL; s = s->next) {
        pthread_mutex_lock(&s->lock);
        s->ended = true;
        resume(s);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&server->lock);
}
