#include "kernels.h"

enum { ROUND_THEN_ADD, ADD_THEN_ROUND, FUSED_ADD_THEN_ROUND };  /* where the zero-point comes in */
enum { HALF_EVEN, HALF_AWAY, TOWARD_ZERO };                      /* playground.rounding.ROUNDINGS, in its order */

/* Codes of n = outer * channels * inner floats, x seen as [outer][channels][inner]; channels = 1 is per tensor.
 *   ROUND_THEN_ADD         round(x / s) + z                 (ONNX Runtime; PyTorch's fake-quantize)
 *   ADD_THEN_ROUND         round(x / s + z)                 (PyTorch's integer codes)
 *   FUSED_ADD_THEN_ROUND   the same, product and sum in float64, rounded to float32 once
 * clamped to qmin..qmax, where x / s is x * (1 / s) if reciprocal = 1 (always, when fused). NaN gives qmin, as in ONNX
 * Runtime on x86. A code takes one byte, its low eight bits: signed and unsigned formats of 2 to 8 bits are alike. */
struct quantize_args {
    const float *x;
    int32_t outer, channels, inner;
    const float *scale;        /* [channels] */
    const int32_t *zero_point; /* [channels] */
    int32_t qmin, qmax;
    int32_t reciprocal, order, rounding;
    uint8_t *codes;
};

/* What one channel's values go through: round(clamp(x (* or /) by + before, lo, hi)) + after. */
struct grid {
    float by, before, lo, hi;
    int32_t after, divide, fused, rounding;
};

static struct grid grid_of(const struct quantize_args *a, int32_t channel) {
    float scale = a->scale[channel];
    int32_t zero_point = a->zero_point[channel];
    int32_t first = a->order != ROUND_THEN_ADD, fused = a->order == FUSED_ADD_THEN_ROUND;
    int32_t after = first ? 0 : zero_point, divide = !a->reciprocal && !fused;
    struct grid g = {divide ? scale : 1.0f / scale, first ? (float)zero_point : 0.0f, (float)(a->qmin - after),
                     (float)(a->qmax - after),      after, divide, fused, a->rounding};
    return g;
}

/* The same for four values, of one channel or of four. */
struct grid4 {
    v128_t by, before, lo, hi, after;
    int32_t divide, fused, rounding;
};

static struct grid4 grid4_of(const struct grid *g, int32_t step) {
    const struct grid *b = g + step, *c = b + step, *d = c + step;
    struct grid4 four;
    four.by = wasm_f32x4_make(g->by, b->by, c->by, d->by);
    four.before = wasm_f32x4_make(g->before, b->before, c->before, d->before);
    four.lo = wasm_f32x4_make(g->lo, b->lo, c->lo, d->lo);
    four.hi = wasm_f32x4_make(g->hi, b->hi, c->hi, d->hi);
    four.after = wasm_i32x4_make(g->after, b->after, c->after, d->after);
    four.divide = g->divide;
    four.fused = g->fused;
    four.rounding = g->rounding;
    return four;
}

static inline v128_t fused2(v128_t x, v128_t by, v128_t before) { /* the two low ones */
    v128_t product = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(x), wasm_f64x2_promote_low_f32x4(by));
    return wasm_f32x4_demote_f64x2_zero(wasm_f64x2_add(product, wasm_f64x2_promote_low_f32x4(before)));
}

static inline v128_t high(v128_t v) { return wasm_i64x2_shuffle(v, v, 1, 1); }

static inline v128_t fused4(v128_t x, v128_t by, v128_t before) {
    return wasm_i64x2_shuffle(fused2(x, by, before), fused2(high(x), high(by), high(before)), 0, 2);
}

static inline v128_t half_away4(v128_t v) {
    v128_t whole = wasm_f32x4_trunc(v), sign = wasm_v128_and(v, wasm_f32x4_splat(-0.0f));
    v128_t away = wasm_f32x4_ge(wasm_f32x4_abs(wasm_f32x4_sub(v, whole)), wasm_f32x4_splat(0.5f));
    v128_t unit = wasm_v128_or(wasm_f32x4_splat(1.0f), sign);
    return wasm_f32x4_add(whole, wasm_v128_and(away, unit));
}

static inline v128_t rounded4(v128_t v, int32_t rounding) {
    if (rounding == HALF_EVEN)
        return round4(v);
    return wasm_i32x4_trunc_sat_f32x4(rounding == HALF_AWAY ? half_away4(v) : v);
}

