#include "kernels.h"

/* out = clamp(x [rows][depth] * weights [depth][columns] + bias, lo, hi) in float32. Each element is summed over depth in
 * order from 0, products rounded before they are added (never fused), and the bias comes last.
 *
 * Strips of 8 columns, tiles of 4 rows. Long sums are cut into chunks of depth: a strip's chunk of weights is laid side by
 * side on the stack, where it stays in the cache for all rows, and the sums so far wait in `out`. */
struct gemm_f32_args {
    const float *x;
    int32_t rows, depth;
    const float *weights; /* row-major, not packed */
    int32_t columns;
    const float *bias; /* [columns] */
    float lo, hi;      /* a ReLU is 0 and +inf */
    float *out;
};

enum { TILE = 4, STRIP = 8, WIDE = 4 * STRIP, CHUNK = 256, WORTH_COPYING = 2 * TILE };

#define ALWAYS static inline __attribute__((always_inline))

/* Some steps of depth, and the weights for them: `line` floats from one step to the next. */
struct chunk {
    int32_t first, steps, is_last;
    const float *weights;
    int32_t line;
};

/* Four sums, or what they become after the last chunk. */
ALWAYS v128_t finished(const struct gemm_f32_args *a, const struct chunk *c, v128_t sum, int32_t column) {
    if (!c->is_last)
        return sum;
    sum = wasm_f32x4_add(sum, wasm_v128_load(a->bias + column));
    return clamp4(sum, wasm_f32x4_splat(a->lo), wasm_f32x4_splat(a->hi));
}

/* `rows` rows times 4 * `vectors` columns: constants wherever this is used. */
ALWAYS void tile(const struct gemm_f32_args *a, const struct chunk *c, int32_t row, int32_t rows, int32_t j,
                 int32_t vectors) {
    v128_t sum[TILE][WIDE / 4];
    const float *x[TILE], *weights = c->weights;
    float *out = a->out + row * a->columns + j;
    for (int32_t r = 0; r < rows; r++) {
        x[r] = a->x + (row + r) * a->depth + c->first;
        for (int32_t h = 0; h < vectors; h++)
            sum[r][h] = c->first ? wasm_v128_load(out + r * a->columns + 4 * h) : wasm_f32x4_splat(0);
    }
#pragma clang loop unroll(disable)
    for (int32_t k = 0; k < c->steps; k++, weights += c->line)
        for (int32_t r = 0; r < rows; r++) {
            v128_t value = wasm_v128_load32_splat(x[r] + k);
            for (int32_t h = 0; h < vectors; h++)
                sum[r][h] = wasm_f32x4_add(sum[r][h], wasm_f32x4_mul(value, wasm_v128_load(weights + 4 * h)));
        }
    for (int32_t r = 0; r < rows; r++)
        for (int32_t h = 0; h < vectors; h++)
            wasm_v128_store(out + r * a->columns + 4 * h, finished(a, c, sum[r][h], j + 4 * h));
}

static void strip(const struct gemm_f32_args *a, const struct chunk *c, int32_t j) {
    int32_t i = 0;
    for (; i + TILE <= a->rows; i += TILE)
        tile(a, c, i, TILE, j, STRIP / 4);
    for (; i < a->rows; i++)
        tile(a, c, i, 1, j, STRIP / 4);
}

static void copied_strips(const struct gemm_f32_args *a, int32_t columns) {
    float weights[CHUNK * STRIP];
    for (int32_t j = 0; j < columns; j += STRIP)
        for (int32_t k = 0; k < a->depth; k += CHUNK) {
            int32_t steps = a->depth - k < CHUNK ? a->depth - k : CHUNK;
            for (int32_t d = 0; d < steps; d++)
                for (int32_t h = 0; h < STRIP; h += 4)
                    wasm_v128_store(weights + d * STRIP + h, wasm_v128_load(a->weights + (k + d) * a->columns + j + h));
            struct chunk c = {k, steps, k + steps == a->depth, weights, STRIP};
            strip(a, &c, j);
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
    int32_t whole = a->columns / STRIP * STRIP, j = 0;
    if (a->rows >= WORTH_COPYING && a->depth > 0) {
        copied_strips(a, whole);
        j = whole;
    }
    for (; j + WIDE <= a->columns; j += WIDE) { /* few rows: each reads the weights in long lines */
        struct chunk c = {0, a->depth, 1, a->weights + j, a->columns};
        for (int32_t i = 0; i < a->rows; i++)
            tile(a, &c, i, 1, j, WIDE / 4);
    }
    for (; j < whole; j += STRIP) {
        struct chunk c = {0, a->depth, 1, a->weights + j, a->columns};
        strip(a, &c, j);
    }
    for (; j < a->columns; j++)
        for (int32_t i = 0; i < a->rows; i++)
            column1(a, i, j);
}
