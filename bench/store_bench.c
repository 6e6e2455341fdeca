/* What the ledger costs, row kind by row kind, in the proportions of a replay: rejects, carts, sales, purchases, a
 * commit every so often. Prints machine, command, rows a second (best and median of the passes), bytes, and a checksum
 * that depends only on the seed. Not linked with the rest: see src/store/README.md for the command that builds it.
 *
 *     store_bench FILE [ROWS [PASSES]]
 */
#include "base/rng.h"
#include "store/checkpoint.h"
#include "store/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { REJECTS, STALE_CARTS, SENT_CARTS, SALES, PURCHASES, IDLE_PURCHASES, KINDS };
static const char *const kind_names[KINDS] = {"rejects", "carts, stale",         "carts, sent or capped",
                                              "sales",   "purchases, some wait", "purchases, none waits"};
enum { PASSES_MAX = 9, COMMIT_EVERY = 60000 };

static void die(const struct mc_error *e) {
    fprintf(stderr, "store_bench: %s\n", e->text);
    exit(1);
}

static int64_t clock_of(uint64_t row) {
    return (int64_t)1570000000 * MC_SECOND_US + (int64_t)row * 15 * MC_SECOND_US;
}

static enum mc_err put_reject(struct mc_ledger *l, uint64_t row, struct mc_rng *r, struct mc_error *e) {
    char raw[160];
    int len = snprintf(raw, sizeof raw,
                       "2019-11-%02u 10:%02u:00 UTC,cart,%u,1487580005092295511,,grattol,5.24,%u,"
                       "26dd6e6e-4dac-4778-8d2c-%012" PRIx64,
                       (unsigned)(row % 30 + 1), (unsigned)(row % 60), (unsigned)mc_rng_below(r, 5000000),
                       (unsigned)mc_rng_below(r, 600000000), row);
    struct mc_reject reject = {1, (int64_t)row * 117, (int64_t)row, MC_DUPLICATE, {raw, (size_t)len}, {1}};
    return mc_ledger_put_reject(l, &reject, e);
}

static enum mc_err put_cart(struct mc_ledger *l, uint64_t row, struct mc_rng *r, enum mc_decision decision,
                            struct mc_error *e) {
    char user[32], session[48], products[5][16];
    struct mc_cart_item items[5];
    struct mc_cart c = {.decision = decision, .items = items, .item_count = (uint32_t)mc_rng_below(r, 5) + 1};
    c.user = (struct mc_str){user, (size_t)snprintf(user, sizeof user, "%u", (unsigned)mc_rng_below(r, 100000))};
    c.session = (struct mc_str){session, (size_t)snprintf(session, sizeof session,
                                                          "26dd6e6e-4dac-4778-8d2c-%012" PRIx64, mc_rng_next(r) >> 16)};
    c.expires_at.us = clock_of(row);
    c.last_at.us = c.expires_at.us - 30 * MC_MINUTE_US;
    c.opened_at.us = c.first_at.us = c.first_cart_at.us = c.last_at.us - (int64_t)mc_rng_below(r, 3600) * MC_SECOND_US;
    for (uint32_t i = 0; i < c.item_count; i++) {
        int len = snprintf(products[i], sizeof products[i], "58%05u", (unsigned)mc_rng_below(r, 50000));
        items[i] = (struct mc_cart_item){.product = {products[i], (size_t)len}, .quantity = 1, .price = 524};
        c.value += 524;
    }
    enum mc_err err = mc_ledger_end_cart(l, &c, NULL, e);
    return err == MC_OK ? mc_ledger_advance(l, c.expires_at, e) : err;
}

static enum mc_err put_purchase(struct mc_ledger *l, uint64_t row, struct mc_rng *r, unsigned first,
                                struct mc_error *e) {
    char user[32], product[16];
    int len = snprintf(user, sizeof user, "%u", first + (unsigned)mc_rng_below(r, 100000));
    int product_len = snprintf(product, sizeof product, "58%05u", (unsigned)mc_rng_below(r, 50000));
    struct mc_purchase p = {.user = {user, (size_t)len},
                            .product = {product, (size_t)product_len},
                            .user_hash = mc_hash64(user, (size_t)len),
                            .time = {clock_of(row)},
                            .clock = {clock_of(row)},
                            .quantity = 1,
                            .price = 524};
    return mc_ledger_put_purchase(l, &p, e);
}

