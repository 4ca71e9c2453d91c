#include "gemm.h"

/* Integer matrix product. A tile is TILE_ROWS x 8 sums, which stay in registers over the whole depth; single rows take
 * 16 columns at a time. A strip of weights and a tile's rows stay in the first-level cache. */

#define ALWAYS static inline __attribute__((always_inline))

/* The sums of up to BLOCK_ROWS rows' values; only needed where p->shift is given. */
static void sum_rows(const struct panel *a, int32_t *sums) {
    v128_t one = wasm_i8x16_splat(1);
    for (int32_t r = 0; r < a->rows; r++) {
        v128_t sum = wasm_i32x4_splat(0);
        for (int32_t k = 0; k < a->steps; k++)
            sum = add_products(sum, wasm_v128_load32_zero(a->values + r * a->stride + k * STEP), one);
        sums[r] = wasm_i32x4_extract_lane(sum, 0);
    }
}

/* What the results of one strip have in common. */
struct finisher {
    v128_t bias[2], multiplier[2], lo, hi, zero_point;
};

ALWAYS struct finisher finisher_of(const struct product *p, int32_t first) {
    struct finisher f = {{wasm_v128_load(p->bias + first), wasm_v128_load(p->bias + first + 4)},
                         {wasm_v128_load(p->multiplier + first), wasm_v128_load(p->multiplier + first + 4)},
                         wasm_f32x4_splat(p->to.lo),
                         wasm_f32x4_splat(p->to.hi),
                         wasm_i16x8_splat((int16_t)p->to.zero_point)};
    return f;
}

ALWAYS v128_t scaled(const struct finisher *f, v128_t sum, int32_t half) {
    return clamp4(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), f->multiplier[half]), f->lo, f->hi);
}

/* Eight codes as the low octets of int16. */
ALWAYS v128_t codes8(const struct finisher *f, const v128_t sum[2]) {
    v128_t pair = wasm_i16x8_narrow_i32x4(round4(scaled(f, sum[0], 0)), round4(scaled(f, sum[1], 1)));
    return wasm_v128_and(wasm_i16x8_add(pair, f->zero_point), wasm_i16x8_splat(0xFF));
}

/* Four octets a place, or one: the first `count` of eight that were stored aside. */
static void copy_out(const struct epilogue *to, int32_t at, const v128_t *from, int32_t count) {
    if (to->kind == CODES)
        for (int32_t j = 0; j < count; j++)
            ((uint8_t *)to->out)[at + j] = ((const uint8_t *)from)[j];
    else
        for (int32_t j = 0; j < count; j++)
            ((int32_t *)to->out)[at + j] = ((const int32_t *)from)[j];
}

/* Scales, rounds and stores the sums of some rows and one strip. */
static __attribute__((noinline)) void finish_any(const struct product *p, const v128_t (*sums)[2], const int32_t *row_sums,
                                                 int32_t rows, int32_t first, int32_t at, int32_t stride) {
    const struct epilogue *to = &p->to;
    struct finisher f = finisher_of(p, first);
    int32_t columns = p->columns - first < STRIP ? p->columns - first : STRIP;
    for (int32_t r = 0; r < rows; r++, at += stride) {
        v128_t result[2] = {sums[r][0], sums[r][1]};
        for (int32_t half = 0; p->shift && half < 2; half++)
            result[half] = wasm_i32x4_add(result[half], wasm_i32x4_mul(wasm_i32x4_splat(row_sums[r]),
                                          wasm_v128_load(p->shift + first + 4 * half)));
        if (to->kind == CODES)
            result[0] = wasm_u8x16_narrow_i16x8(codes8(&f, result), codes8(&f, result));
        else if (to->kind == FLOATS)
            for (int32_t half = 0; half < 2; half++)
                result[half] = scaled(&f, result[half], half);
        copy_out(to, at, result, columns);
    }
}

/* The same for codes, where nothing is left to be shifted and the strip is whole. */
ALWAYS void finish_codes(const struct finisher *f, const v128_t (*sum)[2], int32_t rows, uint8_t *out, int32_t stride) {
    int32_t r = 0;
    for (; r + 2 <= rows; r += 2, out += 2 * stride) {
        v128_t octets = wasm_u8x16_narrow_i16x8(codes8(f, sum[r]), codes8(f, sum[r + 1]));
        wasm_v128_store64_lane(out, octets, 0);
        wasm_v128_store64_lane(out + stride, octets, 1);
    }
    if (r < rows) {
        v128_t codes = codes8(f, sum[r]);
        wasm_v128_store64_lane(out, wasm_u8x16_narrow_i16x8(codes, codes), 0);
    }
}

