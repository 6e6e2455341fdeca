/* Published figures of the customer-value models, ours and the difference; and what a fit costs. Built and run by
 * bench/clv. Lines of words between tabs:
 *
 *     clv_bench figures              figure NAME PUBLISHED OURS TOLERANCE CPU_SECONDS (CPU of a fit, else 0)
 *     clv_bench speed N MODEL [FILE] group, fit and predict N simulated customers in memory; writes them to FILE
 *     clv_bench score N MODEL        score MODEL NS_ALIVE NS_EXPECTED SUM, by calls for one customer
 *
 * Simulated: BG/NBD at the published CDNOW parameters, seen for 17 to 35 weeks, times in whole days. */
#include "base/mem.h"
#include "base/rng.h"
#include "model/clv_gammagamma.h"
#include "model/clv_holdout.h"
#include "model/clv_model.h"
#include "model/clv_pareto.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CDNOW_MAX = 3000, REPEATS = 5 };

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stop(const char *why) {
    fprintf(stderr, "clv_bench: %s\n", why);
    exit(1);
}

/* ---- figures ---- */

static struct mc_clv_history history[CDNOW_MAX];
static struct mc_gg_spend spend[CDNOW_MAX];
static double came[CDNOW_MAX], expected[CDNOW_MAX];

static size_t read_cdnow(void) {
    FILE *file = fopen("test/model/data/cdnow_sample.csv", "r");
    char line[128];
    size_t n = 0;
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        stop("cannot read test/model/data/cdnow_sample.csv");
    while (n < CDNOW_MAX && fgets(line, sizeof line, file) != NULL) {
        double x, recency, T, first, repeat;
        if (sscanf(line, "%lf,%lf,%lf,%lf,%lf,%lf", &x, &recency, &T, &first, &repeat, &came[n]) != 6)
            stop("test/model/data/cdnow_sample.csv is not what it was");
        history[n] = (struct mc_clv_history){x, recency / 7, T / 7};
        spend[n++] = (struct mc_gg_spend){x, x > 0 ? repeat / x : 0};
    }
    fclose(file);
    return n;
}

static void figure(const char *name, double published, double ours, double tolerance, double cpu) {
    printf("figure\t%s\t%.10g\t%.10g\t%g\t%.4f\n", name, published, ours, tolerance, cpu);
}

static void named(const char *model, const char *what, double published, double ours, double tolerance) {
    char name[64];
    snprintf(name, sizeof name, "%s %s", model, what);
    figure(name, published, ours, tolerance, 0);
}

struct published {
    enum mc_clv_kind kind;
    double params[4], tolerance[4], log_likelihood, predicted, mae, rmse;
};

static void fit_figures(const struct published *p, const struct mc_clv_counts *c, size_t n) {
    struct mc_clv_model m;
    struct mc_error e;
    char name[64];
    double from = cpu_seconds();
    if (mc_clv_fit(p->kind, c, &m, &e) != MC_OK)
        stop(e.text);
    double cpu = cpu_seconds() - from;
    const char *title = mc_clv_kind_title(p->kind);
    for (int i = 0; i < MC_CLV_PARAMS && mc_clv_param_name(p->kind, i) != NULL; i++)
        named(title, mc_clv_param_name(p->kind, i), p->params[i], m.params[i], p->tolerance[i]);
    snprintf(name, sizeof name, "%s log-likelihood", title);
    figure(name, p->log_likelihood, m.log_likelihood, 0.01, cpu);
    if (p->predicted == 0)
        return;
    for (size_t i = 0; i < n; i++)
        expected[i] = mc_clv_expected(&m, history[i], 39);
    struct mc_clv_errors errors = mc_clv_errors_of(expected, came, n);
    named(title, "holdout, predicted", p->predicted, errors.predicted, 0.1);
    named(title, "holdout, MAE", p->mae, errors.mae, 1e-4);
    named(title, "holdout, RMSE", p->rmse, errors.rmse, 1e-4);
}

static void spend_figures(size_t n) {
    struct mc_gg_model m;
    struct mc_error e;
    double from = cpu_seconds();
    if (mc_gg_fit(spend, n, &m, &e) != MC_OK)
        stop(e.text);
    double cpu = cpu_seconds() - from;
    named("Gamma-Gamma", "p", 6.25, m.params[0], 5e-3);
    named("Gamma-Gamma", "q", 3.74, m.params[1], 5e-3);
    named("Gamma-Gamma", "gamma", 15.44, m.params[2], 5e-3);
    figure("Gamma-Gamma log-likelihood", -4055.918, m.log_likelihood, 0.01, cpu);
    static const double means[] = {24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) /* with the fit's digits, as they were published */
        named("Gamma-Gamma", "spend of the first ten", means[i], mc_gg_expected(&m, spend[i]), 0.0075);
}

