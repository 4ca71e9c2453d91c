/* Functions of four float32 at once, equal bit for bit to those of playground/programs/float_functions.py, where the
 * formulas are explained. Every operation is rounded on its own. */
#ifndef EXP_F32_H
#define EXP_F32_H

#include "float_runs.h"

/* One step of Horner's scheme: p * x + c. */
static inline v128_t horner4(v128_t p, v128_t x, float c) {
    return wasm_f32x4_add(wasm_f32x4_mul(p, x), wasm_f32x4_splat(c));
}

static inline v128_t power_of_two4(v128_t n) {
    return wasm_i32x4_shl(wasm_i32x4_add(n, wasm_i32x4_splat(127)), 23);
}

static inline v128_t exp4(v128_t x) {
    x = within4(x, wasm_f32x4_splat(-104.0f), wasm_f32x4_splat(89.0f));
    v128_t n = wasm_f32x4_nearest(wasm_f32x4_mul(x, wasm_f32x4_splat(1.44269504f)));
    x = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_splat(0.693359375f)));
    x = wasm_f32x4_add(x, wasm_f32x4_mul(n, wasm_f32x4_splat(2.12194440e-4f)));
    v128_t p = horner4(wasm_f32x4_splat(1.9875691500e-4f), x, 1.3981999507e-3f);
    p = horner4(p, x, 8.3334519073e-3f);
    p = horner4(p, x, 4.1665795894e-2f);
    p = horner4(p, x, 1.6666665459e-1f);
    p = horner4(p, x, 5.0000001201e-1f);
    p = wasm_f32x4_add(wasm_f32x4_mul(p, wasm_f32x4_mul(x, x)), x);
    p = wasm_f32x4_add(p, wasm_f32x4_splat(1.0f));
    v128_t whole = wasm_i32x4_trunc_sat_f32x4(n), half = wasm_i32x4_shr(whole, 1);
    return wasm_f32x4_mul(wasm_f32x4_mul(p, power_of_two4(half)), power_of_two4(wasm_i32x4_sub(whole, half)));
}

static inline v128_t log4(v128_t x) {
    const v128_t one = wasm_f32x4_splat(1.0f), zero = wasm_f32x4_splat(0.0f);
    v128_t tiny = wasm_f32x4_lt(x, wasm_f32x4_splat(1.17549435e-38f));
    v128_t bits = choose4(tiny, wasm_f32x4_mul(x, wasm_f32x4_splat(8388608.0f)), x);
    v128_t m = wasm_v128_or(wasm_v128_and(bits, wasm_i32x4_splat(0x7FFFFF)), wasm_i32x4_splat(0x3F000000));
    v128_t low = wasm_f32x4_lt(m, wasm_f32x4_splat(0.707106781f));
    v128_t whole = wasm_i32x4_sub(wasm_i32x4_shr(bits, 23), wasm_i32x4_splat(126));
    whole = wasm_i32x4_sub(whole, wasm_v128_and(tiny, wasm_i32x4_splat(23)));
    v128_t e = wasm_f32x4_convert_i32x4(wasm_i32x4_add(whole, low));
    m = wasm_f32x4_sub(wasm_f32x4_add(m, wasm_v128_and(low, m)), one);
    v128_t z = wasm_f32x4_mul(m, m);
    v128_t p = horner4(wasm_f32x4_splat(7.0376836292e-2f), m, -1.1514610310e-1f);
    p = horner4(p, m, 1.1676998740e-1f);
    p = horner4(p, m, -1.2420140846e-1f);
    p = horner4(p, m, 1.4249322787e-1f);
    p = horner4(p, m, -1.6668057665e-1f);
    p = horner4(p, m, 2.0000714765e-1f);
    p = horner4(p, m, -2.4999993993e-1f);
    p = horner4(p, m, 3.3333331174e-1f);
    p = wasm_f32x4_mul(wasm_f32x4_mul(p, m), z);
    p = wasm_f32x4_sub(p, wasm_f32x4_mul(e, wasm_f32x4_splat(2.12194440e-4f)));
    p = wasm_f32x4_sub(p, wasm_f32x4_mul(z, wasm_f32x4_splat(0.5f)));
    p = wasm_f32x4_add(wasm_f32x4_add(m, p), wasm_f32x4_mul(e, wasm_f32x4_splat(0.693359375f)));
    const v128_t infinity = wasm_f32x4_splat(__builtin_inff());
    p = choose4(wasm_f32x4_eq(x, infinity), infinity, p);
    p = choose4(wasm_f32x4_eq(x, zero), wasm_f32x4_neg(infinity), p);
    return choose4(wasm_f32x4_ge(x, zero), p, wasm_f32x4_splat(__builtin_nanf("")));
}

static inline v128_t sigmoid4(v128_t x) {
    const v128_t one = wasm_f32x4_splat(1.0f);
    v128_t small = exp4(wasm_f32x4_neg(wasm_f32x4_abs(x)));
    v128_t above = choose4(wasm_f32x4_lt(x, wasm_f32x4_splat(0.0f)), small, one);
    return wasm_f32x4_div(above, wasm_f32x4_add(one, small));
}

