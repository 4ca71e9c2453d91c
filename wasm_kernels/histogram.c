#include "kernels.h"

/* Adds to counts[bins] the values of x in lo..hi: value v falls into bin trunc((double(v) - lo) * (bins / (hi - lo))),
 * hi itself into the last one. NaN and values outside are not counted. lo < hi, both finite. */
struct histogram_args {
    const float *x;
    int32_t n;
    float lo, hi;
    int32_t bins;
    int32_t *counts;
};

KERNEL(k_histogram) {
    const struct histogram_args *a = (const void *)args;
    double lo = a->lo, per_unit = a->bins / ((double)a->hi - lo);
    for (int32_t i = 0; i < a->n; i++) {
        float v = a->x[i];
        if (!(v >= a->lo && v <= a->hi))
            continue;
        int32_t bin = (int32_t)((v - lo) * per_unit);
        a->counts[bin < a->bins ? bin : a->bins - 1]++;
    }
}
