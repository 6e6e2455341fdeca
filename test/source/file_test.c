/* Files as batches of whole rows: plain, gzip of one or several members, damaged ones, headers, resuming, growing. */
#include "../base/seed.h"
#include "base/mem.h"
#include "source/file.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define HEADER "event_time,event_type,product_id,price,user_id,user_session\n"

static char folder[64];

static const char *path_of(const char *name) {
    static char path[2][400];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state) {
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/mc_source_XXXXXX", temporary ? temporary : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *d = opendir(folder);
    for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;)
        if (entry->d_name[0] != '.' && unlink(path_of(entry->d_name)) != 0)
            rmdir(path_of(entry->d_name));
    if (d != NULL)
        closedir(d);
    return rmdir(folder);
}

static void write_file(const char *path, struct mc_str bytes, const char *mode) {
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

/* Adds one gzip member. */
static void write_gzip(const char *path, struct mc_str bytes, const char *mode) {
    gzFile gz = gzopen(path, mode);
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, bytes.data, (unsigned)bytes.len), bytes.len);
    assert_int_equal(gzclose(gz), Z_OK);
}

/* ---- reading all of a file ---- */

/* Appends all rows, checks that offsets go on without a gap, and gives the error. */
static enum mc_err read_rows(struct mc_file *f, struct mc_buf *out, uint64_t offset, struct mc_error *e) {
    struct mc_batch batch = {0};
    enum mc_err err = MC_OK;
    bool last = false;
    for (bool more = true; more && err == MC_OK;) {
        err = mc_file_fill(f, &batch, &last, e);
        if (err != MC_OK)
            break;
        check(batch.byte_offset == offset && batch.raw_len <= batch.bytes.len);
        check(batch.raw_len == 0 || last || batch.bytes.data[batch.raw_len - 1] == '\n');
        mc_buf_append(out, batch.bytes.data, batch.raw_len);
        offset += batch.raw_len;
        more = batch.raw_len > 0;
        if (last && more) { /* nothing comes after it, asked again or not */
            err = mc_file_fill(f, &batch, &last, e);
            check(err == MC_OK && batch.raw_len == 0 && last);
            more = false;
        }
    }
    mc_batch_free(&batch);
    return err;
}

static enum mc_err read_all(const char *path, bool no_header, struct mc_buf *out, struct mc_error *e) {
    struct mc_file *f;
    struct mc_layout layout = {0};
    enum mc_err err = mc_file_open(&f, path, e);
    if (err == MC_OK)
        err = mc_file_layout(f, no_header, &layout, e);
    if (err == MC_OK) {
        struct mc_buf peeked = {0};
        mc_buf_str(&peeked, mc_file_peek(f));
        size_t before = out->len;
        uint64_t start = no_header ? 0 : sizeof HEADER - 1;
        err = read_rows(f, out, start, e);
        check(err != MC_OK || (out->len - before >= peeked.len &&
                               (peeked.len == 0 || memcmp(out->data + before, peeked.data, peeked.len) == 0)));
        mc_buf_free(&peeked);
    }
    mc_layout_free(&layout);
    mc_file_close(&f);
    return err;
}

static void must_read(const char *path, struct mc_str rows) {
    struct mc_buf out = {0};
    struct mc_error e = {0};
    if (read_all(path, false, &out, &e) != MC_OK)
        fail_msg("%s", e.text);
    check(mc_str_equal(mc_buf_view(&out), rows));
    mc_buf_free(&out);
}

/* The error's code, and words that must be in its sentence, the path among them. */
static void must_fail(const char *path, enum mc_err code, const char *words) {
    struct mc_buf out = {0};
    struct mc_error e = {0};
    enum mc_err err = read_all(path, false, &out, &e);
    if (err != code || e.code != code || strstr(e.text, words) == NULL || strstr(e.text, path) == NULL)
        fail_msg("%s: %d '%s', not '%s'", path, (int)err, e.text, words);
    mc_buf_free(&out);
}

/* ---- content ---- */

static void put_rows(struct mc_rng *r, struct mc_buf *b, size_t bytes) {
    size_t end = b->len + bytes;
    bool quotes = chance(r, 50), long_rows = chance(r, 30);
    while (b->len < end) {
        mc_buf_text(b, "2020-01-01 00:00:00,view,");
        size_t fill = mc_rng_below(r, long_rows ? 70000 : 60);
        char *room = mc_buf_reserve(b, fill);
        for (size_t i = 0; i < fill; i++)
            room[i] = (char)('a' + mc_rng_below(r, 26));
        b->len += fill;
        mc_buf_text(b, quotes && chance(r, 20) ? ",1,\"u\nv\",s\r\n" : ",1,u,s\n");
    }
}

