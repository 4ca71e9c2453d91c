#include "kernels.h"

/* Codes of n = outer * channels * inner floats, x seen as [outer][channels][inner]; channels = 1 is per tensor.
 *   zero_point_first = 0:  rint(x / s) + z                clamped to qmin..qmax (ONNX Runtime; fake-quantize)
 *   zero_point_first = 1:  rint(x / s + z)                clamped to qmin..qmax (PyTorch's integer codes)
 * where x / s is x * (1 / s) if reciprocal = 1. Rounds half to even. NaN gives qmin, as in ONNX Runtime on x86.
 * A code takes one byte, its low eight bits: so signed and unsigned formats of 2 to 8 bits are the same here. */
struct quantize_args {
    const float *x;
    int32_t outer, channels, inner;
    const float *scale;        /* [channels] */
    const int32_t *zero_point; /* [channels] */
    int32_t qmin, qmax;
    int32_t reciprocal, zero_point_first;
    uint8_t *codes;
};

/* What one channel's values go through: rint(clamp(x (* or /) by + before, lo, hi)) + after. */
struct grid {
    float by, before, lo, hi;
    int32_t after, divide;
};

static struct grid grid_of(const struct quantize_args *a, int32_t channel) {
    float scale = a->scale[channel];
    int32_t zero_point = a->zero_point[channel];
    int32_t after = a->zero_point_first ? 0 : zero_point;
    struct grid g = {a->reciprocal ? 1.0f / scale : scale, a->zero_point_first ? (float)zero_point : 0.0f,
                     (float)(a->qmin - after), (float)(a->qmax - after), after, !a->reciprocal};
    return g;
}

static inline uint8_t quantize1(const struct grid *g, float x) {
    float v = g->divide ? x / g->by : x * g->by;
    return (uint8_t)((int32_t)__builtin_rintf(clampf(v + g->before, g->lo, g->hi)) + g->after);
}

static inline v128_t quantize4(const struct grid *g, const float *x) {
    v128_t v = wasm_v128_load(x), by = wasm_f32x4_splat(g->by);
    v = g->divide ? wasm_f32x4_div(v, by) : wasm_f32x4_mul(v, by);
    v = wasm_f32x4_add(v, wasm_f32x4_splat(g->before));
    v = clamp4(v, wasm_f32x4_splat(g->lo), wasm_f32x4_splat(g->hi));
    return wasm_i32x4_add(round4(v), wasm_i32x4_splat(g->after));
}

static void quantize_run(const struct grid *g, const float *x, int32_t n, uint8_t *codes) {
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t a = quantize4(g, x + i), b = quantize4(g, x + i + 4);
        v128_t c = quantize4(g, x + i + 8), d = quantize4(g, x + i + 12);
        wasm_v128_store(codes + i, low_bytes(a, b, c, d));
    }
    for (; i < n; i++)
        codes[i] = quantize1(g, x[i]);
}

KERNEL(k_quantize) {
    const struct quantize_args *a = (const void *)args;
    for (int32_t c = 0; c < a->channels; c++) {
        struct grid g = grid_of(a, c);
        for (int32_t o = 0; o < a->outer; o++) {
            int32_t at = (o * a->channels + c) * a->inner;
            quantize_run(&g, a->x + at, a->inner, a->codes + at);
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
    for (int32_t c = 0; c < a->channels; c++) {
        float scale = a->scale[c];
        int32_t zero_point = a->zero_point[c];
        for (int32_t o = 0; o < a->outer; o++) {
            int32_t at = (o * a->channels + c) * a->inner, end = at + a->inner;
            for (int32_t i = at; i < end; i++)
                a->x[i] = (float)(code_at(a->codes, i, a->is_signed) - zero_point) * scale;
        }
    }
}