static enum mc_err put(struct mc_ledger *l, enum kind kind, uint64_t row, struct mc_rng *r, struct mc_error *e) {
    char product[16];
    switch (kind) {
    case REJECTS:
        return put_reject(l, row, r, e);
    case STALE_CARTS:
        return put_cart(l, row, r, MC_STALE, e);
    case SENT_CARTS:
        return put_cart(l, row + 100000000, r, MC_UNDECIDED, e);
    case SALES: {
        int len = snprintf(product, sizeof product, "58%05u", (unsigned)mc_rng_below(r, 50000));
        return mc_ledger_put_sale(l, (struct mc_str){product, (size_t)len}, (struct mc_time){clock_of(row)}, 1, 524, e);
    }
    case PURCHASES:
        return put_purchase(l, row + 100000000, r, 0, e);
    default:
        return put_purchase(l, row + 200000000, r, 100000, e);
    }
}

/* Seconds of wall and of CPU for all rows of a kind, commits included. */
static void run_kind(struct mc_ledger *l, enum kind kind, uint64_t rows, double *wall, double *cpu) {
    struct mc_error e;
    struct mc_rng r;
    struct rusage before, after;
    mc_rng_seed(&r, (uint64_t)kind + 1);
    getrusage(RUSAGE_SELF, &before);
    int64_t start = mc_monotonic_ns();
    enum mc_err err = mc_ledger_begin(l, &e);
    for (uint64_t row = 0; err == MC_OK && row < rows; row++) {
        err = put(l, kind, row, &r, &e);
        if (err == MC_OK && row % COMMIT_EVERY == COMMIT_EVERY - 1 && (err = mc_ledger_commit(l, &e)) == MC_OK)
            err = mc_ledger_begin(l, &e);
    }
    if (err == MC_OK)
        err = mc_ledger_commit(l, &e);
    if (err != MC_OK)
        die(&e);
    *wall = (double)(mc_monotonic_ns() - start) / 1e9;
    getrusage(RUSAGE_SELF, &after);
    *cpu =
        (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
        (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) /
            1e6;
}

static void subscribe(struct mc_ledger *l) {
    struct mc_error e;
    const char *refused;
    enum mc_err err = mc_ledger_begin(l, &e);
    for (unsigned i = 0; i < 100000 && err == MC_OK; i++) {
        char user[16], email[32];
        snprintf(user, sizeof user, "%u", i);
        snprintf(email, sizeof email, "u%u@example.com", i);
        struct mc_subscriber s = {.user = mc_str_of(user), .email = mc_str_of(email), .consent = MC_CONSENT_YES};
        err = mc_subscriber_put(l, &s, &refused, &e);
    }
    if (err == MC_OK)
        err = mc_ledger_commit(l, &e);
    if (err != MC_OK)
        die(&e);
}

/* ---- reading ---- */

enum reading { READ_CARTS, READ_ONE_USER, READ_TOP, READINGS };
static const char *const reading_names[READINGS] = {"all carts", "carts of one customer", "best products"};

static bool sum_carts(void *context, const struct mc_stored_cart *cart) {
    uint64_t *sum = context;
    *sum = mc_hash_mix(*sum, (uint64_t)cart->cart.value + mc_hash64(cart->cart.user.data, cart->cart.user.len));
    return true;
}

static bool sum_sales(void *context, const struct mc_sale *sale) {
    uint64_t *sum = context;
    *sum = mc_hash_mix(*sum, (uint64_t)sale->revenue + mc_hash64(sale->product.data, sale->product.len));
    return true;
}

static enum mc_err read_one(struct mc_ledger *l, enum reading what, uint64_t *sum, struct mc_error *e) {
    struct mc_filter filter = mc_filter_all();
    switch (what) {
    case READ_CARTS:
        return mc_read_carts(l, &filter, sum_carts, sum, e);
    case READ_ONE_USER:
        filter.user = MC_STR("4711");
        return mc_read_carts(l, &filter, sum_carts, sum, e);
    default:
        return mc_read_sales_by_product(l, &filter, true, sum_sales, sum, e);
    }
}

/* As a command reads it: by a handle of its own. */
static uint64_t read_all(const char *path, double seconds[READINGS]) {
    struct mc_error e;
    struct mc_ledger *l;
    uint64_t sum = 0;
    if (mc_ledger_open(&l, path, MC_LEDGER_READ, NULL, &e) != MC_OK)
        die(&e);
    for (int what = 0; what < READINGS; what++) {
        int64_t start = mc_monotonic_ns();
        if (read_one(l, (enum reading)what, &sum, &e) != MC_OK)
            die(&e);
        seconds[what] = (double)(mc_monotonic_ns() - start) / 1e9;
    }
    mc_ledger_close(&l);
    return sum;
}

static void store_remove(const char *path) {
    static const char *const tails[] = {"", "-wal", "-shm", ".lock"};
    for (int i = 0; i < 4; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
}

static uint64_t pass(const char *path, uint64_t rows, double wall[KINDS], double cpu[KINDS], double reading[READINGS]) {
    static const uint8_t secret[MC_SECRET_BYTES] = {1};
    struct mc_ledger_options options = {.secret = secret};
    struct mc_error e;
    struct mc_ledger *l;
    store_remove(path);
    if (mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, &e) != MC_OK)
        die(&e);
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind == SENT_CARTS)
            subscribe(l);
        run_kind(l, (enum kind)kind, rows, &wall[kind], &cpu[kind]);
    }
    mc_ledger_close(&l);
    return read_all(path, reading);
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print_machine(int argc, char **argv) {
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "model name", 10) == 0) {
            printf("machine: %s", strchr(line, ':') + 2);
            break;
        }
    if (f != NULL)
        fclose(f);
    printf("command:");
    for (int i = 0; i < argc; i++)
        printf(" %s", argv[i]);
    printf("\n");
}

