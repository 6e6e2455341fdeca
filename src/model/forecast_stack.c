#include "model/forecast_stack.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { COLUMNS = MC_STACK_COLUMNS_MAX, SWEEPS = 100 };

struct normal {
    double left[COLUMNS][COLUMNS], right[COLUMNS];
    double rows;
};

double mc_stack_apply(const double *weights, const double *x, int columns) {
    double sum = 0;
    for (int j = 0; j < columns; j++)
        sum += weights[j] * x[j];
    return sum;
}

/* The normal equations, each row by what its error weighs at the present weights. */
static void gather(const struct mc_stack_rows *rows, const struct mc_stack_options *o, const double *weights,
                   struct normal *n) {
    memset(n, 0, sizeof *n);
    for (size_t i = 0; i < rows->count; i++) {
        const double *x = rows->x + i * (size_t)rows->columns;
        if (!(rows->weight[i] > 0))
            continue;
        double error = rows->y[i] - mc_stack_apply(weights, x, rows->columns);
        double side = error > 0 ? o->tau : 1 - o->tau;
        double w = rows->weight[i] * side / (fabs(error) + o->floor / rows->weight[i]);
        for (int j = 0; j < rows->columns; j++) {
            n->right[j] += w * x[j] * rows->y[i];
            for (int k = 0; k <= j; k++)
                n->left[j][k] += w * x[j] * x[k];
        }
        n->rows++;
    }
    for (int j = 0; j < rows->columns; j++)
        for (int k = 0; k < j; k++)
            n->left[k][j] = n->left[j][k];
}

/* As if some rows of average size had had the prior as their answer. */
static void lean(const struct mc_stack_rows *rows, const struct mc_stack_options *o, struct normal *n) {
    double trace = 0;
    for (int j = 0; j < rows->columns; j++)
        trace += n->left[j][j];
    double strength = trace / rows->columns * (o->prior_rows / n->rows + 1e-6);
    for (int j = 0; j < rows->columns; j++) {
        n->left[j][j] += strength;
        n->right[j] += strength * o->prior[j];
    }
}

/* Least squares with weights of at least 0, one coordinate at a time. */
static void descend(const struct normal *n, int columns, double *weights) {
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int j = 0; j < columns; j++) {
            double rest = n->right[j];
            for (int k = 0; k < columns; k++)
                rest -= k == j ? 0 : n->left[j][k] * weights[k];
            weights[j] = rest > 0 && n->left[j][j] > 0 ? rest / n->left[j][j] : 0;
        }
}

void mc_stack_fit(const struct mc_stack_rows *rows, const struct mc_stack_options *o, double *weights) {
    struct normal n;
    assert(rows->columns >= 1 && rows->columns <= COLUMNS);
    memcpy(weights, o->prior, sizeof(double) * (size_t)rows->columns);
    for (int round = 0; round < o->rounds; round++) {
        gather(rows, o, weights, &n);
        if (!(n.rows > 0))
            return;
        lean(rows, o, &n);
        descend(&n, rows->columns, weights);
    }
}