static void point_figures(void) {
    static const double t[] = {.1429, 1, 3, 32, 39, 52, 78};
    static const double mean[] = {.007828, .053268, .150865, 1.045243, 1.196723, 1.446051, 1.860519};
    const struct mc_clv_model bg = {.kind = MC_CLV_BGNBD, .params = {.243, 4.414, .793, 2.426}};
    const struct mc_clv_model vignette = {.kind = MC_CLV_PARETONBD,
                                          .params = {.5533971, 10.5801985, .6060625, 11.6562237}};
    const struct mc_clv_model many = {.kind = MC_CLV_PARETONBD, .params = {.55, 10.58, .61, 11.67}};
    const struct mc_clv_model iso = {.kind = MC_CLV_PARETONBD, .params = {.5629966, 12.559037, .4081095, 10.5148048}};
    const double steep[] = {10.465, .00798565181, 3.0516, 2.82};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        named("BG/NBD", "E[X(t)]", mean[i], mc_clv_new(&bg, t[i]), 1e-6);
    named("BG/NBD", "E[Y(39)]", 1.226028, mc_clv_expected(&bg, (struct mc_clv_history){2, 30.43, 38.86}, 39), 1e-6);
    named("BG/NBD", "P(alive) 2", .726579, mc_clv_alive(&bg, (struct mc_clv_history){2, 30.43, 38.86}), 1e-6);
    named("BG/NBD", "P(alive) 23", .968555, mc_clv_alive(&bg, (struct mc_clv_history){23, 39, 39}), 1e-6);
    named("BG/NBD", "P(alive) 5", .705627, mc_clv_alive(&bg, (struct mc_clv_history){5, 30, 39}), 1e-6);
    named("Pareto/NBD", "P(alive) 26", .9979, mc_clv_alive(&vignette, (struct mc_clv_history){26, 30.86, 31}), 5e-5);
    named("Pareto/NBD", "E[Y(52)]", 25.46, mc_clv_expected(&vignette, (struct mc_clv_history){26, 30.86, 31}, 52),
          5e-3);
    named("Pareto/NBD", "P(alive) 0", .2942, mc_clv_alive(&vignette, (struct mc_clv_history){0, 0, 39}), 5e-5);
    named("Pareto/NBD", "E[X(52)]", 1.473, mc_clv_new(&vignette, 52), 5e-4);
    named("Pareto/NBD", "log A0 400", -667.991281, mc_clv_pareto_log_a0(steep, (struct mc_clv_history){400, 5, 6}),
          1e-6);
    named("Pareto/NBD", "log A0 500, 1", -9.476588, mc_clv_pareto_log_a0(steep, (struct mc_clv_history){500, 1, 37}),
          1e-6);
    named("Pareto/NBD", "log A0 500, 4", -715.059793, mc_clv_pareto_log_a0(steep, (struct mc_clv_history){500, 4, 37}),
          1e-6);
    named("Pareto/NBD", "E[Y(10)] 132", 6.2060517890,
          mc_clv_expected(&many, (struct mc_clv_history){132, 200, 200}, 10), 1e-9);
    named("Pareto/NBD", "E[Y(10)] 133", 6.2528722476,
          mc_clv_expected(&many, (struct mc_clv_history){133, 200, 200}, 10), 1e-9);
    named("Pareto/NBD", "DERT 7", 1.86418, mc_clv_residual(&iso, (struct mc_clv_history){7, 35, 77.86}, .0027), 5e-6);
    static const double dert[] = {2.1992, 2.8435, 2.8671, 2.4454, 1.8405, 1.2624, .8096, .4948, .2920, .1679};
    for (int x = 1; x <= 10; x++)
        named("Pareto/NBD", "DERT x = 1..10", dert[x - 1],
              mc_clv_residual(&iso, (struct mc_clv_history){x, 30, 77.86}, .0027), 5e-5);
}

static void figures(void) {
    static const struct published all[] = {
        {MC_CLV_BGNBD, {.2426, 4.4136, .7929, 2.4259}, {1e-4, 1e-3, 1e-3, 1e-3}, -9582.429, 1653.4, .7855, 1.6080},
        {MC_CLV_MBGNBD, {.5249, 6.1831, .8914, 1.6140}, {1e-4, 1e-3, 1e-3, 1e-3}, -9582.133, 1576.7, .7648, 1.6072},
        {MC_CLV_PARETONBD, {.553, 10.578, .606, 11.669}, {1e-3, 3e-3, 1e-3, 3e-2}, -9594.976, 1665.5, .7545, 1.6028},
        {MC_CLV_NBD, {.3848, 12.072}, {1e-4, 1e-3}, -9763.660, 0, 0, 0},
    };
    struct mc_clv_counts c;
    struct mc_error e;
    size_t n = read_cdnow();
    if (mc_clv_counts_make(history, NULL, n, &c, &e) != MC_OK)
        stop(e.text);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fit_figures(&all[i], &c, n);
    spend_figures(n);
    point_figures();
    mc_clv_counts_free(&c);
}

/* ---- speed ---- */

