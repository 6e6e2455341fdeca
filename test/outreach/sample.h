/* What the tests of this folder share: cmocka, hostile texts, a loop over failing allocations. */
#ifndef MC_TEST_OUTREACH_SAMPLE_H
#define MC_TEST_OUTREACH_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

/* Names that try to become something else. Of some the terminating NUL is not the end. */
__attribute__((unused)) static const struct mc_str hostile[] = {
    {"Eve\r\nBcc: all@example.com", 26},
    {"Eve\nBcc: all@example.com\n\nbody", 30},
    {"Eve\rX: y", 8},
    {"Eve\0Bcc: x@example.com", 22},
    {"Eve\xE2\x80\xA8"
     "Bcc: x",
     12},
    {"Eve\xE2\x80\xA9"
     "Bcc: x",
     12},
    {"Eve\xC2\x85"
     "Bcc: x",
     11},
    {"\xE2\x80\xAE"
     "gnp.eve",
     10},
    {"<script>alert(1)</script>", 25},
    {"\"><img src=x onerror=alert(1)>", 30},
    {"' onmouseover='alert(1)", 23},
    {"</title></td></table><h1>", 25},
    {"{{restore_url}}{{{coupon}}}{{#items}}", 37},
    {"{{=<% %>=}}<%unsubscribe_url%>", 30},
    {"{{>cart}}", 9},
    {"=?UTF-8?Q?Bcc:_x?=", 18},
    {"=?utf-8?b?DQpCY2M6IHg=?=", 24},
    {"\" <evil@example.com>, \"", 23},
    {"a, b; c: d <e>", 14},
    {"back\\slash \" quote", 18},
    {"\xFF\xFE\xC0\x80", 4},
    {"\xED\xA0\x80\xF5\x80\x80\x80", 7},
    {"", 0},
    {"   \t  ", 6},
    {"Zo\xC3\xAB \xE6\x9D\x8E\xE9\x9B\xB7 \xF0\x9F\x9B\x92", 16},
};

enum { HOSTILE_COUNT = sizeof hostile / sizeof *hostile };

static inline bool buf_contains(const struct mc_buf *b, const char *what) {
    return b->len > 0 && memmem(b->data, b->len, what, strlen(what)) != NULL;
}

static inline void assert_buf(const struct mc_buf *b, const char *expected) {
    assert_false(b->failed);
    assert_int_equal(b->len, strlen(expected));
    if (b->len > 0)
        assert_memory_equal(b->data, expected, b->len);
}

/* Runs `try_once` with the first allocation failing, then the second... until it meets none that fails; it must return
 * MC_OK then, and MC_ERR_NOMEM each time before. */
static inline void fail_each_allocation(enum mc_err (*try_once)(void *context), void *context) {
    for (uint64_t n = 1;; n++) {
        assert_true(n < 100000);
        mc_mem_fail_at(n);
        enum mc_err err = try_once(context);
        int met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        if (!met)
            return;
    }
}

#endif
