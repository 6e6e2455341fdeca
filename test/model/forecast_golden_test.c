/* Published forecasts and figures. A small extract of M3 runs anywhere; the whole of M3 and M4 Weekly where ../shared
 * is.
 *
 * The published forecasts are of 2000: other starting values and optimisers, so each method is compared by how far its
 * forecasts lie from the published ones, as a share of their size, and by sMAPE (mean over series; Mcomp's definition).
 */
#include "model/forecast.h"
#include "model/forecast_accuracy.h"
#include "model/forecast_single.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERIES_MAX = 3100, VALUES_MAX = 3000, HORIZON_MAX = 18 };

struct golden {
    char id[16], kind[16];
    size_t season, n;
    double values[VALUES_MAX];
};

static bool read_line(FILE *f, struct golden *g) {
    if (fscanf(f, "%15s %15s %zu %zu", g->id, g->kind, &g->season, &g->n) != 4 || g->n > VALUES_MAX)
        return false;
    for (size_t t = 0; t < g->n; t++)
        if (fscanf(f, "%lf", &g->values[t]) != 1)
            return false;
    return true;
}

static const struct {
    const char *kind;
    enum mc_single method;
    double tolerance; /* mean |ours - published| / |published| over the extract; measured, and a half more */
} methods[] = {
    {"NAIVE2", MC_SINGLE_NAIVE2, 0.03}, {"SINGLE", MC_SINGLE_SES, 0.10},  {"HOLT", MC_SINGLE_HOLT, 0.14},
    {"DAMPEN", MC_SINGLE_DAMPED, 0.08}, {"THETA", MC_SINGLE_THETA, 0.07},
};

static void test_m3_extract(void **state) {
    (void)state;
    enum { METHODS = sizeof methods / sizeof *methods };
    static struct golden history, line;
    double apart[METHODS] = {0}, count[METHODS] = {0}, out[HORIZON_MAX];
    FILE *f = fopen("test/model/data/m3_extract.txt", "r");
    assert_non_null(f);
    while (read_line(f, &line)) {
        if (strcmp(line.kind, "history") == 0)
            history = line;
        for (int m = 0; m < METHODS; m++) {
            if (strcmp(line.kind, methods[m].kind) != 0)
                continue;
            assert_int_equal(
                mc_single_forecast(methods[m].method, history.values, history.n, history.season, line.n, out, NULL),
                MC_OK);
            for (size_t t = 0; t < line.n; t++)
                apart[m] += fabs(out[t] - line.values[t]) / fabs(line.values[t]), count[m]++;
        }
    }
    fclose(f);
    for (int m = 0; m < METHODS; m++) {
        print_message("%-7s %3.0f forecasts, %.4f apart, tolerance %.2f\n", methods[m].kind, count[m],
                      apart[m] / count[m], methods[m].tolerance);
        assert_true(count[m] == 130 && apart[m] / count[m] < methods[m].tolerance);
    }
}

/* ---- the whole sets
 * ---------------------------------------------------------------------------------------------------- */

struct set {
    struct mc_series series[SERIES_MAX];
    double *actual[SERIES_MAX];
    size_t count, season, horizon;
};

static size_t parse_values(char *text, const char *separators, double *out) {
    size_t n = 0;
    for (char *at = strtok(text, separators); at != NULL && n < VALUES_MAX; at = strtok(NULL, separators))
        out[n++] = strtod(at, NULL);
    return n;
}

static double *copy_of(const double *values, size_t n) {
    double *copy = malloc((n + 1) * sizeof *copy);
    memcpy(copy, values, n * sizeof *copy);
    return copy;
}

static void drop(struct set *s) {
    for (size_t i = 0; i < s->count; i++) {
        free((void *)s->series[i].y);
        free(s->actual[i]);
    }
    s->count = 0;
}

/* One frequency of M3: id,period,type,n,h,start,values with spaces between them. */
static void read_m3(struct set *s, const char *period) {
    static char train_line[1 << 16], test_line[1 << 16];
    static double values[VALUES_MAX];
    FILE *train = popen("gzip -dc ../shared/data/m3/M3_train.csv.gz", "r");
    FILE *test = popen("gzip -dc ../shared/data/m3/M3_test.csv.gz", "r");
    s->count = 0;
    while (fgets(train_line, sizeof train_line, train) != NULL && fgets(test_line, sizeof test_line, test) != NULL) {
        char *comma = strchr(train_line, ',');
        if (strncmp(comma + 1, period, strlen(period)) != 0)
            continue;
        size_t n = parse_values(strrchr(train_line, ',') + 1, " \r\n", values);
        s->series[s->count] = (struct mc_series){copy_of(values, n), n};
        s->horizon = parse_values(strrchr(test_line, ',') + 1, " \r\n", values);
        s->actual[s->count++] = copy_of(values, s->horizon);
    }
    pclose(train);
    pclose(test);
}

