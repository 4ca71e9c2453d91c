#include "kernels.h"

/* out = clamp(x [rows][depth] * weights [depth][columns] + bias, lo, hi) in float32. Each element is summed over depth in
 * order from 0, products rounded before they are added (never fused), and the bias comes last. */
struct gemm_f32_args {
    const float *x;
    int32_t rows, depth;
    const float *weights; /* row-major, not packed */
    int32_t columns;
    const float *bias; /* [columns] */
    float lo, hi;      /* a ReLU is 0 and +inf */
    float *out;
};

static inline void tile8(const struct gemm_f32_args *a, int32_t first, int32_t rows, int32_t j) {
    v128_t sum[4][2];
    for (int32_t r = 0; r < 4; r++)
        sum[r][0] = sum[r][1] = wasm_f32x4_splat(0);
    const float *line[4]; /* rows beyond the last repeat it and are not stored */
    for (int32_t r = 0; r < 4; r++)
        line[r] = a->x + (first + (r < rows ? r : rows - 1)) * a->depth;
    for (int32_t k = 0; k < a->depth; k++) {
        const float *weights = a->weights + k * a->columns + j;
        v128_t b0 = wasm_v128_load(weights), b1 = wasm_v128_load(weights + 4);
        for (int32_t r = 0; r < 4; r++) {
            v128_t x = wasm_v128_load32_splat(line[r] + k);
            sum[r][0] = wasm_f32x4_add(sum[r][0], wasm_f32x4_mul(x, b0));
            sum[r][1] = wasm_f32x4_add(sum[r][1], wasm_f32x4_mul(x, b1));
        }
    }
    v128_t lo = wasm_f32x4_splat(a->lo), hi = wasm_f32x4_splat(a->hi);
    for (int32_t r = 0; r < 4 && r < rows; r++)
        for (int32_t h = 0; h < 2; h++) {
            v128_t v = wasm_f32x4_add(sum[r][h], wasm_v128_load(a->bias + j + 4 * h));
            wasm_v128_store(a->out + (first + r) * a->columns + j + 4 * h, clamp4(v, lo, hi));
        }
}

static void column1(const struct gemm_f32_args *a, int32_t row, int32_t j) {
    float sum = 0;
    for (int32_t k = 0; k < a->depth; k++)
        sum += a->x[row * a->depth + k] * a->weights[k * a->columns + j];
    a->out[row * a->columns + j] = clampf(sum + a->bias[j], a->lo, a->hi);
}

KERNEL(k_gemm_f32) {
    const struct gemm_f32_args *a = (const void *)args;
    int32_t j = 0;
    for (; j + 8 <= a->columns; j += 8)
        for (int32_t i = 0; i < a->rows; i += 4)
            tile8(a, i, a->rows - i, j);
    for (; j < a->columns; j++)
        for (int32_t i = 0; i < a->rows; i++)
            column1(a, i, j);
}
