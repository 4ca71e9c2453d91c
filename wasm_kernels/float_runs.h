/* Runs of float32, four values at a time and what is left over. */
#ifndef FLOAT_RUNS_H
#define FLOAT_RUNS_H

#include "kernels.h"

/* One to three values, and zeros. */
static inline v128_t load_few(const float *x, int32_t n) {
    v128_t v = wasm_v128_load32_zero(x);
    if (n > 1)
        v = wasm_v128_load32_lane(x + 1, v, 1);
    return n > 2 ? wasm_v128_load32_lane(x + 2, v, 2) : v;
}

static inline void store_few(float *out, v128_t v, int32_t n) {
    wasm_v128_store32_lane(out, v, 0);
    if (n > 1)
        wasm_v128_store32_lane(out + 1, v, 1);
    if (n > 2)
        wasm_v128_store32_lane(out + 2, v, 2);
}

/* Up to four of n values that are left. */
static inline v128_t load_next(const float *x, int32_t n) {
    return n < 4 ? load_few(x, n) : wasm_v128_load(x);
}

static inline void store_next(float *out, v128_t v, int32_t n) {
    if (n < 4)
        store_few(out, v, n);
    else
        wasm_v128_store(out, v);
}

/* a where yes, else b. */
static inline v128_t choose4(v128_t yes, v128_t a, v128_t b) {
    return wasm_v128_bitselect(a, b, yes);
}

/* Within lo..hi, the upper limit last; NaN stays NaN. */
static inline v128_t within4(v128_t x, v128_t lo, v128_t hi) {
    return wasm_f32x4_pmin(wasm_f32x4_pmax(x, lo), hi);
}

/* The larger of both; NaN if one is NaN. */
static inline v128_t larger4(v128_t a, v128_t b) {
    return choose4(wasm_f32x4_ne(b, b), b, wasm_f32x4_pmax(a, b));
}

static inline v128_t smaller4(v128_t a, v128_t b) {
    return choose4(wasm_f32x4_ne(b, b), b, wasm_f32x4_pmin(a, b));
}

/* Walking over arrays of up to six axes, run after run along the last one. */
enum { AXES = 6 };

/* Where a run begins, in values. */
static inline int32_t run_at(const int32_t *at, const int32_t *strides) {
    int32_t place = 0;
    for (int32_t axis = 0; axis < AXES - 1; axis++)
        place += at[axis] * strides[axis];
    return place;
}

/* Goes on to the next run; 0 after the last one. */
static inline int32_t next_run(int32_t *at, const int32_t *sizes) {
    for (int32_t axis = AXES - 2; axis >= 0; axis--) {
        if (++at[axis] < sizes[axis])
            return 1;
        at[axis] = 0;
    }
    return 0;
}

static inline int32_t is_empty(const int32_t *sizes) {
    for (int32_t axis = 0; axis < AXES; axis++)
        if (!sizes[axis])
            return 1;
    return 0;
}

/* Up to four values of a run from the i-th of n on, or four times its only one. */
static inline v128_t operand(const float *x, int32_t step, int32_t i, int32_t n) {
    return step ? load_next(x + i, n - i) : wasm_v128_load32_splat(x);
}

#endif
