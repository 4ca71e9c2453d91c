#include "kernels.h"

/* Integer matrix product. Values and weights are widened to int16 with their zero-points taken off, so one loop serves
 * every mixture of int8 and uint8: |a - za| <= 255 and |b - zb| <= 255, two products fit an int32 many times over, and
 * sums wrap modulo 2^32 as ONNX's do. Tile 4 x 8, two steps of depth at once (i32x4.dot_i16x8_s). */

/* Packs weights [groups][depth][columns] of codes into int16 [groups][columns / 8][depth / 2][8][2], both rounded up and
 * filled with zeros. zero_point is [columns] for all groups together ([groups * columns]). */
struct pack_weights_args {
    const uint8_t *codes;
    int32_t is_signed;
    const int32_t *zero_point; /* [groups * columns] */
    int32_t groups, depth, columns;
    int16_t *packed;
};

KERNEL(k_pack_weights) {
    const struct pack_weights_args *a = (const void *)args;
    int16_t *to = a->packed;
    for (int32_t g = 0; g < a->groups; g++) {
        const uint8_t *codes = a->codes + g * a->depth * a->columns;
        const int32_t *zero_point = a->zero_point + g * a->columns;
        for (int32_t first = 0; first < a->columns; first += 8)
            for (int32_t k = 0; k < even(a->depth); k += 2)
                for (int32_t j = first; j < first + 8; j++)
                    for (int32_t d = k; d < k + 2; d++) {
                        int32_t inside = j < a->columns && d < a->depth;
                        *to++ = inside ? code_at(codes, d * a->columns + j, a->is_signed) - zero_point[j] : 0;
                    }
    }
}

struct tile {
    v128_t sum[4][2];
};

static inline struct tile multiply_tile(const int16_t *values, int32_t depth, const int16_t *weights) {
    struct tile t;
    for (int32_t r = 0; r < 4; r++)
        t.sum[r][0] = t.sum[r][1] = wasm_i32x4_splat(0);
    for (int32_t k = 0; k < depth; k += 2, weights += 16) {
        v128_t b0 = wasm_v128_load(weights), b1 = wasm_v128_load(weights + 8);
        for (int32_t r = 0; r < 4; r++) {
            v128_t a = wasm_v128_load32_splat(values + r * depth + k);
            t.sum[r][0] = wasm_i32x4_add(t.sum[r][0], wasm_i32x4_dot_i16x8(a, b0));
            t.sum[r][1] = wasm_i32x4_add(t.sum[r][1], wasm_i32x4_dot_i16x8(a, b1));
        }
    }
    return t;
}

static void store_row(const struct product *p, const v128_t sum[2], int32_t first, int32_t at) {
    int32_t columns = p->columns - first;
    if (columns >= 8) {
        const int32_t *bias = p->bias + first;
        const float *multiplier = p->multiplier + first;
        finish8(&p->to, at, wasm_i32x4_add(sum[0], wasm_v128_load(bias)),
                wasm_i32x4_add(sum[1], wasm_v128_load(bias + 4)), wasm_v128_load(multiplier),
                wasm_v128_load(multiplier + 4));
        return;
    }
    int32_t sums[8];
    wasm_v128_store(sums, sum[0]);
    wasm_v128_store(sums + 4, sum[1]);
    for (int32_t j = 0; j < columns; j++)
        finish(&p->to, at + j, (int32_t)((uint32_t)sums[j] + (uint32_t)p->bias[first + j]),
               p->multiplier[first + j]);
}

void multiply_block(const int16_t *values, int32_t rows, int32_t depth, const struct product *p, int32_t row,
                    int32_t stride, int32_t first) {
    for (int32_t j = 0; j < p->columns; j += 8) {
        const int16_t *weights = p->weights + j * depth;
        for (int32_t i = 0; i < rows; i += 4) {
            struct tile t = multiply_tile(values + i * depth, depth, weights);
            for (int32_t r = 0; r < 4 && i + r < rows; r++)
                store_row(p, t.sum[r], j, (row + i + r) * stride + first + j);
        }
    }
}

/* codes [rows][depth] times packed weights, plus bias, through the epilogue, to out [rows][columns]. */
struct gemm_s8_args {
    const uint8_t *codes;
    int32_t rows, depth;
    int32_t is_signed, zero_point;
    struct product p;
    int16_t *scratch; /* [BLOCK_ROWS][depth rounded up to even] */
};

KERNEL(k_gemm_s8) {
    const struct gemm_s8_args *a = (const void *)args;
    int32_t depth = even(a->depth);
    for (int32_t row = 0; row < a->rows; row += BLOCK_ROWS) {
        int32_t rows = a->rows - row < BLOCK_ROWS ? a->rows - row : BLOCK_ROWS;
        for (int32_t r = 0; r < rows; r++)
            widen(a->codes + (row + r) * a->depth, a->depth, a->is_signed, a->zero_point, a->scratch + r * depth);
        multiply_block(a->scratch, rows, depth, &a->p, row, a->p.columns, 0);
    }
}
