#include "kernels.h"

/* Sums over n = outer * channels * inner pairs (x, x_hat), in float64, from which MSE, SQNR and cosine follow. The error
 * of a value outside its channel's lo..hi is clipping error, of any other rounding error. Pairs with NaN are counted only. */
struct error_stats_args {
    const float *x, *x_hat;
    int32_t outer, channels, inner;
    const float *lo, *hi; /* [channels] */
    double *sums;         /* [9], see enum */
};

enum { SIGNAL, APPROXIMATION, DOT, ERROR, ROUNDING, CLIPPING, CLIPPED, LARGEST, NANS };
/* sum x^2, sum x_hat^2, sum x * x_hat, sum (x_hat - x), sum of squared rounding errors, of squared clipping errors,
 * how many values were outside lo..hi, largest |x_hat - x|, pairs with NaN */

static inline void take(double *s, float lo, float hi, double x, double x_hat) {
    double error = x_hat - x;
    if (error != error) {
        s[NANS] += 1;
        return;
    }
    int32_t clipped = x < lo || x > hi;
    double magnitude = __builtin_fabs(error);
    s[SIGNAL] += x * x;
    s[APPROXIMATION] += x_hat * x_hat;
    s[DOT] += x * x_hat;
    s[ERROR] += error;
    s[clipped ? CLIPPING : ROUNDING] += error * error;
    s[CLIPPED] += clipped;
    s[LARGEST] = magnitude > s[LARGEST] ? magnitude : s[LARGEST];
}

KERNEL(k_error_stats) {
    const struct error_stats_args *a = (const void *)args;
    for (int32_t i = 0; i < 9; i++)
        a->sums[i] = 0;
    for (int32_t o = 0; o < a->outer; o++)
        for (int32_t c = 0; c < a->channels; c++) {
            int32_t at = (o * a->channels + c) * a->inner;
            for (int32_t i = at; i < at + a->inner; i++)
                take(a->sums, a->lo[c], a->hi[c], a->x[i], a->x_hat[i]);
        }
}
