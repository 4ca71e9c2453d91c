#include "kernels.h"

/* The bins of playground.metrics.histogram: value v in lo..hi falls into trunc(float32(v - lo) * per_unit), at most the
 * last one; per_unit is float32(bins / (float64(hi) - lo)).
 * Both kernels add to the counts that are there. */
struct bins {
    float lo, hi;
    int32_t count;
};

static inline float per_unit_of(const struct bins *b) { return (float)(b->count / ((double)b->hi - b->lo)); }

static inline int32_t bin_of(const struct bins *b, float per_unit, float v) {
    float place = (v - b->lo) * per_unit, last = (float)(b->count - 1);
    return (int32_t)(place < last ? place : last);
}

struct histogram_args {
    const float *x;
    int32_t n;
    struct bins bins;
    int32_t *counts;  /* [bins.count] */
    int32_t *outside; /* [2] values below lo, above hi; NaN is nowhere */
};

KERNEL(k_histogram) {
    const struct histogram_args *a = (const void *)args;
    const struct bins bins = a->bins;
    float per_unit = per_unit_of(&bins);
    for (int32_t i = 0; i < a->n; i++) {
        float v = a->x[i];
        if (v >= bins.lo && v <= bins.hi)
            a->counts[bin_of(&bins, per_unit, v)]++;
        a->outside[0] += v < bins.lo;
        a->outside[1] += v > bins.hi;
    }
}

/* The error float32(x_hat - x) of each value, x seen as [outer][channels][inner], counted apart for values that lie
 * within their channel's lo..hi (rounding error) and beyond (clipping error). Errors outside the bins are not counted. */
struct error_histogram_args {
    const float *x, *x_hat;
    int32_t outer, channels, inner;
    const float *lo, *hi; /* [channels] */
    struct bins bins;
    int32_t *rounding, *clipping; /* [bins.count] */
};

KERNEL(k_error_histogram) {
    const struct error_histogram_args *a = (const void *)args;
    const struct bins bins = a->bins;
    float per_unit = per_unit_of(&bins);
    for (int32_t o = 0; o < a->outer; o++)
        for (int32_t c = 0; c < a->channels; c++) {
            int32_t at = (o * a->channels + c) * a->inner;
            for (int32_t i = at; i < at + a->inner; i++) {
                float x = a->x[i], error = a->x_hat[i] - x;
                if (!(error >= bins.lo && error <= bins.hi))
                    continue;
                int32_t inside = x >= a->lo[c] && x <= a->hi[c];
                (inside ? a->rounding : a->clipping)[bin_of(&bins, per_unit, error)]++;
            }
        }
}
