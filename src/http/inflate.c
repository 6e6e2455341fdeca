#include "http/inflate.h"

#include "base/mem.h"
#include <zlib.h>

enum { GZIP_ONLY = 16, PIECE_BYTES = 32768 };

struct mc_inflate {
    z_stream z;
    bool inside; /* a member has begun and not ended */
    bool whole;  /* at least one has ended, and none is open */
};

static void *take(void *opaque, unsigned count, unsigned size) {
    (void)opaque;
    return mc_calloc(count, size);
}

static void give(void *opaque, void *memory) {
    (void)opaque;
    mc_free(memory);
}

struct mc_inflate *mc_inflate_open(void) {
    struct mc_inflate *it = mc_calloc(1, sizeof *it);
    if (it == NULL)
        return NULL;
    it->z.zalloc = take;
    it->z.zfree = give;
    if (inflateInit2(&it->z, GZIP_ONLY + MAX_WBITS) == Z_OK)
        return it;
    mc_free(it);
    return NULL;
}

void mc_inflate_close(struct mc_inflate **it) {
    if (*it == NULL)
        return;
    inflateEnd(&(*it)->z);
    mc_free(*it);
    *it = NULL;
}

/* One call of zlib. Room for one byte more than may be: the byte that shows that it is too long. */
static enum mc_inflate_result step(struct mc_inflate *it, struct mc_buf *out, size_t bytes_max) {
    z_stream *z = &it->z;
    size_t may = bytes_max - out->len + 1, piece = may < PIECE_BYTES ? may : PIECE_BYTES;
    char *room = mc_buf_reserve(out, piece);
    if (room == NULL)
        return MC_INFLATE_NOMEM;
    z->next_out = (unsigned char *)room;
    z->avail_out = (unsigned)piece;
    int status = inflate(z, Z_NO_FLUSH);
    out->len += piece - z->avail_out;
    if (status == Z_MEM_ERROR)
        return MC_INFLATE_NOMEM;
    if (out->len > bytes_max)
        return MC_INFLATE_TOO_LONG;
    it->inside = status != Z_STREAM_END;
    if (status != Z_STREAM_END)
        return status == Z_OK || status == Z_BUF_ERROR ? MC_INFLATE_OK : MC_INFLATE_BAD;
    it->whole = true;
    return inflateReset(z) == Z_OK ? MC_INFLATE_OK : MC_INFLATE_BAD;
}

enum mc_inflate_result mc_inflate_push(struct mc_inflate *it, struct mc_str in, struct mc_buf *out, size_t bytes_max) {
    z_stream *z = &it->z;
    enum mc_inflate_result result = MC_INFLATE_OK;
    z->next_in = (unsigned char *)(uintptr_t)in.data; /* zlib does not write there */
    z->avail_in = (unsigned)in.len;
    bool more = in.len > 0;
    while (result == MC_INFLATE_OK && more) {
        result = step(it, out, bytes_max);
        more = z->avail_in > 0 || (it->inside && z->avail_out == 0);
    }
    return result;
}

bool mc_inflate_is_whole(const struct mc_inflate *it) {
    return it->whole && !it->inside;
}