/* The sums of `rows` rows and one strip. `rows` is a constant wherever this is used. The loop is not unrolled: V8 does
 * that itself, and does worse with what is unrolled already. */
ALWAYS void multiply_tile(const uint8_t *values, int32_t stride, int32_t steps, const uint8_t *weights,
                          const v128_t bias[2], int32_t rows, v128_t (*sum)[2]) {
    const uint8_t *line[TILE_ROWS];
    for (int32_t r = 0; r < rows; r++) {
        line[r] = values + r * stride;
        sum[r][0] = bias[0];
        sum[r][1] = bias[1];
    }
#pragma clang loop unroll(disable)
    for (int32_t k = 0; k < steps; k++, weights += STRIP * STEP) {
        v128_t b0 = wasm_v128_load(weights), b1 = wasm_v128_load(weights + 16);
        for (int32_t r = 0; r < rows; r++, line[r - 1] += STEP) {
            v128_t a = wasm_v128_load32_splat(line[r]);
            sum[r][0] = add_products(sum[r][0], a, b0);
            sum[r][1] = add_products(sum[r][1], a, b1);
        }
    }
}

/* Where a strip of a panel is multiplied: what stays the same from tile to tile. */
struct strip {
    const struct panel *a;
    const struct product *p;
    const int32_t *row_sums;
    const uint8_t *weights;
    int32_t first, at, stride, plain; /* plain: finish_codes will do */
};

ALWAYS void multiply_rows(const struct strip *s, const struct finisher *f, int32_t row, int32_t rows) {
    v128_t sum[TILE_ROWS][2];
    int32_t at = s->at + row * s->stride;
    multiply_tile(s->a->values + row * s->a->stride, s->a->stride, s->a->steps, s->weights, f->bias, rows, sum);
    if (s->plain) {
        finish_codes(f, (const v128_t(*)[2])sum, rows, (uint8_t *)s->p->to.out + at, s->stride);
        return;
    }
    v128_t kept[TILE_ROWS][2];
    for (int32_t r = 0; r < rows; r++) {
        kept[r][0] = sum[r][0];
        kept[r][1] = sum[r][1];
    }
    finish_any(s->p, (const v128_t(*)[2])kept, s->row_sums + row, rows, s->first, at, s->stride);
}

static void multiply_strip(const struct strip *s) {
    struct finisher f = finisher_of(s->p, s->first);
    int32_t rows = s->a->rows, row = 0;
    for (; row + TILE_ROWS <= rows; row += TILE_ROWS)
        multiply_rows(s, &f, row, TILE_ROWS);
    switch (rows - row) {
    case 1: multiply_rows(s, &f, row, 1); return;
    case 2: multiply_rows(s, &f, row, 2); return;
    case 3: multiply_rows(s, &f, row, 3); return;
#if defined(__wasm_relaxed_simd__)
    case 4: multiply_rows(s, &f, row, 4); return;
    case 5: multiply_rows(s, &f, row, 5); return;
#endif
    }
}

/* One row times two strips, even and odd steps in sums of their own, so that few wait for each other. */
static void multiply_row(const uint8_t *values, int32_t steps, const uint8_t *weights, const int32_t *bias,
                         v128_t (*to)[2]) {
    const uint8_t *second = weights + steps * STRIP * STEP;
    v128_t sum[4], odd[4];
    for (int32_t i = 0; i < 4; i++) {
        sum[i] = wasm_v128_load(bias + 4 * i);
        odd[i] = wasm_i32x4_splat(0);
    }
    int32_t k = 0;
    for (; k + 2 <= steps; k += 2, weights += 64, second += 64) {
        v128_t a = wasm_v128_load32_splat(values + k * STEP), b = wasm_v128_load32_splat(values + k * STEP + STEP);
        for (int32_t i = 0; i < 2; i++) {
            sum[i] = add_products(sum[i], a, wasm_v128_load(weights + 16 * i));
            sum[2 + i] = add_products(sum[2 + i], a, wasm_v128_load(second + 16 * i));
            odd[i] = add_products(odd[i], b, wasm_v128_load(weights + 32 + 16 * i));
            odd[2 + i] = add_products(odd[2 + i], b, wasm_v128_load(second + 32 + 16 * i));
        }
    }
    if (k < steps) {
        v128_t a = wasm_v128_load32_splat(values + k * STEP);
        for (int32_t i = 0; i < 2; i++) {
            sum[i] = add_products(sum[i], a, wasm_v128_load(weights + 16 * i));
            sum[2 + i] = add_products(sum[2 + i], a, wasm_v128_load(second + 16 * i));
        }
    }
    for (int32_t i = 0; i < 4; i++)
        to[i / 2][i % 2] = wasm_i32x4_add(sum[i], odd[i]);
}

