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

#endif
