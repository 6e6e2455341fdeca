#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum mc_err mc_error_set(struct mc_error *e, enum mc_err code, const char *format, ...) {
    if (e == NULL)
        return code;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    e->code = code;
    return code;
}

enum mc_err mc_error_wrap(struct mc_error *e, const char *format, ...) {
    if (e == NULL)
        return MC_ERR_IO;
    char front[sizeof e->text];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(front, sizeof front, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof front - 3)
        snprintf(front + used, sizeof front - (size_t)used, ": %.*s", (int)(sizeof front - (size_t)used - 3), e->text);
    memcpy(e->text, front, sizeof front);
    return e->code;
}

enum mc_err mc_err_of_errno(int error_number) {
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        return MC_ERR_FULL;
    case ENOMEM:
        return MC_ERR_NOMEM;
    default:
        return MC_ERR_IO;
    }
}
