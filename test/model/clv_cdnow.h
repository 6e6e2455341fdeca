/* The CDNOW sample for the tests of the customer-value models: data/README.md says what it is. */
#ifndef TEST_MODEL_CLV_CDNOW_H
#define TEST_MODEL_CLV_CDNOW_H

#include "base/rng.h"
#include "model/clv_counts.h"
#include "model/clv_gammagamma.h"
#include <math.h>
#include <stdio.h>

enum { CDNOW_CUSTOMERS = 2357 };

struct cdnow {
    struct mc_clv_history history[CDNOW_CUSTOMERS];               /* weeks */
    struct mc_gg_spend spend[CDNOW_CUSTOMERS];                    /* of repeat transactions */
    double transactions[CDNOW_CUSTOMERS], worth[CDNOW_CUSTOMERS]; /* in the 39 weeks after */
};

/* False if it cannot be read (tests run in the project's root). */
static inline bool cdnow_read(struct cdnow *c) {
    FILE *file = fopen("test/model/data/cdnow_sample.csv", "r");
    char line[128];
    size_t n = 0;
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        return false;
    while (n < CDNOW_CUSTOMERS && fgets(line, sizeof line, file) != NULL) {
        double x, recency, T, first, repeat, count, worth;
        if (sscanf(line, "%lf,%lf,%lf,%lf,%lf,%lf,%lf", &x, &recency, &T, &first, &repeat, &count, &worth) != 7)
            break;
        c->history[n] = (struct mc_clv_history){x, recency / 7, T / 7};
        c->spend[n] = (struct mc_gg_spend){x, x > 0 ? repeat / x : 0};
        c->transactions[n] = count;
        c->worth[n++] = worth;
    }
    fclose(file);
    return n == CDNOW_CUSTOMERS;
}

/* A number of a few powers of ten around 1: 10^-size to 10^size. */
static inline double wild(struct mc_rng *rng, double size) {
    return pow(10, size * (2 * mc_rng_unit(rng) - 1));
}

static inline void expect_near(double got, double wanted, double tolerance, const char *what) {
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%s: %.12g, not %.12g within %g", what, got, wanted, tolerance);
}

#endif