void multiply_panel(const struct panel *a, const struct product *p, int32_t at, int32_t stride) {
    int32_t row_sums[BLOCK_ROWS], size = a->steps * STRIP * STEP, j = 0;
    if (p->shift)
        sum_rows(a, row_sums);
    struct strip s = {a, p, row_sums, p->weights, 0, at, stride, 0};
    if (a->rows == 1)
        for (v128_t sums[2][2]; j + STRIP < p->columns; j += 2 * STRIP, s.weights += 2 * size) {
            multiply_row(a->values, a->steps, s.weights, p->bias + j, sums);
            finish_any(p, (const v128_t(*)[2])sums, row_sums, 1, j, at + j, stride);
            finish_any(p, (const v128_t(*)[2])sums + 1, row_sums, 1, j + STRIP, at + j + STRIP, stride);
        }
    for (; j < p->columns; j += STRIP, s.weights += size) {
        s.first = j;
        s.at = at + j;
        s.plain = p->to.kind == CODES && !p->shift && j + STRIP <= p->columns;
        multiply_strip(&s);
    }
}

/* For each of `batch` matrices: codes [rows][depth] times its packed weights, through the epilogue, to out
 * [rows][columns]. `weights`, `bias` and `shift` of all of them lie one after another if there are `matrices` of
 * them, or are the same for all if that is 1; `multiplier` is always the same. */
struct gemm_s8_args {
    const uint8_t *codes;
    int32_t batch, rows, depth, matrices;
    struct source source;
    struct product product;
    uint8_t *scratch; /* [BLOCK_ROWS][steps][STEP] */
};

/* Where every shift is 0, as symmetric weights have it, no row has to be summed. */
static const int32_t *needed(const int32_t *shift, int32_t columns) {
    int32_t any = 0;
    for (int32_t j = 0; shift && j < columns; j++)
        any |= shift[j];
    return any ? shift : 0;
}

static struct panel rows_of(const struct gemm_s8_args *a, int32_t row, int32_t rows) {
    const uint8_t *codes = a->codes + row * a->depth;
    struct panel made = {a->scratch, rows, steps_of(a->depth) * STEP, steps_of(a->depth)};
#if defined(__wasm_relaxed_simd__)
    if (a->source.flip == 0 && made.stride == a->depth) {
        made.values = codes; /* they are what the tiles take */
        return made;
    }
#endif
    if (value_bytes(a->depth) == made.stride) { /* nothing between the rows */
        put_values(codes, rows * a->depth, &a->source, a->scratch);
        return made;
    }
    for (int32_t r = 0; r < rows; r++) {
        uint8_t *to = a->scratch + r * made.stride;
        end_row(put_values(codes + r * a->depth, a->depth, &a->source, to), to + made.stride);
    }
    return made;
}

KERNEL(k_gemm_s8) {
    const struct gemm_s8_args *a = (const void *)args;
    int32_t padded = strips_of(a->product.columns) * STRIP;
    for (int32_t n = 0; n < a->batch; n++) {
        struct product p = a->product;
        int32_t matrix = a->matrices == 1 ? 0 : n;
        p.weights += matrix * packed_size(a->depth, p.columns);
        p.bias += matrix * padded;
        p.shift = needed(p.shift ? p.shift + matrix * padded : 0, padded);
        for (int32_t row = 0; row < a->rows; row += BLOCK_ROWS) {
            int32_t rows = a->rows - row < BLOCK_ROWS ? a->rows - row : BLOCK_ROWS;
            struct panel panel = rows_of(a, n * a->rows + row, rows);
            multiply_panel(&panel, &p, (n * a->rows + row) * p.columns, p.columns);
        }
    }
}