static inline v128_t quantize4(const struct grid4 *g, v128_t x) {
    v128_t v = g->fused    ? fused4(x, g->by, g->before)
               : g->divide ? wasm_f32x4_add(wasm_f32x4_div(x, g->by), g->before)
                           : wasm_f32x4_add(wasm_f32x4_mul(x, g->by), g->before);
    return wasm_i32x4_add(rounded4(clamp4(v, g->lo, g->hi), g->rounding), g->after);
}

static inline void quantize16(const struct grid4 *g, int32_t step, const float *x, uint8_t *codes) {
    v128_t a = quantize4(g, wasm_v128_load(x)), b = quantize4(g + step, wasm_v128_load(x + 4));
    v128_t c = quantize4(g + 2 * step, wasm_v128_load(x + 8)), d = quantize4(g + 3 * step, wasm_v128_load(x + 12));
    wasm_v128_store(codes, low_bytes(a, b, c, d));
}

/* By far most often: x / s (or times its inverse), rounded half to even; values that are constant stay in registers. */
static inline __attribute__((always_inline)) int32_t quantize_plain(const struct grid4 *g, int32_t divide, const float *x,
                                                                    int32_t n, uint8_t *codes) {
    v128_t by = g->by, before = g->before, lo = g->lo, hi = g->hi, magic = wasm_f32x4_splat(12582912.0f);
    v128_t after = wasm_i32x4_sub(g->after, wasm_i32x4_splat(0x4B400000)); /* see round4 */
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t v[4];
        for (int32_t j = 0; j < 4; j++) {
            v128_t steps = wasm_v128_load(x + i + 4 * j);
            steps = wasm_f32x4_add(divide ? wasm_f32x4_div(steps, by) : wasm_f32x4_mul(steps, by), before);
            v[j] = wasm_i32x4_add(wasm_f32x4_add(clamp4(steps, lo, hi), magic), after);
        }
        wasm_v128_store(codes + i, low_bytes(v[0], v[1], v[2], v[3]));
    }
    return i;
}

static void quantize_run(const struct grid4 *g, const float *x, int32_t n, uint8_t *codes) {
    int32_t i = 0;
    if (!g->fused && g->rounding == HALF_EVEN)
        i = g->divide ? quantize_plain(g, 1, x, n, codes) : quantize_plain(g, 0, x, n, codes);
    for (; i + 16 <= n; i += 16)
        quantize16(g, 0, x + i, codes + i);
    for (; i < n; i++)
        codes[i] = (uint8_t)wasm_i32x4_extract_lane(quantize4(g, wasm_v128_load32_splat(x + i)), 0);
}

/* Sixteen channels whose values lie side by side, inner = 1. */
static void quantize_columns(const struct quantize_args *a, int32_t first) {
    struct grid one[16];
    struct grid4 four[4];
    for (int32_t c = 0; c < 16; c++)
        one[c] = grid_of(a, first + c);
    for (int32_t c = 0; c < 4; c++)
        four[c] = grid4_of(one + 4 * c, 1);
    for (int32_t at = first; at < a->outer * a->channels; at += a->channels)
        quantize16(four, 1, a->x + at, a->codes + at);
}

KERNEL(k_quantize) {
    const struct quantize_args *a = (const void *)args;
    int32_t c = 0;
    if (a->inner == 1)
        for (; c + 16 <= a->channels; c += 16)
            quantize_columns(a, c);
    for (; c < a->channels; c++) {
        struct grid g = grid_of(a, c);
        struct grid4 four = grid4_of(&g, 0);
        for (int32_t o = 0; o < a->outer; o++) {
            int32_t at = (o * a->channels + c) * a->inner;
            quantize_run(&four, a->x + at, a->inner, a->codes + at);
        }
    }
}

/* The real values of codes: float(code - zero_point) * scale, codes seen as [outer][channels][inner]. */
struct dequantize_args {
    const uint8_t *codes;
    int32_t is_signed;
    int32_t outer, channels, inner;
    const float *scale;        /* [channels] */
    const int32_t *zero_point; /* [channels] */
    float *x;
};

KERNEL(k_dequantize) {
    const struct dequantize_args *a = (const void *)args;
    for (int32_t o = 0; o < a->outer; o++)
        for (int32_t c = 0; c < a->channels; c++) {
            float scale = a->scale[c];
            int32_t zero_point = a->zero_point[c];
            int32_t at = (o * a->channels + c) * a->inner, end = at + a->inner;
            for (int32_t i = at; i < end; i++)
                a->x[i] = (float)(code_at(a->codes, i, a->is_signed) - zero_point) * scale;
        }
}
