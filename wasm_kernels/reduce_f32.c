#include "sums_f32.h"

/* out[i][k] = sum, mean, largest or smallest of x[i][j][k] over all j. Sums are formed as sums_f32.h says; a mean is the sum
 * over float32(n). The largest and the smallest are NaN if one value is. */
struct reduce_f32_args {
    const float *x; /* [outer][n][inner] */
    int32_t outer, n, inner;
    int32_t function;
    float *out; /* [outer][inner] */
};

enum { SUM, MEAN, MAX, MIN };

static inline v128_t included(int32_t function, v128_t a, v128_t b) {
    return function == MAX ? larger4(a, b) : function == MIN ? smaller4(a, b) : wasm_f32x4_add(a, b);
}

/* Up to four neighbours along the inner axis. */
static v128_t reduced(const struct reduce_f32_args *a, const float *x, int32_t few) {
    const int32_t function = a->function, n = a->n, inner = a->inner;
    const float first = function == MAX ? -__builtin_inff() : function == MIN ? __builtin_inff() : 0;
    v128_t made[SUMS];
    for (int32_t k = 0; k < SUMS; k++)
        made[k] = wasm_f32x4_splat(first);
    for (int32_t j = 0; j < n; j++)
        made[j % SUMS] = included(function, made[j % SUMS], load_next(x + j * inner, few));
    for (int32_t half = SUMS / 2; half; half /= 2)
        for (int32_t k = 0; k < half; k++)
            made[k] = included(function, made[k], made[k + half]);
    return function == MEAN ? wasm_f32x4_div(made[0], wasm_f32x4_splat((float)n)) : made[0];
}

/* Values that lie one after the other. */
static float reduced_run(const struct reduce_f32_args *a, const float *x) {
    if (a->function == SUM || a->function == MEAN) {
        float sum = sum_of(x, a->n);
        return a->function == MEAN ? sum / (float)a->n : sum;
    }
    v128_t made = wasm_v128_load32_splat(x);
    int32_t j = 0;
    for (; j + 4 <= a->n; j += 4)
        made = included(a->function, made, wasm_v128_load(x + j));
    for (; j < a->n; j++)
        made = included(a->function, made, wasm_v128_load32_splat(x + j));
    made = included(a->function, made, wasm_i32x4_shuffle(made, made, 2, 3, 0, 1));
    made = included(a->function, made, wasm_i32x4_shuffle(made, made, 1, 0, 3, 2));
    return wasm_f32x4_extract_lane(made, 0);
}

KERNEL(k_reduce_f32) {
    const struct reduce_f32_args *a = (const void *)args;
    const float *x = a->x;
    float *out = a->out;
    for (int32_t i = 0; i < a->outer; i++, x += a->n * a->inner, out += a->inner) {
        if (a->inner == 1)
            *out = reduced_run(a, x);
        else
            for (int32_t k = 0; k < a->inner; k += 4)
                store_next(out + k, reduced(a, x + k, a->inner - k), a->inner - k);
    }
}
