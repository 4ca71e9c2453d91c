#include "kernels.h"

/* The bins of playground.metrics.histogram: value v in lo..hi falls into trunc(float32(v - lo) * per_unit), at most the
 * last one; per_unit is float32(bins / (float64(hi) - lo)). Where float32 cannot hold the width of a bin, or divide by it,
 * all of that is float64. The kernels add to the counts that are there. */
struct bins {
    float lo, hi;
    int32_t count;
};

static inline double per_unit_of(const struct bins *b) { return b->count / ((double)b->hi - b->lo); }

static inline int32_t is_narrow(double per_unit) { return per_unit > 1e-30 && per_unit < 1e30; }

static inline int32_t bin_of(const struct bins *b, double per_unit, float v) {
    double place = (v - b->lo) * (float)per_unit, last = b->count - 1;
    if (!is_narrow(per_unit))
        place = ((double)v - b->lo) * per_unit;
    return (int32_t)(place < 0 ? 0 : place < last ? place : last);
}

/* The bins of four values where float32 holds all of that. */
static inline v128_t bins4(const struct bins *b, float per_unit, v128_t v) {
    v128_t place = wasm_f32x4_mul(wasm_f32x4_sub(v, wasm_f32x4_splat(b->lo)), wasm_f32x4_splat(per_unit));
    v128_t last = wasm_f32x4_splat((float)(b->count - 1));
    return round4(wasm_f32x4_trunc(wasm_f32x4_pmin(last, wasm_f32x4_pmax(wasm_f32x4_splat(0), place))));
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
    double per_unit = per_unit_of(&bins);
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
    double per_unit = per_unit_of(&bins);
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

/* The errors x_hat - x in bins from -widest to widest, where widest is the largest error, but at most three half steps of
 * the scale; what lies further out is counted in the outermost bins. No error at all: from -1 to 1. */
struct error_bins_args {
    const float *x, *x_hat;
    int32_t n;
    float largest, scale;
    int32_t count;
    int32_t *counts; /* [count] */
    float *widest;   /* [1] */
};

enum { TABLES = 4, FEW_BINS = 256, PAIRED = 64, MANY = 65536, PAIRS = PAIRED * PAIRED };

static inline v128_t errors4(const struct error_bins_args *a, int32_t i) {
    return wasm_f32x4_sub(wasm_v128_load(a->x_hat + i), wasm_v128_load(a->x + i));
}

/* MANY values, each counted with the one four places on as a pair: half as many counts are loaded and stored. */
static void count_pairs(const struct error_bins_args *a, const struct bins *bins, float per_unit, int32_t at) {
    uint16_t pairs[PAIRS]; /* MANY / 2 fits */
    for (int32_t i = 0; i < PAIRS; i++)
        pairs[i] = 0;
    for (int32_t i = at; i < at + MANY; i += 8) {
        v128_t first = bins4(bins, per_unit, errors4(a, i)), second = bins4(bins, per_unit, errors4(a, i + 4));
        v128_t pair = wasm_i32x4_add(first, wasm_i32x4_mul(second, wasm_i32x4_splat(PAIRED)));
        pairs[wasm_i32x4_extract_lane(pair, 0)]++;
        pairs[wasm_i32x4_extract_lane(pair, 1)]++;
        pairs[wasm_i32x4_extract_lane(pair, 2)]++;
        pairs[wasm_i32x4_extract_lane(pair, 3)]++;
    }
    for (int32_t i = 0; i < bins->count; i++)
        for (int32_t j = 0; j < bins->count; j++) {
            a->counts[i] += pairs[j * PAIRED + i];
            a->counts[j] += pairs[j * PAIRED + i];
        }
}

/* From value i on, four errors at a time; each of four neighbours counts in a table of its own, since a count has to be
 * stored before it can be read again. Returns how many values have been counted. */
static int32_t count_errors4(const struct error_bins_args *a, const struct bins *bins, float per_unit, int32_t i) {
    int32_t tables[TABLES][FEW_BINS];
    for (int32_t t = 0; t < TABLES; t++)
        for (int32_t bin = 0; bin < bins->count; bin++)
            tables[t][bin] = 0;
    for (; i + 4 <= a->n; i += 4) {
        v128_t bin = bins4(bins, per_unit, errors4(a, i));
        tables[0][wasm_i32x4_extract_lane(bin, 0)]++;
        tables[1][wasm_i32x4_extract_lane(bin, 1)]++;
        tables[2][wasm_i32x4_extract_lane(bin, 2)]++;
        tables[3][wasm_i32x4_extract_lane(bin, 3)]++;
    }
    for (int32_t t = 0; t < TABLES; t++)
        for (int32_t bin = 0; bin < bins->count; bin++)
            a->counts[bin] += tables[t][bin];
    return i;
}

KERNEL(k_error_bins) {
    const struct error_bins_args *a = (const void *)args;
    double most = 1.5 * a->scale, widest = a->largest < most ? a->largest : most;
    struct bins bins = {0, (float)(widest == 0 ? 1 : widest), a->count};
    bins.lo = -bins.hi;
    double per_unit = per_unit_of(&bins);
    int32_t i = 0, narrow = is_narrow(per_unit);
    for (; narrow && a->count <= PAIRED && i + MANY <= a->n; i += MANY)
        count_pairs(a, &bins, (float)per_unit, i);
    if (narrow && a->count <= FEW_BINS)
        i = count_errors4(a, &bins, (float)per_unit, i);
    for (; i < a->n; i++)
        a->counts[bin_of(&bins, per_unit, a->x_hat[i] - a->x[i])]++;
    *a->widest = bins.hi;
}
