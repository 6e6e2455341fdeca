/* Compares a text with a file below test/, from the project's root. With GOLDEN_WRITE=1 in the environment the file is
 * written instead, to be read by a person and committed. */
#ifndef MC_TEST_APP_GOLDEN_H
#define MC_TEST_APP_GOLDEN_H

#include "base/buf.h"
#include <stdio.h>
#include <stdlib.h>

static inline bool golden_equal(const char *path, struct mc_str text) {
    FILE *f = fopen(path, getenv("GOLDEN_WRITE") != NULL ? "wb" : "rb");
    if (f == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        return false;
    }
    bool same;
    if (getenv("GOLDEN_WRITE") != NULL) {
        same = fwrite(text.data, 1, text.len, f) == text.len;
    } else {
        char *there = calloc(1, text.len + 2);
        size_t len = there == NULL ? 0 : fread(there, 1, text.len + 1, f);
        same = there != NULL && mc_str_equal((struct mc_str){there, len}, text);
        free(there);
    }
    if (fclose(f) != 0 || !same)
        fprintf(stderr, "differs from %s; it should be:\n%.*s\n", path, (int)text.len, text.data);
    return same;
}

#endif