static void any_file_round(struct mc_rng *r) {
    struct mc_buf b = {0};
    const char *plain = path_of("plain.csv"), *zipped = path_of("zipped.csv.gz");
    mc_buf_text(&b, HEADER);
    put_rows(r, &b, mc_rng_below(r, chance(r, 30) ? 3000000 : 1000));
    if (chance(r, 50))
        b.len--; /* no line feed at the end */
    write_file(plain, mc_buf_view(&b), "wb");
    size_t cut = mc_rng_below(r, b.len);
    write_gzip(zipped, (struct mc_str){b.data, cut}, "wb1");
    write_gzip(zipped, (struct mc_str){b.data + cut, b.len - cut}, "ab1");
    struct mc_str rows = {b.data + sizeof HEADER - 1, b.len - sizeof HEADER + 1};
    if (b.len >= sizeof HEADER - 1) {
        must_read(plain, rows);
        must_read(zipped, rows);
    }
    mc_buf_free(&b);
}

static void test_plain_and_gzip(void **state) {
    (void)state;
    seed_rounds(25, any_file_round);
}

static void test_what_it_is_is_told_by_its_bytes(void **state) {
    (void)state;
    write_file(path_of("plain.gz"), MC_STR(HEADER "a,b\n"), "wb");
    must_read(path_of("plain.gz"), MC_STR("a,b\n"));
    write_gzip(path_of("zip.csv"), MC_STR(HEADER "a,b\n"), "wb");
    must_read(path_of("zip.csv"), MC_STR("a,b\n"));
}

/* ---- headers ---- */

