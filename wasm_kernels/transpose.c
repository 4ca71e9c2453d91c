#include "copy.h"

/* Eight rows of eight bytes, turned round: three rounds of interleaving. */
static inline void turn8(const uint8_t *x, int32_t x_stride, uint8_t *out, int32_t out_stride) {
    v128_t rows[8], pairs[4];
    for (int32_t i = 0; i < 8; i++)
        rows[i] = wasm_v128_load64_zero(x + i * x_stride);
    for (int32_t i = 0; i < 4; i++)
        pairs[i] = wasm_i8x16_shuffle(rows[i], rows[i + 4], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    for (int32_t i = 0; i < 2; i++) { /* even rows first, then odd ones; four columns, then the other four */
        rows[2 * i] = wasm_i8x16_shuffle(pairs[i], pairs[i + 2], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        rows[2 * i + 1] =
            wasm_i8x16_shuffle(pairs[i], pairs[i + 2], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int32_t i = 0; i < 2; i++) {
        v128_t low =
            wasm_i8x16_shuffle(rows[i], rows[i + 2], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        v128_t high =
            wasm_i8x16_shuffle(rows[i], rows[i + 2], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        uint8_t *to = out + 4 * i * out_stride;
        wasm_v128_store64_lane(to, low, 0);
        wasm_v128_store64_lane(to + out_stride, low, 1);
        wasm_v128_store64_lane(to + 2 * out_stride, high, 0);
        wasm_v128_store64_lane(to + 3 * out_stride, high, 1);
    }
}

/* Four rows of four 4-byte elements, turned round. */
static inline void turn4(const uint8_t *x, int32_t x_stride, uint8_t *out, int32_t out_stride) {
    v128_t a = wasm_v128_load(x), b = wasm_v128_load(x + x_stride);
    v128_t c = wasm_v128_load(x + 2 * x_stride), d = wasm_v128_load(x + 3 * x_stride);
    v128_t ab = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), cd = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
    v128_t ab2 = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7), cd2 = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    wasm_v128_store(out, wasm_i64x2_shuffle(ab, cd, 0, 2));
    wasm_v128_store(out + out_stride, wasm_i64x2_shuffle(ab, cd, 1, 3));
    wasm_v128_store(out + 2 * out_stride, wasm_i64x2_shuffle(ab2, cd2, 0, 2));
    wasm_v128_store(out + 3 * out_stride, wasm_i64x2_shuffle(ab2, cd2, 1, 3));
}

static void turn_slowly(const uint8_t *x, int32_t x_stride, uint8_t *out, int32_t out_stride, int32_t rows,
                        int32_t columns, int32_t width) {
    for (int32_t j = 0; j < columns; j++)
        for (int32_t i = 0; i < rows; i++)
            if (width == 1)
                out[j * out_stride + i] = x[i * x_stride + j];
            else
                __builtin_memcpy(out + j * out_stride + 4 * i, x + i * x_stride + 4 * j, 4);
}

void transpose_plane(const uint8_t *x, int32_t x_stride, uint8_t *out, int32_t out_stride, int32_t rows, int32_t columns,
                     int32_t width) {
    int32_t block = width == 1 ? 8 : 4, whole_rows = rows / block * block, whole_columns = columns / block * block;
    for (int32_t i = 0; i < whole_rows; i += block)
        for (int32_t j = 0; j < whole_columns; j += block) {
            const uint8_t *from = x + i * x_stride + j * width;
            uint8_t *to = out + j * out_stride + i * width;
            if (width == 1)
                turn8(from, x_stride, to, out_stride);
            else
                turn4(from, x_stride, to, out_stride);
        }
    turn_slowly(x + whole_columns * width, x_stride, out + whole_columns * out_stride, out_stride, whole_rows,
                columns - whole_columns, width);
    turn_slowly(x + whole_rows * x_stride, x_stride, out + whole_rows * width, out_stride, rows - whole_rows, columns,
                width);
}

/* [outer][rows][columns] to [outer][columns][rows], elements of 1 or 4 bytes: NCHW to NHWC and back. */
struct transpose_args {
    const uint8_t *x;
    int32_t outer, rows, columns, width;
    uint8_t *out;
};

KERNEL(k_transpose) {
    const struct transpose_args *a = (const void *)args;
    int32_t plane = a->rows * a->columns * a->width;
    for (int32_t o = 0; o < a->outer; o++)
        transpose_plane(a->x + o * plane, a->columns * a->width, a->out + o * plane, a->rows * a->width, a->rows,
                        a->columns, a->width);
}
