#include "sums_f32.h"

/* Rows brought to mean 0 and variance 1 (not centred: to a mean square of 1), then scaled and shifted. Sums are formed as
 * sums_f32.h says, over n = float32(columns):
 *   mean    = sum of x / n; 0 if not centred
 *   inverse = 1 / sqrt(sum of (x - mean)^2 / n + epsilon)
 *   out[j]  = (x[j] - mean) * inverse * gamma[j] + beta[j] */
struct normalize_f32_args {
    const float *x; /* [rows][columns] */
    int32_t rows, columns;
    int32_t centred;
    float epsilon;
    const float *gamma; /* [columns], or 0 */
    const float *beta;  /* [columns], or 0 */
    float *out;         /* [rows][columns] */
};

KERNEL(k_normalize_f32) {
    const struct normalize_f32_args *a = (const void *)args;
    const int32_t n = a->columns;
    const float *x = a->x, *gamma = a->gamma, *beta = a->beta;
    const float count = (float)n;
    float *out = a->out;
    for (int32_t row = 0; row < a->rows; row++, x += n, out += n) {
        float mean = a->centred ? sum_of(x, n) / count : 0;
        float inverse = 1 / __builtin_sqrtf(sum_by(x, n, mean, 1) / count + a->epsilon);
        v128_t mean4 = wasm_f32x4_splat(mean), inverse4 = wasm_f32x4_splat(inverse);
        for (int32_t j = 0; j < n; j += 4) {
            v128_t v = wasm_f32x4_mul(wasm_f32x4_sub(load_next(x + j, n - j), mean4), inverse4);
            if (gamma)
                v = wasm_f32x4_mul(v, load_next(gamma + j, n - j));
            if (beta)
                v = wasm_f32x4_add(v, load_next(beta + j, n - j));
            store_next(out + j, v, n - j);
        }
    }
}
