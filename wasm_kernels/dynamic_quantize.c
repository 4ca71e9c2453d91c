#include "kernels.h"

/* ONNX's DynamicQuantizeLinear, in float32: scale and zero-point from the range of n floats and 0, then their codes.
 *   scale = (hi - lo) / 255, or 1 if that range is 0;  zero_point = clamp(rint((0 - lo) / scale), 0, 255)
 *   code = clamp(rint(x / scale) + zero_point, 0, 255)
 * NaN is no part of the range and gives code 0, infinities are for the caller to refuse. */
struct dynamic_range_args {
    const float *x;
    int32_t n;
    float *range; /* [2]: scale and zero-point */
};

struct range {
    v128_t lo, hi;
};

static struct range range_of(const float *x, int32_t n) {
    struct range r0 = {wasm_f32x4_splat(0), wasm_f32x4_splat(0)}, r1 = r0;
    int32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        v128_t v = wasm_v128_load(x + i), w = wasm_v128_load(x + i + 4);
        r0.lo = wasm_f32x4_pmin(r0.lo, v);
        r0.hi = wasm_f32x4_pmax(r0.hi, v);
        r1.lo = wasm_f32x4_pmin(r1.lo, w);
        r1.hi = wasm_f32x4_pmax(r1.hi, w);
    }
    for (; i < n; i++) {
        v128_t v = wasm_f32x4_splat(x[i]);
        r0.lo = wasm_f32x4_pmin(r0.lo, v);
        r0.hi = wasm_f32x4_pmax(r0.hi, v);
    }
    r0.lo = wasm_f32x4_pmin(r0.lo, r1.lo);
    r0.hi = wasm_f32x4_pmax(r0.hi, r1.hi);
    for (int32_t lanes = 0; lanes < 3; lanes++) { /* round them once */
        r0.lo = wasm_f32x4_pmin(r0.lo, wasm_i32x4_shuffle(r0.lo, r0.lo, 1, 2, 3, 0));
        r0.hi = wasm_f32x4_pmax(r0.hi, wasm_i32x4_shuffle(r0.hi, r0.hi, 1, 2, 3, 0));
    }
    return r0;
}

KERNEL(k_dynamic_range) {
    const struct dynamic_range_args *a = (const void *)args;
    struct range r = range_of(a->x, a->n);
    float lo = wasm_f32x4_extract_lane(r.lo, 0), hi = wasm_f32x4_extract_lane(r.hi, 0);
    float scale = lo == hi ? 1 : (hi - lo) / 255;
    a->range[0] = scale;
    a->range[1] = __builtin_rintf(clampf((0 - lo) / scale, 0, 255));
}

/* The codes of n floats. They may be others than those of the range: the same and zeros around them, for instance. */
struct dynamic_quantize_args {
    const float *x;
    int32_t n;
    const float *range; /* [2] */
    uint8_t *codes;     /* [n] */
};

static inline v128_t codes4(const float *x, v128_t scale, v128_t lo, v128_t hi, v128_t zero_point) {
    v128_t steps = clamp4(wasm_f32x4_div(wasm_v128_load(x), scale), lo, hi);
    return wasm_i32x4_add(round4(steps), zero_point);
}

KERNEL(k_dynamic_quantize) {
    const struct dynamic_quantize_args *a = (const void *)args;
    float scale = a->range[0];
    int32_t point = (int32_t)a->range[1];
    v128_t by = wasm_f32x4_splat(scale), zero_point = wasm_i32x4_splat(point);
    v128_t lo = wasm_f32x4_splat((float)-point), hi = wasm_f32x4_splat((float)(255 - point));
    int32_t i = 0;
    for (; i + 16 <= a->n; i += 16) {
        const float *x = a->x + i;
        wasm_v128_store(a->codes + i,
                        low_bytes(codes4(x, by, lo, hi, zero_point), codes4(x + 4, by, lo, hi, zero_point),
                                  codes4(x + 8, by, lo, hi, zero_point), codes4(x + 12, by, lo, hi, zero_point)));
    }
    for (; i < a->n; i++) {
        float steps = clampf(a->x[i] / scale, (float)-point, (float)(255 - point));
        a->codes[i] = (uint8_t)((int32_t)__builtin_rintf(steps) + point);
    }
}
