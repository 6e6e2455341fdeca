/* A file layer of SQLite that does not wait for the disk, counts writes and syncs, and, if asked, at the n-th fails,
 * fails from then on, or kills the process. */
#ifndef MC_TEST_STORE_FAULT_VFS_H
#define MC_TEST_STORE_FAULT_VFS_H

#include "stream.h"

#include <signal.h>

enum fault_kind { FAULT_NONE, FAULT_FULL, FAULT_IOERR, FAULT_FULL_FOR_EVER, FAULT_KILL };

static struct {
    enum fault_kind kind;
    long left;  /* operations until it strikes */
    long count; /* operations so far */
    int struck;
} fault;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this struct */
};

static sqlite3_file *real_of(sqlite3_file *f) {
    return ((struct fault_file *)f)->real;
}

/* 0, or the code to fail with. */
static int fault_strikes(int full, int io) {
    fault.count++;
    if (fault.kind == FAULT_NONE)
        return 0;
    if (fault.left > 0 && --fault.left > 0)
        return 0;
    if (fault.struck && fault.kind != FAULT_FULL_FOR_EVER)
        return 0;
    fault.struck = 1;
    if (fault.kind == FAULT_KILL)
        raise(SIGKILL);
    return fault.kind == FAULT_IOERR ? io : full;
}

static int f_close(sqlite3_file *f) {
    return real_of(f)->pMethods->xClose(real_of(f));
}
static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
    return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}
static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
    int code = fault_strikes(SQLITE_FULL, SQLITE_IOERR_WRITE);
    return code ? code : real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 size) {
    int code = fault_strikes(SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_TRUNCATE);
    return code ? code : real_of(f)->pMethods->xTruncate(real_of(f), size);
}
static int f_sync(sqlite3_file *f, int flags) {
    (void)flags; /* the disk is not asked: what a killed process wrote the kernel keeps */
    (void)f;
    return fault_strikes(SQLITE_IOERR_FSYNC, SQLITE_IOERR_FSYNC);
}
static int f_size(sqlite3_file *f, sqlite3_int64 *size) {
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}
static int f_lock(sqlite3_file *f, int how) {
    return real_of(f)->pMethods->xLock(real_of(f), how);
}
static int f_unlock(sqlite3_file *f, int how) {
    return real_of(f)->pMethods->xUnlock(real_of(f), how);
}
static int f_check(sqlite3_file *f, int *out) {
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}
static int f_control(sqlite3_file *f, int op, void *arg) {
    return op == SQLITE_FCNTL_SIZE_HINT ? SQLITE_OK : real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static int f_sector(sqlite3_file *f) {
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}
static int f_traits(sqlite3_file *f) {
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}
static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}
static int f_shm_lock(sqlite3_file *f, int at, int n, int flags) {
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}
static void f_shm_barrier(sqlite3_file *f) {
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}
static int f_shm_unmap(sqlite3_file *f, int drop) {
    return real_of(f)->pMethods->xShmUnmap(real_of(f), drop);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_traits,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static sqlite3_vfs fault_layer;

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out) {
    sqlite3_vfs *under = vfs->pAppData;
    struct fault_file *file = (struct fault_file *)f;
    file->real = (sqlite3_file *)(file + 1);
    int code = under->xOpen(under, name, file->real, flags, out);
    file->base.pMethods = file->real->pMethods != NULL ? &fault_methods : NULL;
    return code;
}

/* Registers "fault", once a process, after SQLite has been configured by a first mc_ledger_open. */
static void fault_register(void) {
    sqlite3_vfs *under = sqlite3_vfs_find(NULL);
    fault_layer = *under;
    fault_layer.pNext = NULL;
    fault_layer.zName = "fault";
    fault_layer.pAppData = under;
    fault_layer.szOsFile = (int)sizeof(struct fault_file) + under->szOsFile;
    fault_layer.xOpen = fault_open;
    sqlite3_vfs_register(&fault_layer, 0);
}

/* A group setup: SQLite is configured by the first open, then the layer is there. */
static int fault_prepare(void **state) {
    (void)state;
    const char *dir = temp_dir(), *path = temp_path(dir, "first");
    struct mc_ledger *l = open_test(path, 0, NULL);
    mc_ledger_close(&l);
    temp_remove(path);
    rmdir(dir);
    fault_register();
    return 0;
}

static inline void fault_set(enum fault_kind kind, long n) {
    fault.kind = kind;
    fault.left = n;
    fault.count = 0;
    fault.struck = 0;
}

#endif
