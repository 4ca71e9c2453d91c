#include "kernels.h"

/* Integer activations times 4-bit codes: rows are brought to int8 with a scale per block (k_quantize_blocks), then meet
 * weights that are decoded in registers to int16 (k_gemv_4bit_s8). A block is a multiple of 32 values, depth of blocks. */

enum { GROUP = 32, CODE_OCTETS = 16 };

#define ALWAYS static inline __attribute__((always_inline))

/* As ONNX Runtime does for `accuracy_level` 4: scale = max |x| / 127, code = rint(x * (127 / max |x|)). Where that
 * quotient is no finite number (max |x| is 0 or all but 0) all codes are 0. NaN makes the block's scale NaN. */
struct quantize_blocks_args {
    const float *x; /* [rows][depth] */
    int32_t rows, depth, block;
    float *scale;    /* [rows][depth / block] */
    uint8_t *codes;  /* int8 [rows][depth] */
};

ALWAYS float largest(const float *x, int32_t n) {
    v128_t most = wasm_f32x4_splat(0);
    for (int32_t i = 0; i < n; i += 4)
        most = wasm_f32x4_max(most, wasm_f32x4_abs(wasm_v128_load(x + i)));
    most = wasm_f32x4_max(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
    return wasm_f32x4_extract_lane(wasm_f32x4_max(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2)), 0);
}

ALWAYS v128_t rounded(const float *x, v128_t by) {
    return round4(clamp4(wasm_f32x4_mul(wasm_v128_load(x), by), wasm_f32x4_splat(-127), wasm_f32x4_splat(127)));
}

KERNEL(k_quantize_blocks) {
    const struct quantize_blocks_args *a = (const void *)args;
    int32_t n = a->rows * a->depth;
    for (int32_t at = 0; at < n; at += a->block) {
        float most = largest(a->x + at, a->block), inverse = 127.0f / most;
        a->scale[at / a->block] = most / 127.0f;
        v128_t by = wasm_f32x4_splat(inverse <= __FLT_MAX__ || most != most ? inverse : 0);
        for (int32_t i = at; i < at + a->block; i += 16)
            wasm_v128_store(a->codes + i, low_bytes(rounded(a->x + i, by), rounded(a->x + i + 4, by),
                                                    rounded(a->x + i + 8, by), rounded(a->x + i + 12, by)));
    }
}

/* The order of the sums, so that others can get the same bits: lane l of four has the exact integer sum of a block's
 * products of k = 2l, 2l + 1 (mod 8); as float32 it is multiplied by (scale of the values * scale of the weights) and added
 * block after block; the result is (lane 0 + lane 1) + (lane 2 + lane 3). Nothing is fused.
 * Whatever the block, weights lie in groups of 32. */
struct gemv_4bit_s8_args {
    const uint8_t *x;     /* int8 [rows][depth] */
    const float *x_scale; /* [rows][depth / block] */
    int32_t rows, depth, block, columns;
    const uint8_t *codes;    /* [columns][depth / 32][16]: octet i has the code of k = i in its low half, of k = 16 + i in the other */
    const float *scale;      /* [columns][depth / block] */
    const int16_t *points;   /* [columns][depth / block], what to take off the decoded values (int16 holds them); or 0 */
    const uint8_t *codebook; /* [2][16]: the low octets of 16 int16, then the high ones */
    const float *bias; /* [columns], added last; or 0 */
    float *out;              /* [rows][columns] */
};

#if defined(__wasm_relaxed_simd__)
#define PICK wasm_i8x16_relaxed_swizzle /* every index is below 16, where machines agree */
#else
#define PICK wasm_i8x16_swizzle
#endif

enum { TILE = 4 }; /* columns that share a row's values */

struct decoder {
    v128_t low, high;
};

/* sum + the products of 16 values and what 16 codes stand for. */
ALWAYS v128_t add16(v128_t sum, const v128_t x[2], v128_t codes, const struct decoder *book, v128_t point) {
    v128_t a = PICK(book->low, codes), b = PICK(book->high, codes);
    v128_t w0 = wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    v128_t w1 = wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(x[0], wasm_i16x8_sub(w0, point)));
    return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(x[1], wasm_i16x8_sub(w1, point)));
}

/* One row times `count` columns, a constant wherever this is used, as is whether there are points. */
ALWAYS void multiply_columns(const struct gemv_4bit_s8_args *a, int32_t row, int32_t column, int32_t count, int32_t pointed,
                             const struct decoder *book) {
    int32_t blocks = a->depth / a->block, size = a->depth / 2;
    const uint8_t *x = a->x + row * a->depth, *codes = a->codes + column * size;
    const float *x_scale = a->x_scale + row * blocks, *scale = a->scale + column * blocks;
    v128_t total[TILE], low = wasm_i8x16_splat(15);
    for (int32_t i = 0; i < count; i++)
        total[i] = wasm_f32x4_splat(0);
    for (int32_t b = 0; b < blocks; b++) {
        v128_t sum[TILE], point[TILE];
        for (int32_t i = 0; i < count; i++) {
            sum[i] = wasm_i32x4_splat(0);
            point[i] = pointed ? wasm_v128_load16_splat(a->points + (column + i) * blocks + b) : wasm_i32x4_splat(0);
        }
        for (int32_t k = 0; k < a->block; k += GROUP, x += GROUP, codes += CODE_OCTETS) {
            v128_t values[4] = {wasm_i16x8_load8x8(x), wasm_i16x8_load8x8(x + 8), wasm_i16x8_load8x8(x + 16),
                                wasm_i16x8_load8x8(x + 24)};
            for (int32_t i = 0; i < count; i++) {
                v128_t octets = wasm_v128_load(codes + i * size);
                sum[i] = add16(sum[i], values, wasm_v128_and(octets, low), book, point[i]);
                sum[i] = add16(sum[i], values + 2, wasm_u8x16_shr(octets, 4), book, point[i]);
            }
        }
        for (int32_t i = 0; i < count; i++) {
            v128_t both = wasm_f32x4_splat(x_scale[b] * scale[i * blocks + b]);
            total[i] = wasm_f32x4_add(total[i], wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i]), both));
        }
    }
    float *out = a->out + row * a->columns + column;
    for (int32_t i = 0; i < count; i++) {
        out[i] = (wasm_f32x4_extract_lane(total[i], 0) + wasm_f32x4_extract_lane(total[i], 1)) +
                 (wasm_f32x4_extract_lane(total[i], 2) + wasm_f32x4_extract_lane(total[i], 3));
        if (a->bias)
            out[i] += a->bias[column + i];
    }
}

ALWAYS void multiply_all(const struct gemv_4bit_s8_args *a, int32_t pointed, const struct decoder *book) {
    int32_t j = 0;
    for (; j + TILE <= a->columns; j += TILE) /* all rows, while the weights are in the cache */
        for (int32_t row = 0; row < a->rows; row++)
            multiply_columns(a, row, j, TILE, pointed, book);
    for (; j < a->columns; j++)
        for (int32_t row = 0; row < a->rows; row++)
            multiply_columns(a, row, j, 1, pointed, book);
}

KERNEL(k_gemv_4bit_s8) {
    const struct gemv_4bit_s8_args *a = (const void *)args;
    struct decoder book = {wasm_v128_load(a->codebook), wasm_v128_load(a->codebook + 16)};
    if (a->points)
        multiply_all(a, 1, &book);
    else
        multiply_all(a, 0, &book);
}
