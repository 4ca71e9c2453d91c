/* Sums of float32 in a stated order: value j is added to sum j % 16, one after the other, each sum from 0; then the upper
 * half of the sums is added to the lower half until one is left. */
#ifndef SUMS_F32_H
#define SUMS_F32_H

#include "float_runs.h"

enum { SUMS = 16 };

static inline float folded(float *sums) {
    for (int32_t half = SUMS / 2; half; half /= 2)
        for (int32_t j = 0; j < half; j++)
            sums[j] += sums[j + half];
    return sums[0];
}

/* Of values less `centre`, as they are or squared. */
static inline __attribute__((always_inline)) float sum_by(const float *values, int32_t n, float centre, int32_t is_square) {
    v128_t sums[4], c = wasm_f32x4_splat(centre);
    float each[SUMS];
    int32_t i = 0;
    for (int32_t k = 0; k < 4; k++)
        sums[k] = wasm_f32x4_splat(0);
    for (; i + SUMS <= n; i += SUMS)
        for (int32_t k = 0; k < 4; k++) {
            v128_t v = wasm_f32x4_sub(wasm_v128_load(values + i + 4 * k), c);
            sums[k] = wasm_f32x4_add(sums[k], is_square ? wasm_f32x4_mul(v, v) : v);
        }
    for (int32_t k = 0; k < 4; k++)
        wasm_v128_store(each + 4 * k, sums[k]);
    for (int32_t j = 0; i + j < n; j++) {
        float v = values[i + j] - centre;
        each[j] += is_square ? v * v : v;
    }
    return folded(each);
}

static inline float sum_of(const float *values, int32_t n) {
    return sum_by(values, n, 0, 0);
}

#endif