static void test_headers(void **state) {
    (void)state;
    static const struct {
        struct mc_str bytes;
        const char *fault;
    } table[] = {{MC_STR(""), "empty"},
                 {MC_STR("\xEF\xBB\xBF"), "empty"},
                 {MC_STR("\n"), "no column 'event_time'"},
                 {MC_STR("\n" HEADER), "no column 'event_time'"},
                 {MC_STR("event_time,event_type\n"), "no column 'product_id'"},
                 {MC_STR("\"event_time\n" HEADER), "badly quoted"},
                 {MC_STR("event_time,\"a\"b,event_type\n"), "badly quoted"},
                 {MC_STR("\xFF\xFE"
                         "e\0v\0"),
                  "not UTF-8"},
                 {MC_STR("\x7F"
                         "ELF\x01\0\0"),
                  "not UTF-8"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        write_file(path_of("header.csv"), table[i].bytes, "wb");
        must_fail(path_of("header.csv"), MC_ERR_FORMAT, table[i].fault);
    }
    write_file(path_of("only.csv"), MC_STR(HEADER), "wb");
    must_read(path_of("only.csv"), MC_STR(""));
    write_file(path_of("only.csv"), (struct mc_str){HEADER, sizeof HEADER - 2}, "wb"); /* not even a line feed */
    struct mc_buf out = {0};
    assert_int_equal(read_all(path_of("only.csv"), true, &out, NULL), MC_OK);
    assert_int_equal(out.len, sizeof HEADER - 2);
    mc_buf_free(&out);
}

static void test_a_header_that_is_too_long(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_buf_text(&b, "event_time,event_type,product_id,price,user_id,user_session,");
    size_t fill = MC_ROW_BYTES_MAX - b.len;
    memset(mc_buf_reserve(&b, fill + 2), 'x', fill + 2);
    b.len += fill;
    mc_buf_text(&b, "\na,b\n");
    struct mc_file *f;
    struct mc_layout layout;
    write_file(path_of("long.csv"), mc_buf_view(&b), "wb");
    assert_int_equal(mc_file_open(&f, path_of("long.csv"), NULL), MC_OK);
    assert_int_equal(mc_file_layout(f, false, &layout, NULL), MC_OK); /* just fits */
    assert_int_equal(layout.count, 7);
    mc_layout_free(&layout);
    mc_file_close(&f);
    b.data[b.len - 5] = 'x';
    mc_buf_text(&b, "\n");
    write_file(path_of("long.csv"), mc_buf_view(&b), "wb");
    must_fail(path_of("long.csv"), MC_ERR_FORMAT, "longer than 65536 bytes");
    b.len = 0;
    memset(mc_buf_reserve(&b, 1 << 20), 'x', 1 << 20); /* no line feed at all */
    b.len = 1 << 20;
    write_file(path_of("long.csv"), mc_buf_view(&b), "wb");
    must_fail(path_of("long.csv"), MC_ERR_FORMAT, "longer than 65536 bytes");
    mc_buf_free(&b);
}

static void test_a_byte_order_mark_counts_in_offsets(void **state) {
    (void)state;
    struct mc_file *f;
    struct mc_layout layout;
    struct mc_buf out = {0};
    write_file(path_of("mark.csv"), MC_STR("\xEF\xBB\xBF" HEADER "\xEF\xBB\xBF,b\n"), "wb");
    assert_int_equal(mc_file_open(&f, path_of("mark.csv"), NULL), MC_OK);
    assert_int_equal(mc_file_layout(f, false, &layout, NULL), MC_OK);
    assert_int_equal(read_rows(f, &out, 3 + sizeof HEADER - 1, NULL), MC_OK);
    assert_true(mc_str_equal(mc_buf_view(&out), MC_STR("\xEF\xBB\xBF,b\n"))); /* one at the start only */
    mc_layout_free(&layout);
    mc_file_close(&f);
    out.len = 0;
    assert_int_equal(mc_file_open(&f, path_of("mark.csv"), NULL), MC_OK);
    assert_int_equal(mc_file_layout(f, true, &layout, NULL), MC_OK);
    assert_int_equal(read_rows(f, &out, 3, NULL), MC_OK);
    mc_buf_free(&out);
    mc_layout_free(&layout);
    mc_file_close(&f);
}

static void test_empty_without_header(void **state) {
    (void)state;
    struct mc_buf out = {0};
    write_file(path_of("empty.csv"), MC_STR(""), "wb");
    assert_int_equal(read_all(path_of("empty.csv"), true, &out, NULL), MC_OK);
    assert_int_equal(out.len, 0);
    mc_buf_free(&out);
}

/* ---- what cannot be read ---- */

static void test_missing_and_directory(void **state) {
    (void)state;
    must_fail(path_of("no-such-file.csv"), MC_ERR_IO, "No such file");
    must_fail(folder, MC_ERR_IO, "directory");
    struct mc_file *f = (struct mc_file *)folder;
    assert_int_equal(mc_file_open(&f, path_of("no-such-file.csv"), NULL), MC_ERR_IO);
    assert_null(f);
    mc_file_close(&f);
}

/* Cut anywhere: the sentence says how many bytes of its content could be read, to the byte. */
static void truncated_round(struct mc_rng *r) {
    struct mc_buf b = {0}, zipped = {0}, out = {0};
    mc_buf_text(&b, HEADER);
    put_rows(r, &b, mc_rng_below(r, chance(r, 50) ? 900000 : 5000));
    write_gzip(path_of("whole.gz"), mc_buf_view(&b), "wb1");
    FILE *whole = fopen(path_of("whole.gz"), "rb");
    zipped.len = fread(mc_buf_reserve(&zipped, b.len + 1000), 1, b.len + 1000, whole);
    fclose(whole);
    size_t cut = 2 + mc_rng_below(r, zipped.len - 2);
    const char *path = path_of("cut.gz");
    write_file(path, (struct mc_str){zipped.data, cut}, "wb");
    char *unpacked = malloc(b.len + 1);
    z_stream z = {.next_in = (Bytef *)zipped.data,
                  .avail_in = (unsigned)cut,
                  .next_out = (Bytef *)unpacked,
                  .avail_out = (unsigned)b.len + 1};
    check(inflateInit2(&z, 15 + 16) == Z_OK);
    inflate(&z, Z_SYNC_FLUSH);
    char words[64];
    snprintf(words, sizeof words, "truncated gzip after %lu bytes", z.total_out);
    inflateEnd(&z);
    struct mc_error e = {0};
    enum mc_err err = read_all(path, false, &out, &e);
    check(err == MC_ERR_FORMAT && strstr(e.text, path) != NULL);
    if (strstr(e.text, words) == NULL)
        print_error("'%s', not '%s'\n", e.text, words);
    check(strstr(e.text, words) != NULL);
    check(out.len <= b.len && memcmp(out.data ? out.data : "", b.data + sizeof HEADER - 1, out.len) == 0);
    free(unpacked);
    mc_buf_free(&out);
    mc_buf_free(&b);
    mc_buf_free(&zipped);
}

static void test_truncated_gzip(void **state) {
    (void)state;
    seed_rounds(60, truncated_round);
}

static void test_damaged_gzip(void **state) {
    (void)state;
    struct mc_buf zipped = {0};
    write_gzip(path_of("good.gz"), MC_STR(HEADER "a,b\n"), "wb");
    FILE *f = fopen(path_of("good.gz"), "rb");
    zipped.len = fread(mc_buf_reserve(&zipped, 1000), 1, 1000, f);
    fclose(f);
    zipped.data[zipped.len - 6] ^= 1; /* of the checksum */
    write_file(path_of("damaged.gz"), mc_buf_view(&zipped), "wb");
    must_fail(path_of("damaged.gz"), MC_ERR_FORMAT, "damaged gzip");
    write_file(path_of("damaged.gz"), MC_STR("\x1F\x8B not a gzip at all"), "wb");
    must_fail(path_of("damaged.gz"), MC_ERR_FORMAT, "gzip");
    mc_buf_free(&zipped);
}

/* ---- identity ---- */

static void test_head_and_length(void **state) {
    (void)state;
    struct mc_buf b = {0};
    struct mc_file *f;
    memset(mc_buf_reserve(&b, 100000), 'y', 100000);
    b.len = 100000;
    write_file(path_of("head.csv"), mc_buf_view(&b), "wb");
    assert_int_equal(mc_file_open(&f, path_of("head.csv"), NULL), MC_OK);
    assert_int_equal(mc_file_len(f), 100000);
    assert_int_equal(mc_file_head(f).len, MC_SOURCE_HEAD_BYTES);
    assert_memory_equal(mc_file_head(f).data, b.data, MC_SOURCE_HEAD_BYTES);
    assert_string_equal(mc_file_path(f), path_of("head.csv"));
    mc_file_close(&f);
    mc_buf_free(&b);
}

/* A pipe has no identity, and none of its first bytes is lost. */
static void test_a_pipe(void **state) {
    (void)state;
    int ends[2];
    struct mc_file *f;
    struct mc_layout layout;
    struct mc_buf out = {0};
    char path[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], HEADER "a,b\nc,d", sizeof HEADER - 1 + 7), sizeof HEADER - 1 + 7);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(mc_file_open(&f, path, NULL), MC_OK);
    close(ends[0]);
    assert_int_equal(mc_file_len(f), -1);
    assert_int_equal(mc_file_layout(f, false, &layout, NULL), MC_OK);
    assert_int_equal(read_rows(f, &out, sizeof HEADER - 1, NULL), MC_OK);
    assert_true(mc_str_equal(mc_buf_view(&out), MC_STR("a,b\nc,d")));
    mc_file_close(&f);
    mc_layout_free(&layout);
    mc_buf_free(&out);
}

