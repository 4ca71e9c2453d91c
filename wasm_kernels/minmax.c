#include "kernels.h"

/* Smallest and largest of n floats. NaN is left out and counted; infinities take part.
 * Nothing but NaN, or n = 0, gives lo = +inf and hi = -inf. */
struct minmax_args {
    const float *x;
    int32_t n;
    float *range;       /* [2] lo, hi */
    int32_t *nan_count; /* [1] */
};

struct extremes {
    float lo, hi;
    int32_t nans;
};

static struct extremes nothing(void) {
    v128_t infinity = wasm_f32x4_splat(__builtin_inff()); /* as a vector: an initialiser would become a data segment */
    struct extremes e;
    e.lo = wasm_f32x4_extract_lane(infinity, 0);
    e.hi = -e.lo;
    e.nans = 0;
    return e;
}

static void include(struct extremes *e, float v) {
    e->lo = v < e->lo ? v : e->lo;
    e->hi = v > e->hi ? v : e->hi;
    e->nans += v != v;
}

static void scan(struct extremes *e, const float *x, int32_t n) {
    v128_t lo = wasm_f32x4_splat(e->lo), hi = wasm_f32x4_splat(e->hi), nans = wasm_i32x4_splat(0);
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        v128_t v = wasm_v128_load(x + i);
        lo = wasm_f32x4_pmin(lo, v);
        hi = wasm_f32x4_pmax(hi, v);
        nans = wasm_i32x4_sub(nans, wasm_f32x4_ne(v, v));
    }
    float los[4], his[4];
    int32_t counts[4];
    wasm_v128_store(los, lo);
    wasm_v128_store(his, hi);
    wasm_v128_store(counts, nans);
    for (int32_t j = 0; j < 4; j++) {
        e->lo = los[j] < e->lo ? los[j] : e->lo;
        e->hi = his[j] > e->hi ? his[j] : e->hi;
        e->nans += counts[j];
    }
    for (; i < n; i++)
        include(e, x[i]);
}

KERNEL(k_minmax) {
    const struct minmax_args *a = (const void *)args;
    struct extremes e = nothing();
    scan(&e, a->x, a->n);
    a->range[0] = e.lo;
    a->range[1] = e.hi;
    *a->nan_count = e.nans;
}

/* The same for each channel of x, seen as [outer][channels][inner]. */
struct minmax_channels_args {
    const float *x;
    int32_t outer, channels, inner;
    float *lo, *hi;     /* [channels] */
    int32_t *nan_count; /* [1], of all channels */
};

KERNEL(k_minmax_channels) {
    const struct minmax_channels_args *a = (const void *)args;
    int32_t nans = 0;
    for (int32_t c = 0; c < a->channels; c++) {
        struct extremes e = nothing();
        for (int32_t o = 0; o < a->outer; o++) {
            const float *run = a->x + (o * a->channels + c) * a->inner;
            if (a->inner == 1)
                include(&e, *run);
            else
                scan(&e, run, a->inner);
        }
        a->lo[c] = e.lo;
        a->hi[c] = e.hi;
        nans += e.nans;
    }
    *a->nan_count = nans;
}