/* Marsaglia & Tsang 2000. */
static double gamma_draw(struct mc_rng *rng, double shape) {
    if (shape < 1)
        return gamma_draw(rng, shape + 1) * pow(mc_rng_unit(rng), 1 / shape);
    for (double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);;) {
        double normal = sqrt(-2 * log(1 - mc_rng_unit(rng))) * cos(6.283185307179586 * mc_rng_unit(rng));
        double v = pow(fmax(0, 1 + c * normal), 3);
        if (v > 0 && log(1 - mc_rng_unit(rng)) < normal * normal / 2 + d - d * v + d * log(v))
            return d * v;
    }
}

static struct mc_clv_history draw(struct mc_rng *rng) {
    double days = floor(7 * (17 + 18.4 * mc_rng_unit(rng))), t = 0, last = 0, x = 0;
    double rate = gamma_draw(rng, .2426) / (7 * 4.4136), a = gamma_draw(rng, .7929);
    double leaves = a / (a + gamma_draw(rng, 2.4259));
    while ((t += -log(1 - mc_rng_unit(rng)) / rate) < days) {
        x += floor(t) > last; /* purchases of a day are one */
        last = floor(t) > last ? floor(t) : last;
        if (mc_rng_unit(rng) < leaves)
            break;
    }
    return (struct mc_clv_history){x, last / 7, days / 7};
}

static struct mc_clv_history *simulate(size_t n, const char *path) {
    struct mc_clv_history *h = mc_malloc(n * sizeof *h);
    struct mc_rng rng;
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (h == NULL || (path != NULL && file == NULL))
        stop("no memory, or the file cannot be written");
    mc_rng_seed(&rng, 7);
    for (size_t i = 0; i < n; i++) {
        h[i] = draw(&rng);
        if (file != NULL)
            fprintf(file, "%.0f,%.17g,%.17g\n", h[i].x, h[i].t_x, h[i].T);
    }
    if (file != NULL)
        fclose(file);
    return h;
}

/* One customer after the other, as a live service would ask: P(alive) and the mean of 39 weeks, nothing shared. */
static void score(size_t n, enum mc_clv_kind kind) {
    struct mc_clv_history *h = simulate(n, NULL);
    struct mc_clv_counts c;
    struct mc_clv_model m;
    struct mc_error e;
    if (mc_clv_counts_make(h, NULL, n, &c, &e) != MC_OK || mc_clv_fit(kind, &c, &m, &e) != MC_OK)
        stop(e.text);
    double start = cpu_seconds(), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += mc_clv_alive(&m, h[i]);
    double alive = cpu_seconds();
    for (size_t i = 0; i < n; i++)
        sum += mc_clv_expected(&m, h[i], 39);
    double end = cpu_seconds();
    printf("score\t%s\t%.0f\t%.0f\t%.6g\n", mc_clv_kind_name(kind), 1e9 * (alive - start) / (double)n,
           1e9 * (end - alive) / (double)n, sum);
    mc_clv_counts_free(&c);
    mc_free(h);
}

static void speed(size_t n, enum mc_clv_kind kind, const char *path) {
    struct mc_clv_history *h = simulate(n, path);
    double *of = mc_malloc(n * sizeof *of);
    for (int k = 0; k < REPEATS && of != NULL; k++) {
        struct mc_clv_counts c;
        struct mc_clv_model m;
        struct mc_error e;
        double start = cpu_seconds(), sum = 0;
        if (mc_clv_counts_make(h, NULL, n, &c, &e) != MC_OK)
            stop(e.text);
        double grouped = cpu_seconds();
        if (mc_clv_fit(kind, &c, &m, &e) != MC_OK)
            stop(e.text);
        double fitted = cpu_seconds();
        struct mc_clv_forecast *f = mc_malloc(c.count * sizeof *f);
        if (f == NULL || mc_clv_predict(&m, &c, &(struct mc_clv_question){39, 0, true}, f, &e) != MC_OK)
            stop("no memory");
        for (size_t i = 0; i < n; i++)
            sum += of[i] = f[c.pattern_of[i]].expected;
        double end = cpu_seconds();
        printf("speed\t%zu\t%s\t%zu\t%.4f\t%.4f\t%.4f\t%.4f\t%.3f\t%.3f\n", n, mc_clv_kind_name(kind), c.count,
               grouped - start, fitted - grouped, end - fitted, end - start, m.log_likelihood, sum);
        mc_free(f);
        mc_clv_counts_free(&c);
    }
    mc_free(of);
    mc_free(h);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "figures") == 0) {
        figures();
        return 0;
    }
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS && argc >= 4; kind++)
        if (strcmp(argv[3], mc_clv_kind_name(kind)) == 0) {
            if (strcmp(argv[1], "score") == 0)
                score(strtoul(argv[2], NULL, 10), kind);
            else
                speed(strtoul(argv[2], NULL, 10), kind, argc > 4 ? argv[4] : NULL);
            return 0;
        }
    fprintf(stderr, "clv_bench figures | speed N MODEL [FILE] | score N MODEL\n");
    return 2;
}
