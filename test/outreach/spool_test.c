#include "outreach/sample.h"

#include "outreach/mime.h"
#include "outreach/spool.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char folder[64], spool[80];
};

static int make_place(void **state) {
    struct place *p = calloc(1, sizeof *p);
    snprintf(p->folder, sizeof p->folder, "/tmp/maxcart-spool-XXXXXX");
    if (p == NULL || mkdtemp(p->folder) == NULL)
        return -1;
    snprintf(p->spool, sizeof p->spool, "%s/out", p->folder);
    *state = p;
    return 0;
}

static int remove_place(void **state) {
    struct place *p = *state;
    DIR *dir = opendir(p->spool);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    rmdir(p->spool);
    unlink(p->spool);
    rmdir(p->folder);
    free(p);
    return 0;
}

static size_t count_files(const char *folder) {
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void expect_file(const char *folder, const char *name, const char *content) {
    char path[200], bytes[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(len, strlen(content));
    assert_memory_equal(bytes, content, len);
}

static void a_message_is_one_file(void **state) {
    struct place *p = *state;
    struct mc_spool *s;
    struct mc_error e = {0};
    assert_int_equal(mc_spool_open(&s, p->spool, &e), MC_OK);
    assert_int_equal(mc_spool_put(s, MC_STR("0a1b"), MC_STR("one\r\n"), &e), MC_OK);
    assert_int_equal(mc_spool_put(s, MC_STR("0a1c"), MC_STR("two\r\n"), &e), MC_OK);
    assert_int_equal(mc_spool_put(s, MC_STR("0a1b"), MC_STR("one again\r\n"), &e), MC_OK);
    assert_int_equal(mc_spool_flush(s, &e), MC_OK);
    assert_int_equal(count_files(p->spool), 2);
    expect_file(p->spool, "0a1b.eml", "one again\r\n");
    expect_file(p->spool, "0a1c.eml", "two\r\n");
    mc_spool_close(&s);
    assert_null(s);
}

static void personal_data_is_the_owners(void **state) {
    struct place *p = *state;
    struct mc_spool *s;
    struct stat about;
    char path[200];
    assert_int_equal(mc_spool_open(&s, p->spool, NULL), MC_OK);
    assert_int_equal(mc_spool_put(s, MC_STR("a"), MC_STR("x"), NULL), MC_OK);
    snprintf(path, sizeof path, "%s/a.eml", p->spool);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 077, 0);
    mc_spool_close(&s);
}

static void a_file_in_its_place_is_an_error(void **state) {
    struct place *p = *state;
    struct mc_spool *s;
    struct mc_error e = {0};
    FILE *file = fopen(p->spool, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(mc_spool_open(&s, p->spool, &e), MC_ERR_IO);
    assert_null(s);
    assert_non_null(strstr(e.text, p->spool));
}

/* A folder where the file should go: nothing half-written stays. */
static void a_failed_put_leaves_nothing(void **state) {
    struct place *p = *state;
    struct mc_spool *s;
    struct mc_error e = {0};
    char path[200];
    assert_int_equal(mc_spool_open(&s, p->spool, &e), MC_OK);
    snprintf(path, sizeof path, "%s/a.eml", p->spool);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mc_spool_put(s, MC_STR("a"), MC_STR("x"), &e), MC_ERR_IO);
    assert_int_equal(count_files(p->spool), 1);
    rmdir(path);
    mc_spool_close(&s);
}

static void names_are_safe(void **state) {
    (void)state;
    assert_true(mc_message_id_is_valid(MC_STR("0123456789abcdef0123456789abcdef")));
    assert_true(mc_message_id_is_valid(MC_STR("a.b-c_d")));
    static const struct mc_str bad[] = {{"", 0},        {".", 1},    {"..", 2},  {"../x", 4},    {"a/b", 3},
                                        {".hidden", 7}, {"a..b", 4}, {"a.", 2},  {"a b", 3},     {"a\0b", 3},
                                        {"a\nb", 3},    {"a>b", 3},  {"a@b", 3}, {"\xC3\xA4", 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mc_message_id_is_valid(bad[i]));
    char tall[65];
    memset(tall, 'a', sizeof tall);
    assert_true(mc_message_id_is_valid((struct mc_str){tall, 64}));
    assert_false(mc_message_id_is_valid((struct mc_str){tall, 65}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_is_one_file, make_place, remove_place),
        cmocka_unit_test_setup_teardown(personal_data_is_the_owners, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_file_in_its_place_is_an_error, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_failed_put_leaves_nothing, make_place, remove_place),
        cmocka_unit_test(names_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
