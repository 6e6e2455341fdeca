#include "lake/duck.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

static struct mc_duck table;
static struct mc_error failure;
static once_flag once = ONCE_FLAG_INIT;

/* Beside the program; else wherever the system looks for libraries. (Not by RPATH: under a sanitizer it is the
 * sanitizer's library that calls dlopen.) It is never closed. */
static void *open_library(void) {
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash != NULL ? sizeof path - (size_t)(slash - path) : 0;
    void *library = NULL;
    if (slash != NULL && snprintf(slash, room, "/libduckdb.so") < (int)room)
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return library != NULL ? library : dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
}

static void find_functions(void) {
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define X(name) {"duckdb_" #name, offsetof(struct mc_duck, name)},
        MC_DUCK_FUNCTIONS(X)
#undef X
    };
    void *library = open_library();
    if (library == NULL) {
        mc_error_set(&failure, MC_ERR_IO, "SQL needs libduckdb.so beside the program: %s", dlerror());
        return;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = dlsym(library, functions[i].name);
        if (found == NULL) {
            mc_error_set(&failure, MC_ERR_IO, "libduckdb.so is another version than this program needs: it has no %s",
                         functions[i].name);
            return;
        }
        *(void **)(void *)((char *)&table + functions[i].offset) = found;
    }
}

enum mc_err mc_duck_get(const struct mc_duck **duck, struct mc_error *e) {
    call_once(&once, find_functions);
    *duck = &table;
    if (failure.code != MC_OK && e != NULL)
        *e = failure;
    return failure.code;
}