/* The magnitude of a and the sign of b. */
static inline v128_t copysign4(v128_t a, v128_t b) {
    return choose4(wasm_i32x4_splat((int32_t)0x80000000), b, a);
}

static inline v128_t tanh4(v128_t x) {
    const v128_t one = wasm_f32x4_splat(1.0f), two = wasm_f32x4_splat(2.0f);
    v128_t a = wasm_f32x4_abs(x), z = wasm_f32x4_mul(x, x);
    v128_t p = horner4(wasm_f32x4_splat(-5.70498872745e-3f), z, 2.06390887954e-2f);
    p = horner4(p, z, -5.37397155531e-2f);
    p = horner4(p, z, 1.33314422036e-1f);
    p = horner4(p, z, -3.33332819422e-1f);
    v128_t near = wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_mul(p, z), x), x);
    v128_t far = wasm_f32x4_sub(one, wasm_f32x4_div(two, wasm_f32x4_add(exp4(wasm_f32x4_add(a, a)), one)));
    return choose4(wasm_f32x4_lt(a, wasm_f32x4_splat(0.625f)), near, copysign4(far, x));
}

static inline v128_t erf4(v128_t x) {
    v128_t a = wasm_f32x4_abs(x), t = wasm_f32x4_pmin(a, wasm_f32x4_splat(4.0f)), s = wasm_f32x4_mul(x, x);
    v128_t r = horner4(wasm_f32x4_splat(-1.72853470e-5f), t, 3.83197126e-4f);
    r = horner4(r, t, -3.88396438e-3f);
    r = horner4(r, t, 2.42546219e-2f);
    r = horner4(r, t, -1.06777877e-1f);
    r = horner4(r, t, -6.34846687e-1f);
    r = horner4(r, t, -1.28717512e-1f);
    r = wasm_f32x4_sub(wasm_f32x4_mul(r, t), t);
    v128_t far = wasm_f32x4_sub(wasm_f32x4_splat(1.0f), exp4(r));
    v128_t p = horner4(wasm_f32x4_splat(-5.96761703e-4f), s, 4.99119423e-3f);
    p = horner4(p, s, -2.67681349e-2f);
    p = horner4(p, s, 1.12819925e-1f);
    p = horner4(p, s, -3.76125336e-1f);
    p = horner4(p, s, 1.28379166e-1f);
    v128_t near = wasm_f32x4_add(wasm_f32x4_mul(p, x), x);
    return choose4(wasm_f32x4_gt(t, wasm_f32x4_splat(0.921875f)), copysign4(far, x), near);
}

static inline v128_t softplus4(v128_t x) {
    const v128_t one = wasm_f32x4_splat(1.0f), zero = wasm_f32x4_splat(0.0f);
    v128_t small = exp4(wasm_f32x4_neg(wasm_f32x4_abs(x)));
    v128_t whole = wasm_f32x4_add(one, small), more = wasm_f32x4_sub(whole, one);
    v128_t log = wasm_f32x4_mul(log4(whole), wasm_f32x4_div(small, more));
    log = choose4(wasm_f32x4_eq(more, zero), small, log);
    return wasm_f32x4_add(wasm_f32x4_pmax(x, zero), log);
}

static inline v128_t gelu4(v128_t x) {
    v128_t p = wasm_f32x4_add(wasm_f32x4_splat(1.0f), erf4(wasm_f32x4_mul(x, wasm_f32x4_splat(0.707106781f))));
    return wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_splat(0.5f), x), p);
}

static inline v128_t gelu_tanh4(v128_t x) {
    v128_t cube = wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_splat(0.044715f), x), x), x);
    v128_t inner = wasm_f32x4_mul(wasm_f32x4_splat(0.797884561f), wasm_f32x4_add(x, cube));
    v128_t p = wasm_f32x4_add(wasm_f32x4_splat(1.0f), tanh4(inner));
    return wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_splat(0.5f), x), p);
}

static inline v128_t mish4(v128_t x) {
    v128_t e = exp4(wasm_f32x4_pmin(x, wasm_f32x4_splat(20.0f)));
    v128_t n = wasm_f32x4_mul(e, wasm_f32x4_add(e, wasm_f32x4_splat(2.0f)));
    return wasm_f32x4_mul(x, wasm_f32x4_div(n, wasm_f32x4_add(n, wasm_f32x4_splat(2.0f))));
}

/* alpha * (exp(x) - 1) below 0, beta * x elsewhere. */
static inline v128_t elu4(v128_t x, v128_t alpha, v128_t beta) {
    v128_t below = wasm_f32x4_mul(alpha, wasm_f32x4_sub(exp4(x), wasm_f32x4_splat(1.0f)));
    return choose4(wasm_f32x4_lt(x, wasm_f32x4_splat(0.0f)), below, wasm_f32x4_mul(beta, x));
}

#endif
