#include "model/clv_math.h"

#include <math.h>
#include <stdbool.h>

enum {
    SERIES_TERMS_MAX = 400, /* beyond, the integral is as fast */
    NODES_MAX = 20000,      /* of a trapezoid rule, each way */
};

#define NEGLIGIBLE 45.0 /* in nats below the peak: 3e-20 */

const double mc_gauss_node[MC_GAUSS_NODES] = {
    0.0092196828766403748, 0.0479413718147625734, 0.1150486629028476537, 0.2063410228566912863,
    0.3160842505009098802, 0.4373832957442655434, 0.5626167042557345122, 0.6839157494990900643,
    0.7936589771433086860, 0.8849513370971523463, 0.9520586281852374544, 0.9907803171233596773,
};

const double mc_gauss_weight[MC_GAUSS_NODES] = {
    0.0235876681932559139, 0.0534696629976592133, 0.0800391642716731105, 0.1015837133615329624,
    0.1167462682691774029, 0.1245735229067013866, 0.1245735229067013866, 0.1167462682691774029,
    0.1015837133615329624, 0.0800391642716731105, 0.0534696629976592133, 0.0235876681932559139,
};

double mc_log_gamma(double x) {
    int sign;
    return x > 0 ? lgamma_r(x, &sign) : NAN;
}

double mc_digamma(double x) {
    double shift = 0;
    if (!(x > 0))
        return NAN;
    while (x < 8) {
        shift -= 1 / x;
        x += 1;
    }
    double i = 1 / (x * x);
    double series =
        i * (1.0 / 12 -
             i * (1.0 / 120 - i * (1.0 / 252 - i * (1.0 / 240 - i * (1.0 / 132 - i * (691.0 / 32760 - i / 12))))));
    return shift + log(x) - 0.5 / x - series;
}

double mc_log_beta(double a, double b) {
    return mc_log_gamma(a) + mc_log_gamma(b) - mc_log_gamma(a + b);
}

double mc_log1p_exp(double x, double *slope) {
    if (x > 0) {
        double e = exp(-x);
        *slope = 1 / (1 + e);
        return x + log1p(e);
    }
    double e = exp(x);
    *slope = e / (1 + e);
    return log1p(e);
}

double mc_log_add(double a, double b) {
    double slope, large = a > b ? a : b;
    return isinf(large) ? large : large + mc_log1p_exp((a > b ? b : a) - large, &slope);
}

/* Gauss's series; false if it has not converged in its limit or leaves the doubles. */
static bool series_2f1(double a, double b, double c, double z, double *sum) {
    double term = 1;
    *sum = 1;
    for (int k = 0; k < SERIES_TERMS_MAX; k++) {
        double ratio = (a + k) * (b + k) / ((c + k) * (k + 1)) * z;
        term *= ratio;
        *sum += term;
        if (term * (ratio < 1 ? 1 / (1 - ratio) : INFINITY) < 1e-14 * *sum)
            return isfinite(*sum);
    }
    return false;
}

/* Euler's integrand in u = logit q, without the constant: q^b (1 - q)^(c - b) (1 - z q)^-a. */
struct euler {
    double a, b, c, z;
};

static double euler_log(const struct euler *f, double u) {
    double q, p;
    double log_q = -mc_log1p_exp(-u, &p), log_p = -mc_log1p_exp(u, &q);
    /* 1 - z q = p + (1 - z) q: no cancellation as q and z come near 1 */
    return f->b * log_q + (f->c - f->b) * log_p - f->a * log(p + (1 - f->z) * q);
}

/* The integrand has one peak: where b - q (c + (b - a) z) + q^2 z (c - a) = 0 in (0, 1). */
static double euler_peak(const struct euler *f) {
    double linear = f->c + (f->b - f->a) * f->z, square = f->z * (f->c - f->a);
    double root = sqrt(fmax(0, linear * linear - 4 * square * f->b));
    double q = linear > 0 ? 2 * f->b / (linear + root) : (linear - root) / (2 * square);
    q = fmin(fmax(q, 1e-15), 1 - 1e-15);
    return log(q) - log1p(-q);
}

/* Step of the rule: within pi / 2 of the real line the integrand has no singularity and does not grow (for large a it
 * is like exp(-e^-u)), so 0.4 is good to 2e-11; and a narrow peak needs a step below its width. */
static double euler_step(const struct euler *f, double peak) {
    double d = 1e-3, top = euler_log(f, peak);
    double curvature = (2 * top - euler_log(f, peak + d) - euler_log(f, peak - d)) / (d * d);
    return curvature > 0 ? fmin(0.4, 0.7 / sqrt(curvature)) : 0.4;
}

/* The rule from the peak in one direction, the peak left out: until the terms vanish, or, behind `far`, are a geometric
 * series of the given slope. In units of the peak's height. */
static double euler_wing(const struct euler *f, double peak, double step, double far, double slope) {
    double sum = 0, top = euler_log(f, peak);
    for (int k = 1; k <= NODES_MAX; k++) {
        double u = peak + k * step, value = euler_log(f, u) - top;
        sum += exp(value);
        if (value < -NEGLIGIBLE)
            break;
        if (step > 0 ? u > far : u < far)
            return sum + exp(value) / expm1(slope * fabs(step));
    }
    return sum;
}

double mc_log_2f1(double a, double b, double c, double z) {
    double sum;
    if (!(a > 0 && b > 0 && c > b && z >= 0 && z < 1) || !isfinite(a) || !isfinite(c))
        return NAN;
    if (series_2f1(a, b, c, z, &sum))
        return log(sum);
    struct euler f = {a, b, c, z};
    double peak = euler_peak(&f), step = euler_step(&f, peak);
    double left = fmin(peak, 0) - 40, right = fmax(peak, -log1p(-z)) + 40;
    sum = 1 + euler_wing(&f, peak, step, right, c - b) + euler_wing(&f, peak, -step, left, b);
    return euler_log(&f, peak) + log(sum * step) - mc_log_beta(b, c - b);
}

double mc_discounted_power(double scale, double power, double rate) {
    const double step = 0.4;
    if (!(scale > 0 && power >= 0 && rate > 0) || !isfinite(scale) || !isfinite(power) || !isfinite(rate))
        return NAN;
    /* in w = ln t the integrand is analytic within pi / 2 of the line and dies away on both sides */
    double low = log(fmin(scale / (power + 1), 1 / rate)) - 26, high = log(NEGLIGIBLE / rate), sum = 0;
    for (int k = 0; k <= NODES_MAX && low + k * step <= high; k++) {
        double t = exp(low + k * step);
        sum += t * exp(-power * log1p(t / scale) - rate * t);
    }
    return sum * step;
}