static void test_gzip_from_a_pipe_is_refused(void **state) {
    (void)state;
    int ends[2];
    struct mc_file *f;
    struct mc_error e = {0};
    char path[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "\x1F\x8B\x08", 3), 3);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(mc_file_open(&f, path, &e), MC_ERR_FORMAT);
    assert_non_null(strstr(e.text, "zcat"));
    close(ends[0]);
}

/* ---- going on ---- */

/* From any row's start, plain and gzip. */
static void resume_round(struct mc_rng *r) {
    struct mc_buf b = {0};
    mc_buf_text(&b, HEADER);
    put_rows(r, &b, mc_rng_below(r, chance(r, 50) ? 600000 : 3000));
    write_file(path_of("resume.csv"), mc_buf_view(&b), "wb");
    write_gzip(path_of("resume.gz"), mc_buf_view(&b), "wb1");
    for (int zipped = 0; zipped < 2; zipped++) {
        size_t at = sizeof HEADER - 1 + mc_rng_below(r, b.len - sizeof HEADER + 2);
        while (at > sizeof HEADER - 1 && at < b.len && b.data[at - 1] != '\n')
            at++;
        struct mc_file *f;
        struct mc_layout layout;
        struct mc_buf out = {0};
        check(mc_file_open(&f, path_of(zipped ? "resume.gz" : "resume.csv"), NULL) == MC_OK);
        check(mc_file_layout(f, false, &layout, NULL) == MC_OK);
        bool torn;
        check(mc_file_resume(f, at, &torn, NULL) == MC_OK);
        check(!torn || at == b.len);
        check(read_rows(f, &out, at, NULL) == MC_OK);
        check(mc_str_equal(mc_buf_view(&out), (struct mc_str){b.data + at, b.len - at}));
        mc_layout_free(&layout);
        mc_file_close(&f);
        mc_buf_free(&out);
    }
    mc_buf_free(&b);
}

static void test_resume(void **state) {
    (void)state;
    seed_rounds(60, resume_round);
}

