#include "gemm_results.h"

/* Integer matrix product. A tile is at most TILE_ROWS x 8 sums, which stay in registers over the whole depth; single rows
 * take 16 columns at a time. A strip of weights and a tile's rows stay in the first-level cache.
 *
 * The code below is shaped by V8, which has 15 vector registers on x86 and gives them out one function at a time, in the
 * order of the module. It keeps a tile's sums in them only where
 *   - a row's two products follow the load of its values at once (IN_ORDER);
 *   - the tile is a function of its own that writes its sums to memory (TILES): beside an epilogue some sums are spilled;
 *   - the loop over rows is unrolled by the compiler, and the loop over the depth is not: V8 does that itself. */

/* No instruction, but the compiler has to finish a row's two sums before it loads the next row's values. Six rows then
 * need 12 sums, 2 vectors of weights and 1 of values: all 15 registers. Left alone, LLVM puts one column's products behind
 * the loads of all rows, which is five vectors too many: as many sums go through memory on every step, and half the speed
 * is lost. Without AVX-VNNI that cannot be timed, so `build.py check` looks at the order itself. */
#define IN_ORDER(a, b) __asm__ volatile("" : "+r"(a), "+r"(b)::"memory")

/* The sums of up to BLOCK_ROWS rows' values; only needed where p->shift is given. */
static void sum_rows(const struct panel *a, int32_t *sums) {
    v128_t one = wasm_i8x16_splat(1);
    for (int32_t r = 0; r < a->rows; r++) {
        v128_t sum = wasm_i32x4_splat(0);
        for (int32_t part = 0; part < a->parts; part++) {
            const uint8_t *values = a->values + (a->offsets ? a->offsets[part] : 0) + r * a->stride;
            int32_t i = 0, n = a->steps * STEP;
            for (; i + 16 <= n; i += 16)
                sum = add_products(sum, wasm_v128_load(values + i), one);
            for (; i < n; i += STEP)
                sum = add_products(sum, wasm_v128_load32_zero(values + i), one);
        }
        /* as vectors, since these wrap where int32_t must not overflow */
        sum = wasm_i32x4_add(sum, wasm_i32x4_shuffle(sum, sum, 2, 3, 0, 1));
        sum = wasm_i32x4_add(sum, wasm_i32x4_shuffle(sum, sum, 1, 0, 3, 2));
        sums[r] = wasm_i32x4_extract_lane(sum, 0);
    }
}

/* Adds to the sums of one strip: the sum of each row's values times the shift of each column. */
static __attribute__((noinline)) void shift_sums(const struct product *p, int32_t first, const int32_t *row_sums,
                                                 int32_t rows, v128_t (*sums)[2]) {
    v128_t shift0 = wasm_v128_load(p->shift + first), shift1 = wasm_v128_load(p->shift + first + 4);
    for (int32_t r = 0; r < rows; r++) {
        v128_t row = wasm_v128_load32_splat(row_sums + r);
        sums[r][0] = wasm_i32x4_add(sums[r][0], wasm_i32x4_mul(row, shift0));
        sums[r][1] = wasm_i32x4_add(sums[r][1], wasm_i32x4_mul(row, shift1));
    }
}

/* The loop over the depth. Counted upwards the compiler's loop is one instruction shorter, and then V8 finds that of simd128
 * small enough to unroll, which makes whole products 6 % faster. That of relaxed is too large for it in either form; this
 * is the one that was timed on AVX-VNNI. */
#if defined(__wasm_relaxed_simd__)
#define EACH_STEP(k, steps) for (int32_t k = steps; k > 0; k--)
#else
#define EACH_STEP(k, steps) for (int32_t k = 0; k < steps; k++)
#endif

/* The sums of `tiles` tiles of `rows` rows each and one strip, from the row `offset` octets behind the first one on, stored
 * to `to`. `rows` and `in_parts` are constants wherever this is used. Bias is loaded for each tile, since it would take two
 * registers from the loop over the depth. */
ALWAYS void multiply_tiles(const struct panel *a, int32_t offset, int32_t tiles, const uint8_t *weights,
                           const int32_t *bias, int32_t rows, int32_t in_parts, v128_t (*to)[2]) {
    int32_t stride = a->stride, steps = a->steps;
#pragma clang loop unroll(disable)
    for (; tiles > 0; tiles--, offset += rows * stride, to += rows) {
        const uint8_t *w = weights;
        v128_t sum[TILE_ROWS][2], bias0 = wasm_v128_load(bias), bias1 = wasm_v128_load(bias + 4);
        for (int32_t r = 0; r < rows; r++) {
            sum[r][0] = bias0;
            sum[r][1] = bias1;
        }
#pragma clang loop unroll(disable)
        for (int32_t part = 0; part < (in_parts ? a->parts : 1); part++) {
            const uint8_t *x = a->values + (in_parts ? a->offsets[part] : 0) + offset;
#pragma clang loop unroll(disable)
            EACH_STEP(k, steps) {
                v128_t b0 = wasm_v128_load(w), b1 = wasm_v128_load(w + 16);
                const uint8_t *line = x;
#pragma clang loop unroll(full)
                for (int32_t r = 0; r < rows; r++, line += stride) {
                    v128_t v = wasm_v128_load32_splat(line);
                    sum[r][0] = add_products(sum[r][0], v, b0);
                    sum[r][1] = add_products(sum[r][1], v, b1);
                    IN_ORDER(sum[r][0], sum[r][1]);
                }
                w += STRIP * STEP;
                x += STEP;
            }
        }
        for (int32_t r = 0; r < rows; r++) {
            to[r][0] = sum[r][0];
            to[r][1] = sum[r][1];
        }
    }
}