static void judge(const struct set *s, const struct mc_forecast *f, struct mc_accuracy *a) {
    static const double tau[] = {0.1, 0.5, 0.9};
    for (size_t i = 0; i < s->count; i++)
        mc_accuracy_add(a, &(struct mc_accuracy_case){.history = s->series[i].y,
                                                      .n = s->series[i].n,
                                                      .season = s->season,
                                                      .actual = s->actual[i],
                                                      .forecast = mc_forecast_mean(f, i, 0),
                                                      .horizon = s->horizon,
                                                      .quantile = mc_forecast_quantile(f, i, 0),
                                                      .tau = tau,
                                                      .taus = 3});
}

static void forecast_set(const struct set *s, struct mc_accuracy *a) {
    struct mc_forecast_options o = {.horizon = s->horizon, .season = s->season, .tau = {0.1, 0.5, 0.9}, .tau_count = 3};
    struct mc_forecast f;
    assert_int_equal(mc_forecast_run(s->series, s->count, &o, &f, NULL), MC_OK);
    judge(s, &f, a);
    mc_forecast_free(&f);
}

static void add_single(const struct set *s, enum mc_single method, struct mc_accuracy *a) {
    double out[HORIZON_MAX];
    for (size_t i = 0; i < s->count; i++) {
        mc_single_forecast(method, s->series[i].y, s->series[i].n, s->season, s->horizon, out, NULL);
        mc_accuracy_add(a, &(struct mc_accuracy_case){.history = s->series[i].y,
                                                      .n = s->series[i].n,
                                                      .season = s->season,
                                                      .actual = s->actual[i],
                                                      .forecast = out,
                                                      .horizon = s->horizon});
    }
}

static void skip_without(const char *path) {
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
}

static void test_m3_whole(void **state) {
    (void)state;
    static const char *const periods[] = {"YEARLY", "QUARTERLY", "MONTHLY", "OTHER"};
    static const size_t seasons[] = {1, 4, 12, 1};
    static const struct {
        enum mc_single method;
        double published, tolerance; /* sMAPE, mean over series */
    } table[] = {{MC_SINGLE_NAIVE2, 14.742, 0.1}, {MC_SINGLE_SES, 13.913, 0.5},
                 {MC_SINGLE_HOLT, 14.843, 0.5},   {MC_SINGLE_DAMPED, 13.284, 0.3},
                 {MC_SINGLE_THETA, 12.762, 0.1},  {MC_SINGLE_DYNAMIC_THETA, 12.53, 0.1}};
    enum { METHODS = sizeof table / sizeof *table };
    static struct set set;
    struct mc_accuracy ours = {0}, single[METHODS] = {{0}};
    skip_without("../shared/data/m3/M3_train.csv.gz");
    for (int p = 0; p < 4; p++) {
        set.season = seasons[p];
        read_m3(&set, periods[p]);
        forecast_set(&set, &ours);
        for (int m = 0; m < METHODS; m++)
            add_single(&set, table[m].method, &single[m]);
        drop(&set);
    }
    for (int m = 0; m < METHODS; m++) {
        double smape = mc_accuracy_result(&single[m]).smape;
        print_message("%-14s sMAPE %.3f, published %.3f\n", mc_single_name(table[m].method), smape, table[m].published);
        assert_true(fabs(smape - table[m].published) < table[m].tolerance);
    }
    struct mc_accuracy_result r = mc_accuracy_result(&ours);
    print_message("combination: sMAPE %.3f MASE %.3f coverage %.3f of %.0f series\n", r.smape, r.mase, r.cover,
                  r.series);
    assert_true(r.series == 3003 && r.smape < 12.40 && r.mase < 1.34 && r.cover > 0.75 && r.cover < 0.85);
}

/* M4 Weekly: "V1","V2",... quoted, rows of different lengths. */
static void read_weekly(struct set *s) {
    static char line[1 << 17];
    static double values[VALUES_MAX];
    FILE *f = popen("gzip -dc ../shared/data/m4/Weekly-train.csv.gz", "r");
    s->count = 0, s->season = 1, s->horizon = 13;
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "\"W", 2) == 0) {
            size_t n = parse_values(strchr(line, ',') + 1, ",\"\r\n", values);
            s->series[s->count++] = (struct mc_series){copy_of(values, n), n};
        }
    pclose(f);
    f = fopen("../shared/data/m4/Weekly-test.csv", "r");
    for (size_t i = 0; fgets(line, sizeof line, f) != NULL;)
        if (strncmp(line, "\"W", 2) == 0) {
            parse_values(strchr(line, ',') + 1, ",\"\r\n", values);
            s->actual[i++] = copy_of(values, s->horizon);
        }
    fclose(f);
}

static void test_m4_weekly(void **state) {
    (void)state;
    static struct set set;
    struct mc_accuracy ours = {0};
    skip_without("../shared/data/m4/Weekly-train.csv.gz");
    read_weekly(&set);
    forecast_set(&set, &ours);
    struct mc_accuracy_result r = mc_accuracy_result(&ours);
    print_message("M4 Weekly: sMAPE %.3f MASE %.3f coverage %.3f of %.0f series\n", r.smape, r.mase, r.cover, r.series);
    assert_true(r.series == 359 && r.smape < 8.75 && r.mase < 2.55 && r.cover > 0.75 && r.cover < 0.85);
    drop(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_m3_extract),
        cmocka_unit_test(test_m3_whole),
        cmocka_unit_test(test_m4_weekly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
