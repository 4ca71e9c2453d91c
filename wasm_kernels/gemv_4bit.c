#include "kernels.h"

/* Rows of float32 times a matrix of 4-bit codes in blocks of 32 with a scale each, decoded in registers: int4, NF4, FP4,
 * MXFP4, Q4_0, or any other codebook of 16 floats. depth is a multiple of 32.
 *
 * The order of the sums, so that others can get the same bits: lane l of four adds the products of k = l, l + 4, ... of a
 * block, then the blocks' sums times their scales; the result is (lane 0 + lane 1) + (lane 2 + lane 3). Nothing is fused. */
struct gemv_4bit_args {
    const float *x; /* [rows][depth] */
    int32_t rows, depth, columns;
    const uint8_t *codes;    /* [columns][depth / 32][16]: octet i has the code of k = i in its low half, of k = 16 + i in the other */
    const float *scale;      /* [columns][depth / 32] */
    const uint8_t *codebook; /* [4][16]: the first octets of the 16 floats, then their second ones ... */
    const float *bias;       /* [columns], added last; or 0 */
    float *out;              /* [rows][columns] */
};

enum { BLOCK = 32, CODE_OCTETS = 16 };

#if defined(__wasm_relaxed_simd__)
#define PICK wasm_i8x16_relaxed_swizzle /* every index is below 16, where machines agree */
#else
#define PICK wasm_i8x16_swizzle
#endif

#define ALWAYS static inline __attribute__((always_inline))

struct codebook {
    v128_t plane[4];
};

/* sum + x * the floats that 16 codes stand for; `coarse` codebooks have floats whose lower halves are zero. */
ALWAYS v128_t add16(v128_t sum, const float *x, v128_t codes, const struct codebook *book, int32_t coarse) {
    v128_t zero = wasm_i32x4_splat(0), c = PICK(book->plane[2], codes), d = PICK(book->plane[3], codes);
    v128_t low[2] = {zero, zero};
    v128_t high[2] = {wasm_i8x16_shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                      wasm_i8x16_shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)};
    if (!coarse) {
        v128_t a = PICK(book->plane[0], codes), b = PICK(book->plane[1], codes);
        low[0] = wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        low[1] = wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int32_t half = 0; half < 2; half++, x += 8) {
        v128_t v0 = wasm_i16x8_shuffle(low[half], high[half], 0, 8, 1, 9, 2, 10, 3, 11);
        v128_t v1 = wasm_i16x8_shuffle(low[half], high[half], 4, 12, 5, 13, 6, 14, 7, 15);
        sum = wasm_f32x4_add(sum, wasm_f32x4_mul(v0, wasm_v128_load(x)));
        sum = wasm_f32x4_add(sum, wasm_f32x4_mul(v1, wasm_v128_load(x + 4)));
    }
    return sum;
}

ALWAYS v128_t block_sum(const float *x, const uint8_t *octets, const struct codebook *book, int32_t coarse) {
    v128_t codes = wasm_v128_load(octets), low = wasm_i8x16_splat(15);
    v128_t sum = add16(wasm_f32x4_splat(-0.0f), x, wasm_v128_and(codes, low), book, coarse);
    return add16(sum, x + 16, wasm_u8x16_shr(codes, 4), book, coarse);
}

/* `count` columns at once, which share x: a constant wherever this is used. */
ALWAYS void multiply_columns(const struct gemv_4bit_args *a, const float *x, int32_t column, int32_t count,
                             const struct codebook *book, int32_t coarse, float *out) {
    int32_t blocks = a->depth / BLOCK;
    const uint8_t *codes = a->codes + column * blocks * CODE_OCTETS;
    const float *scale = a->scale + column * blocks;
    v128_t sum[2] = {wasm_f32x4_splat(0), wasm_f32x4_splat(0)};
    for (int32_t b = 0; b < blocks; b++, x += BLOCK, codes += CODE_OCTETS, scale++)
        for (int32_t i = 0; i < count; i++)
            sum[i] = wasm_f32x4_add(sum[i], wasm_f32x4_mul(block_sum(x, codes + i * blocks * CODE_OCTETS, book, coarse),
                                                           wasm_v128_load32_splat(scale + i * blocks)));
    for (int32_t i = 0; i < count; i++) {
        out[i] = (wasm_f32x4_extract_lane(sum[i], 0) + wasm_f32x4_extract_lane(sum[i], 1)) +
                 (wasm_f32x4_extract_lane(sum[i], 2) + wasm_f32x4_extract_lane(sum[i], 3));
        if (a->bias)
            out[i] += a->bias[column + i];
    }
}

ALWAYS void multiply_row(const struct gemv_4bit_args *a, int32_t row, const struct codebook *book, int32_t coarse) {
    const float *x = a->x + row * a->depth;
    float *out = a->out + row * a->columns;
    int32_t j = 0;
    for (; j + 2 <= a->columns; j += 2)
        multiply_columns(a, x, j, 2, book, coarse, out + j);
    if (j < a->columns)
        multiply_columns(a, x, j, 1, book, coarse, out + j);
}

KERNEL(k_gemv_4bit) {
    const struct gemv_4bit_args *a = (const void *)args;
    struct codebook book;
    for (int32_t i = 0; i < 4; i++)
        book.plane[i] = wasm_v128_load(a->codebook + 16 * i);
    int32_t coarse = !wasm_v128_any_true(wasm_v128_or(book.plane[0], book.plane[1]));
    for (int32_t row = 0; row < a->rows; row++)
        if (coarse)
            multiply_row(a, row, &book, 1);
        else
            multiply_row(a, row, &book, 0);
}