/* multiply_1, multiply_2 ...: a function for each number of rows; multiply_lines_1 ... for rows in several pieces. */
#define TILES(name, rows, in_parts)                                                                                   \
    static __attribute__((noinline)) void name##rows(const struct panel *a, int32_t offset, int32_t tiles,            \
                                                     const uint8_t *weights, const int32_t *bias, v128_t (*to)[2]) {  \
        multiply_tiles(a, offset, tiles, weights, bias, rows, in_parts, to);                                          \
    }
#define BOTH_TILES(rows)     \
    TILES(multiply_, rows, 0) \
    TILES(multiply_lines_, rows, 1)
BOTH_TILES(1)
BOTH_TILES(2)
BOTH_TILES(3)
BOTH_TILES(4)
#if defined(__wasm_relaxed_simd__)
BOTH_TILES(5)
BOTH_TILES(6)
#endif

#define ROWS(number)                                                            \
    case number:                                                                \
        if (a->offsets)                                                           \
            multiply_lines_##number(a, offset, tiles, weights, bias, to);       \
        else                                                                    \
            multiply_##number(a, offset, tiles, weights, bias, to);             \
        break;

static void multiply_some(const struct panel *a, int32_t offset, int32_t rows, int32_t tiles, const uint8_t *weights,
                          const int32_t *bias, v128_t (*to)[2]) {
    switch (rows) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(4)
#if defined(__wasm_relaxed_simd__)
        ROWS(5)
        ROWS(6)
#endif
    }
}

/* A panel times one strip, in `tiles` tiles of `rows` rows or one more. Rows are shared out evenly, because a tile of one
 * or two rows has so few sums that each product waits for the one before it. */
static void multiply_strip(const struct panel *a, int32_t tiles, int32_t rows, const uint8_t *weights,
                           const int32_t *bias, v128_t (*sums)[2]) {
    int32_t larger = a->rows - rows * tiles, done = larger * (rows + 1);
    if (larger)
        multiply_some(a, 0, rows + 1, larger, weights, bias, sums);
    multiply_some(a, done * a->stride, rows, tiles - larger, weights, bias, sums + done);
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

/* Stores the results of one strip, whose sums these are. */
static void finish_strip(const struct panel *a, const struct product *p, v128_t (*sums)[2], const int32_t *row_sums,
                         int32_t j, int32_t at, int32_t stride) {
    if (p->shift)
        shift_sums(p, j, row_sums, a->rows, sums);
    if (p->added)
        finish_added(p, (const v128_t(*)[2])sums, a->rows, j, at + j, stride);
    else if (p->to.kind == CODES && j + STRIP <= p->columns)
        finish_codes(p, (const v128_t(*)[2])sums, a->rows, j, at + j, stride);
    else
        finish_any(p, (const v128_t(*)[2])sums, a->rows, j, at + j, stride);
}

void multiply_panel(const struct panel *a, const struct product *p, int32_t at, int32_t stride) {
    int32_t row_sums[BLOCK_ROWS], size = a->parts * a->steps * STRIP * STEP, j = 0;
    int32_t tiles = (a->rows + TILE_ROWS - 1) / TILE_ROWS, rows = a->rows / tiles;
    const uint8_t *weights = p->weights;
    v128_t sums[BLOCK_ROWS][2];
    if (p->shift)
        sum_rows(a, row_sums);
    if (a->rows == 1 && !a->offsets)
        for (; j + STRIP < p->columns; j += 2 * STRIP, weights += 2 * size) {
            multiply_row(a->values, a->steps, weights, p->bias + j, sums);
            finish_strip(a, p, sums, row_sums, j, at, stride);
            finish_strip(a, p, sums + 1, row_sums, j + STRIP, at, stride);
        }
    for (; j < p->columns; j += STRIP, weights += size) {
        multiply_strip(a, tiles, rows, weights, p->bias + j, sums);
        finish_strip(a, p, sums, row_sums, j, at, stride);
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
    struct panel made = {a->scratch, rows, steps_of(a->depth) * STEP, steps_of(a->depth), 0, 1};
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