/* What is added after the end was met is found by the next who goes on there. */
static void test_growing(void **state) {
    (void)state;
    for (int zipped = 0; zipped < 2; zipped++) {
        const char *path = path_of(zipped ? "grow.gz" : "grow.csv");
        struct mc_file *f;
        struct mc_layout layout;
        struct mc_buf out = {0};
        (zipped ? write_gzip : write_file)(path, MC_STR(HEADER "a,1\nb,2\n"), "wb");
        assert_int_equal(mc_file_open(&f, path, NULL), MC_OK);
        int64_t len = mc_file_len(f);
        assert_int_equal(mc_file_layout(f, false, &layout, NULL), MC_OK);
        assert_int_equal(read_rows(f, &out, sizeof HEADER - 1, NULL), MC_OK);
        mc_file_close(&f);
        mc_layout_free(&layout);
        (zipped ? write_gzip : write_file)(path, MC_STR("c,3\n"), "ab");
        assert_int_equal(mc_file_open(&f, path, NULL), MC_OK);
        assert_true(mc_file_len(f) > len);
        assert_int_equal(mc_file_layout(f, false, &layout, NULL), MC_OK);
        uint64_t at = sizeof HEADER - 1 + out.len;
        bool torn;
        out.len = 0;
        assert_int_equal(mc_file_resume(f, at, &torn, NULL), MC_OK);
        assert_int_equal(read_rows(f, &out, at, NULL), MC_OK);
        assert_true(mc_str_equal(mc_buf_view(&out), MC_STR("c,3\n")));
        mc_file_close(&f);
        mc_layout_free(&layout);
        mc_buf_free(&out);
    }
}

/* ---- long lines ---- */

static void read_long_line(size_t len, bool quoted) {
    struct mc_buf b = {0};
    mc_buf_text(&b, HEADER "a,b\n");
    char *room = mc_buf_reserve(&b, len);
    memset(room, 'x', len);
    if (quoted)
        room[0] = '"';
    b.len += len;
    mc_buf_text(&b, "\nc,d\n");
    write_file(path_of("huge.csv"), mc_buf_view(&b), "wb");
    must_read(path_of("huge.csv"), (struct mc_str){b.data + sizeof HEADER - 1, b.len - sizeof HEADER + 1});
    unlink(path_of("huge.csv"));
    mc_buf_free(&b);
}

static void test_lines_beyond_a_batch(void **state) {
    (void)state;
    read_long_line((size_t)1 << 20, false);
    read_long_line((size_t)3 << 20, true);
    read_long_line(MC_BATCH_BYTES - 4, false);
}

/* Slow: half a second. */
static void test_a_line_of_a_hundred_megabytes(void **state) {
    (void)state;
    read_long_line((size_t)100 << 20, false);
}

/* ---- no memory ---- */

static void test_nth_allocation_fails(void **state) {
    (void)state;
    struct mc_rng r;
    struct mc_buf b = {0};
    mc_rng_seed(&r, seed_now = 1);
    mc_buf_text(&b, HEADER);
    put_rows(&r, &b, 600000);
    write_gzip(path_of("fault.gz"), mc_buf_view(&b), "wb1");
    struct mc_buf out = {0};
    mc_buf_reserve(&out, b.len);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct mc_error e = {0};
        out.len = 0;
        mc_mem_fail_at(n);
        struct mc_file *f;
        struct mc_layout layout = {0};
        struct mc_batch batch = {0};
        bool last = false;
        enum mc_err err = mc_file_open(&f, path_of("fault.gz"), &e);
        if (err == MC_OK)
            err = mc_file_layout(f, false, &layout, &e);
        for (bool more = true; more && err == MC_OK; more = batch.raw_len > 0)
            err = mc_file_fill(f, &batch, &last, &e);
        failed = mc_mem_failed();
        mc_mem_fail_at(0);
        if (err != (failed ? MC_ERR_NOMEM : MC_OK))
            fail_msg("allocation %llu: %d %s", (unsigned long long)n, (int)err, e.text);
        mc_batch_free(&batch);
        mc_layout_free(&layout);
        mc_file_close(&f);
    }
    mc_buf_free(&out);
    mc_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_gzip),
        cmocka_unit_test(test_what_it_is_is_told_by_its_bytes),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_a_header_that_is_too_long),
        cmocka_unit_test(test_a_byte_order_mark_counts_in_offsets),
        cmocka_unit_test(test_empty_without_header),
        cmocka_unit_test(test_missing_and_directory),
        cmocka_unit_test(test_truncated_gzip),
        cmocka_unit_test(test_damaged_gzip),
        cmocka_unit_test(test_head_and_length),
        cmocka_unit_test(test_a_pipe),
        cmocka_unit_test(test_gzip_from_a_pipe_is_refused),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_lines_beyond_a_batch),
        cmocka_unit_test(test_a_line_of_a_hundred_megabytes),
        cmocka_unit_test(test_nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
