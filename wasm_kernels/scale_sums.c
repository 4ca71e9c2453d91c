#include "kernels.h"

/* Sums of products of codes whose zero-point was not taken off, to floats: what MatMulInteger or ConvInteger, Cast, Mul by
 * both scales and Add of a bias make of dynamically quantized values.
 *   v = clamp(float(sum - zero_point * column_sum) * (x_scale * scale) + bias, lo, hi)
 * With `steps_of`, floor(steps_of / (x_scale * scale)) is added to the integer: a bias that the file rounds while it runs.
 * The integers wrap modulo 2^32; every float operation is rounded on its own. */
struct scale_sums_args {
    const int32_t *sums; /* [rows][columns] */
    int32_t rows, columns;
    const float *range;         /* [2]: x_scale and zero_point: see dynamic_quantize.c */
    const int32_t *column_sums; /* [columns], of the weights */
    const float *scale;         /* [columns] */
    const float *bias;          /* [columns] */
    const float *steps_of;      /* [columns], or 0: see below */
    float lo, hi;
    float *out; /* [rows][columns], may be sums */
};

static v128_t floored_steps(v128_t real, v128_t scale) {
    return wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_floor(wasm_f32x4_div(real, scale)));
}

KERNEL(k_scale_sums) {
    const struct scale_sums_args *a = (const void *)args;
    int32_t zero_point = (int32_t)a->range[1], at = 0;
    float x_scale = a->range[0];
    v128_t lo = wasm_f32x4_splat(a->lo), hi = wasm_f32x4_splat(a->hi);
    for (int32_t row = 0; row < a->rows; row++) {
        int32_t j = 0;
        for (; j + 4 <= a->columns; j += 4) {
            v128_t share = wasm_i32x4_mul(wasm_v128_load(a->column_sums + j), wasm_i32x4_splat(zero_point));
            v128_t sum = wasm_i32x4_sub(wasm_v128_load(a->sums + at + j), share);
            v128_t by = wasm_f32x4_mul(wasm_f32x4_splat(x_scale), wasm_v128_load(a->scale + j));
            if (a->steps_of)
                sum = wasm_i32x4_add(sum, floored_steps(wasm_v128_load(a->steps_of + j), by));
            v128_t v = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), by);
            wasm_v128_store(a->out + at + j, clamp4(wasm_f32x4_add(v, wasm_v128_load(a->bias + j)), lo, hi));
        }
        for (; j < a->columns; j++) {
            uint32_t share = (uint32_t)a->column_sums[j] * (uint32_t)zero_point;
            uint32_t sum = (uint32_t)a->sums[at + j] - share;
            float by = x_scale * a->scale[j];
            if (a->steps_of)
                sum += (uint32_t)wasm_i32x4_extract_lane(
                    floored_steps(wasm_f32x4_splat(a->steps_of[j]), wasm_f32x4_splat(by)), 0);
            float v = (float)(int32_t)sum * by;
            a->out[at + j] = clampf(v + a->bias[j], a->lo, a->hi);
        }
        at += a->columns;
    }
}