int main(int argc, char **argv) {
    double wall[KINDS][PASSES_MAX], cpu[KINDS][PASSES_MAX], one_wall[KINDS], one_cpu[KINDS];
    double reading[READINGS][PASSES_MAX], one_reading[READINGS];
    uint64_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000, sum = 0;
    int passes = argc > 3 ? atoi(argv[3]) : 3;
    if (argc < 2 || rows == 0 || passes < 1 || passes > PASSES_MAX) {
        fprintf(stderr, "usage: store_bench FILE [ROWS [PASSES]], at most %d passes\n", PASSES_MAX);
        return 2;
    }
    print_machine(argc, argv);
    for (int p = 0; p < passes; p++) {
        sum = pass(argv[1], rows, one_wall, one_cpu, one_reading);
        for (int k = 0; k < READINGS; k++)
            reading[k][p] = one_reading[k];
        for (int k = 0; k < KINDS; k++) {
            wall[k][p] = one_wall[k];
            cpu[k][p] = one_cpu[k];
        }
    }
    for (int k = 0; k < KINDS; k++) {
        qsort(wall[k], (size_t)passes, sizeof(double), compare_doubles);
        qsort(cpu[k], (size_t)passes, sizeof(double), compare_doubles);
        printf("%-24s best %9.0f rows/s, median %9.0f; CPU %6.0f ns/row best, %6.0f median\n", kind_names[k],
               (double)rows / wall[k][0], (double)rows / wall[k][passes / 2], cpu[k][0] / (double)rows * 1e9,
               cpu[k][passes / 2] / (double)rows * 1e9);
    }
    for (int k = 0; k < READINGS; k++) {
        qsort(reading[k], (size_t)passes, sizeof(double), compare_doubles);
        printf("reading %-22s best %.3f s, median %.3f\n", reading_names[k], reading[k][0], reading[k][passes / 2]);
    }
    struct stat st;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("file %.1f MB; peak memory %.0f MB; checksum %016" PRIx64 "\n",
           stat(argv[1], &st) == 0 ? (double)st.st_size / 1e6 : 0, (double)usage.ru_maxrss / 1e3, sum);
    store_remove(argv[1]);
    return 0;
}
