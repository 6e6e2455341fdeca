/* One event, one line, whatever is in it; what was written can be read back. */
#include "base/log.h"

#include "seed.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AT INT64_C(1574622000123456) /* 2019-11-24T19:00:00.123456Z */

static const char *line_of(struct mc_buf *b, enum mc_log_level level, const char *what,
                           const struct mc_log_field *fields, size_t count) {
    b->len = 0;
    mc_log_line(b, AT, level, what, fields, count);
    return mc_buf_cstr(b);
}

static void test_lines_are_logfmt(void **state) {
    (void)state;
    struct mc_buf b = {0};
    const struct mc_log_field fields[] = {{"url", "http://127.0.0.1:8080", 0},
                                          {"threads", NULL, 2},
                                          {"least", NULL, INT64_MIN},
                                          {"why", "disk \"full\"", 0},
                                          {"empty", "", 0},
                                          {"equal", "a=b", 0},
                                          {"path", "C:\\x", 0}};
    assert_string_equal(line_of(&b, MC_LOG_INFO, "listening", fields, 7),
                        "2019-11-24T19:00:00.123456Z info listening url=http://127.0.0.1:8080 threads=2"
                        " least=-9223372036854775808 why=\"disk \\\"full\\\"\" empty=\"\" equal=\"a=b\" path=C:\\x\n");
    assert_string_equal(line_of(&b, MC_LOG_ERROR, "stopping", fields, 0),
                        "2019-11-24T19:00:00.123456Z error stopping\n");
    assert_string_equal(line_of(&b, MC_LOG_WARNING, "x", fields + 1, 1),
                        "2019-11-24T19:00:00.123456Z warning x threads=2\n");
    mc_buf_free(&b);
}

/* ---- random texts ---- */

enum { FIELDS_MAX = 5, TEXT_MAX = 12 };

static void make_text(struct mc_rng *r, char text[TEXT_MAX + 1]) {
    static const char bytes[] = "ab\\\"= \n\r\t\x01\x1f\x7f/é";
    size_t len = mc_rng_below(r, TEXT_MAX + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = bytes[mc_rng_below(r, sizeof bytes - 1)];
    text[len] = '\0';
}

/* A reader's view of a quoted value: behind its closing quote. */
static const char *read_quoted(const char *at, char *out) {
    for (at++; *at != '"'; at++)
        if (*at != '\\') {
            *out++ = *at;
        } else if (*++at == 'u') {
            unsigned code;
            check(sscanf(at + 1, "%4x", &code) == 1);
            *out++ = (char)code;
            at += 4;
        } else {
            static const char names[] = "bfnrt\"\\/", means[] = "\b\f\n\r\t\"\\/";
            check(*at != '\0' && strchr(names, *at) != NULL);
            *out++ = means[strchr(names, *at) - names];
        }
    *out = '\0';
    return at + 1;
}

static const char *read_value(const char *at, char *out) {
    if (*at == '"')
        return read_quoted(at, out);
    size_t len = strcspn(at, " \n");
    memcpy(out, at, len);
    out[len] = '\0';
    return at + len;
}

static void text_round(struct mc_rng *r) {
    char texts[FIELDS_MAX][TEXT_MAX + 1], back[8 * TEXT_MAX];
    struct mc_log_field fields[FIELDS_MAX];
    size_t count = mc_rng_below(r, FIELDS_MAX + 1);
    struct mc_buf b = {0};
    for (size_t i = 0; i < count; i++) {
        make_text(r, texts[i]);
        fields[i] = (struct mc_log_field){"name", texts[i], 0};
    }
    const char *line = line_of(&b, MC_LOG_INFO, "what", fields, count);
    check(strcspn(line, "\n") == b.len - 1); /* one line */
    for (const char *c = line; *c != '\n'; c++)
        check((unsigned char)*c >= ' ');
    const char *at = line + strlen("2019-11-24T19:00:00.123456Z info what");
    for (size_t i = 0; i < count; i++) {
        check(strncmp(at, " name=", 6) == 0);
        at = read_value(at + 6, back);
        if (mc_str_is_utf8(mc_str_of(texts[i]))) /* else what is not UTF-8 was replaced, if it was quoted */
            check(strcmp(back, texts[i]) == 0);
    }
    check(strcmp(at, "\n") == 0);
    mc_buf_free(&b);
}

static void test_texts_come_back(void **state) {
    (void)state;
    seed_rounds(3000, text_round);
}

/* ---- standard error ---- */

enum { WRITERS = 4, LINES = 100 };

static void *write_lines(void *name) {
    for (int i = 0; i < LINES; i++)
        mc_log(MC_LOG_INFO, "written", {"by", name, 0}, {"number", NULL, i});
    return NULL;
}

static void read_lines(FILE *f) {
    int next[WRITERS] = {0}, total = 0, number, year;
    char line[256], by;
    for (; total < WRITERS * LINES; total++) {
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(sscanf(line, "%4d-%*[^ ] info written by=%c number=%d\n", &year, &by, &number), 3);
        assert_true(by >= 'a' && by < 'a' + WRITERS && year >= 2000);
        assert_int_equal(number, next[by - 'a']++);
    }
}

/* Lines of several threads stay whole, and each thread's in order. */
static void test_a_line_is_one_write(void **state) {
    (void)state;
    static char names[WRITERS][2] = {"a", "b", "c", "d"};
    pthread_t threads[WRITERS];
    int ends[2], error = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO); /* 400 lines fit what a pipe holds */
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, write_lines, names[i]);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    dup2(error, STDERR_FILENO);
    close(error);
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    read_lines(f);
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_logfmt),
        cmocka_unit_test(test_texts_come_back),
        cmocka_unit_test(test_a_line_is_one_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
