#include "gemm_f32.h"

/* out = clamp(x [rows][depth] * weights [depth][columns] * alpha + bias, lo, hi) in float32: see gemm_f32.h for the order of
 * the sums. There is one matrix of weights for all of the batch, or one for each. They are packed; or they are as NumPy has
 * them, [depth][columns], and then packed strip by strip on the way unless there are few rows. */
struct gemm_f32_args {
    const float *x; /* [batch][rows][depth] */
    int32_t batch, rows, depth;
    int32_t matrices; /* 1, or as many as the batch */
    int32_t is_packed;
    struct float_product product;
    float *scratch; /* [4][depth][8]; only where weights are not packed */
};

enum { WIDE = 4 * FLOAT_STRIP, WORTH_PACKING = FLOAT_ROWS };

/* No instruction, but the compiler has to finish a row's two sums before it loads the next row's values: see gemm_s8.c.
 * Without it V8 keeps some sums in memory, and a tile takes up to twice as long. */
#define IN_ORDER(a, b) __asm__ volatile("" : "+r"(a), "+r"(b)::"memory")

/* One step of the depth. Of a narrow strip the first four columns are taken. */
ALWAYS void add_step(v128_t (*sum)[2], const float *const *x, int32_t at, const float *w, int32_t rows, int32_t narrow) {
    v128_t b0 = wasm_v128_load(w), b1 = narrow ? b0 : wasm_v128_load(w + 4);
#pragma clang loop unroll(full)
    for (int32_t r = 0; r < rows; r++) {
        v128_t v = wasm_v128_load32_splat(x[r] + at);
        sum[r][0] = wasm_f32x4_add(sum[r][0], wasm_f32x4_mul(v, b0));
        if (narrow)
            continue;
        sum[r][1] = wasm_f32x4_add(sum[r][1], wasm_f32x4_mul(v, b1));
        IN_ORDER(sum[r][0], sum[r][1]);
    }
}

/* Adds a run of values. Four steps share the pointers that they move. */
ALWAYS const float *add_run(v128_t (*sum)[2], const float **x, int32_t steps, const float *w, int32_t rows,
                            int32_t narrow) {
    int32_t k = 0;
#pragma clang loop unroll(disable)
    for (; k + 4 <= steps; k += 4, w += 4 * FLOAT_STRIP) {
#pragma clang loop unroll(full)
        for (int32_t i = 0; i < 4; i++)
            add_step(sum, x, i, w + i * FLOAT_STRIP, rows, narrow);
        for (int32_t r = 0; r < rows; r++)
            x[r] += 4;
    }
#pragma clang loop unroll(disable)
    for (; k < steps; k++, w += FLOAT_STRIP) {
        add_step(sum, x, 0, w, rows, narrow);
        for (int32_t r = 0; r < rows; r++)
            x[r]++;
    }
    return w;
}

/* What a strip is multiplied by, and where its results go. */
struct strip {
    const float *weights, *bias;
    float alpha, lo, hi;
    float *out;
    int32_t stride;
};

/* `rows` rows times one strip, or four columns of it; both are constants wherever this is used. */
ALWAYS void multiply_tile(const float *const *at, const struct runs *runs, const struct strip *s, float *out, int32_t rows,
                          int32_t narrow) {
    v128_t sum[FLOAT_ROWS][2];
    const float *w = s->weights, *x[FLOAT_ROWS];
    for (int32_t r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = wasm_f32x4_splat(0);
    for (int32_t line = 0; line < runs->lines; line++)
        for (int32_t tap = 0; tap < runs->taps; tap++) {
            int32_t start = line * runs->line + tap * runs->tap;
            for (int32_t r = 0; r < rows; r++)
                x[r] = at[r] + start;
            w = add_run(sum, x, runs->steps, w, rows, narrow);
        }
    v128_t alpha = wasm_f32x4_splat(s->alpha), lo = wasm_f32x4_splat(s->lo), hi = wasm_f32x4_splat(s->hi);
    for (int32_t r = 0; r < rows; r++, out += s->stride)
        for (int32_t h = 0; h < (narrow ? 1 : 2); h++) {
            v128_t v = wasm_f32x4_add(wasm_f32x4_mul(sum[r][h], alpha), wasm_v128_load(s->bias + 4 * h));
            wasm_v128_store(out + 4 * h, limit_floats(v, lo, hi));
        }
}

/* multiply_1, multiply_2 ...: a function for each number of rows, which V8 gives its registers one at a time. */
#define TILE(name, rows, narrow)                                                                             \
    static __attribute__((noinline)) void multiply_##name(const float *const *at, const struct runs *runs,   \
                                                          const struct strip *s, float *out) {               \
        multiply_tile(at, runs, s, out, rows, narrow);                                                       \
    }
TILE(1, 1, 0)
TILE(2, 2, 0)
TILE(3, 3, 0)
TILE(4, 4, 0)
TILE(5, 5, 0)
TILE(narrow_5, 5, 1)

static void multiply_strip(const float *const *rows, int32_t count, const struct runs *runs, const struct strip *s,
                           int32_t narrow) {
    int32_t i = 0;
    for (; i + FLOAT_ROWS <= count; i += FLOAT_ROWS)
        (narrow ? multiply_narrow_5 : multiply_5)(rows + i, runs, s, s->out + i * s->stride);
    float *out = s->out + i * s->stride;
    rows += i;
    switch (count - i) {
    case 1: multiply_1(rows, runs, s, out); break;
    case 2: multiply_2(rows, runs, s, out); break;
    case 3: multiply_3(rows, runs, s, out); break;
    case 4: multiply_4(rows, runs, s, out); break;
    }
}

/* One strip, of which `columns` columns are results. */
static void multiply_columns(const float *const *rows, int32_t count, const struct runs *runs, struct strip s,
                             int32_t columns) {
    if (columns >= FLOAT_STRIP) {
        multiply_strip(rows, count, runs, &s, 0);
        return;
    }
    float made[FLOAT_BLOCK * FLOAT_STRIP], *out = s.out;
    int32_t stride = s.stride;
    s.out = made;
    s.stride = FLOAT_STRIP;
    multiply_strip(rows, count, runs, &s, columns <= 4);
    for (int32_t r = 0; r < count; r++)
        for (int32_t j = 0; j < columns; j++)
            out[r * stride + j] = made[r * FLOAT_STRIP + j];
}

static void multiply_packed_row(const float *x, int32_t depth, const struct float_product *p, int32_t at);

void multiply_floats(const float *const *rows, int32_t count, const struct runs *runs, const struct float_product *p,
                     int32_t at, int32_t stride) {
    if (count == 1 && runs->lines == 1 && runs->taps == 1) {
        multiply_packed_row(rows[0], runs->steps, p, at);
        return;
    }
    int32_t size = runs->lines * runs->taps * runs->steps * FLOAT_STRIP;
    struct strip s = {p->weights, p->bias, p->alpha, p->lo, p->hi, p->out + at, stride};
    for (int32_t j = 0; j < p->columns; j += FLOAT_STRIP, s.weights += size, s.bias += FLOAT_STRIP, s.out += FLOAT_STRIP)
        multiply_columns(rows, count, runs, s, p->columns - j);
}

/* One row times 4 * `vectors` columns, a constant wherever this is used. Strips are `strip` values apart, their steps `line`. */
ALWAYS void multiply_row(const float *x, int32_t depth, const struct strip *s, int32_t strip, int32_t line, int32_t vectors,
                         float *out) {
    v128_t sum[WIDE / 4];
    const float *w[WIDE / FLOAT_STRIP];
    for (int32_t h = 0; h < vectors; h++) {
        sum[h] = wasm_f32x4_splat(0);
        w[h / 2] = s->weights + h / 2 * strip;
    }
#pragma clang loop unroll(disable)
    for (int32_t k = 0; k < depth; k++) {
        v128_t value = wasm_v128_load32_splat(x + k);
        for (int32_t h = 0; h < vectors; h++)
            sum[h] = wasm_f32x4_add(sum[h], wasm_f32x4_mul(value, wasm_v128_load(w[h / 2] + h % 2 * 4)));
        for (int32_t h = 0; h < vectors; h += 2)
            w[h / 2] += line;
    }
    v128_t alpha = wasm_f32x4_splat(s->alpha), lo = wasm_f32x4_splat(s->lo), hi = wasm_f32x4_splat(s->hi);
    for (int32_t h = 0; h < vectors; h++) {
        v128_t v = wasm_f32x4_add(wasm_f32x4_mul(sum[h], alpha), wasm_v128_load(s->bias + 4 * h));
        wasm_v128_store(out + 4 * h, limit_floats(v, lo, hi));
    }
}

/* One row times packed strips. */
static void multiply_packed_row(const float *x, int32_t depth, const struct float_product *p, int32_t at) {
    int32_t strip = depth * FLOAT_STRIP, j = 0;
    struct strip s = {p->weights, p->bias, p->alpha, p->lo, p->hi, p->out + at, 0};
    for (; j + WIDE <= p->columns; j += WIDE, s.weights += 4 * strip, s.bias += WIDE)
        multiply_row(x, depth, &s, strip, FLOAT_STRIP, WIDE / 4, s.out + j);
    for (; j < p->columns; j += FLOAT_STRIP, s.weights += strip, s.bias += FLOAT_STRIP) {
        float made[FLOAT_STRIP];
        int32_t columns = p->columns - j < FLOAT_STRIP ? p->columns - j : FLOAT_STRIP;
        multiply_row(x, depth, &s, strip, FLOAT_STRIP, FLOAT_STRIP / 4, made);
        for (int32_t i = 0; i < columns; i++)
            s.out[j + i] = made[i];
    }
}

/* One row times weights that are not packed. */
static void multiply_plain_row(const float *x, int32_t depth, const struct float_product *p, int32_t at) {
    int32_t columns = p->columns, j = 0;
    struct strip s = {p->weights, p->bias, p->alpha, p->lo, p->hi, p->out + at, 0};
    for (; j + WIDE <= columns; j += WIDE, s.weights += WIDE, s.bias += WIDE)
        multiply_row(x, depth, &s, FLOAT_STRIP, columns, WIDE / 4, s.out + j);
    for (; j + FLOAT_STRIP <= columns; j += FLOAT_STRIP, s.weights += FLOAT_STRIP, s.bias += FLOAT_STRIP)
        multiply_row(x, depth, &s, FLOAT_STRIP, columns, FLOAT_STRIP / 4, s.out + j);
    for (; j < columns; j++, s.weights++, s.bias++) {
        float sum = 0;
        for (int32_t k = 0; k < depth; k++)
            sum += x[k] * s.weights[k * columns];
        s.out[j] = limit_float(sum * s.alpha + *s.bias, s.lo, s.hi);
    }
}

/* `columns` columns, up to WIDE, of weights that are not packed as strips, filled with zeros. Cache lines are read whole. */
static void pack_strips(const float *weights, int32_t depth, int32_t line, int32_t columns, float *to) {
    int32_t whole = columns / 4 * 4, end = float_strips(columns) * FLOAT_STRIP;
    for (int32_t k = 0; k < depth; k++, weights += line, to += FLOAT_STRIP) {
        int32_t j = 0;
        for (; j < whole; j += 4)
            wasm_v128_store(to + j / FLOAT_STRIP * depth * FLOAT_STRIP + j % FLOAT_STRIP, wasm_v128_load(weights + j));
        for (; j < end; j++)
            to[j / FLOAT_STRIP * depth * FLOAT_STRIP + j % FLOAT_STRIP] = j < columns ? weights[j] : 0;
    }
}

/* Rows of a matrix from `x` on, up to FLOAT_BLOCK; how many. */
static int32_t begin_rows(const struct gemm_f32_args *a, const float *x, int32_t first, const float **rows) {
    int32_t count = a->rows - first < FLOAT_BLOCK ? a->rows - first : FLOAT_BLOCK;
    for (int32_t r = 0; r < count; r++)
        rows[r] = x + (first + r) * a->depth;
    return count;
}

static void multiply_packed(const struct gemm_f32_args *a, const float *x, const struct float_product *p, int32_t at) {
    struct runs runs = {1, 1, a->depth, 0, 0};
    for (int32_t first = 0; first < a->rows; first += FLOAT_BLOCK) {
        const float *rows[FLOAT_BLOCK];
        int32_t count = begin_rows(a, x, first, rows), stride = a->product.columns;
        multiply_floats(rows, count, &runs, p, at + first * stride, stride);
    }
}

/* Weights that are not packed: a few strips at a time are, for all rows. */
static void multiply_plain(const struct gemm_f32_args *a, const float *x, const struct float_product *p, int32_t at) {
    for (int32_t j = 0; j < p->columns; j += WIDE) {
        struct float_product part = *p;
        part.columns = p->columns - j < WIDE ? p->columns - j : WIDE;
        part.weights = a->scratch;
        part.bias += j;
        pack_strips(p->weights + j, a->depth, p->columns, part.columns, a->scratch);
        multiply_packed(a, x, &part, at + j);
    }
}

static void multiply_matrix(const struct gemm_f32_args *a, const float *x, const struct float_product *p, int32_t at) {
    if (a->is_packed)
        multiply_packed(a, x, p, at);
    else if (a->rows >= WORTH_PACKING)
        multiply_plain(a, x, p, at);
    else
        for (int32_t i = 0; i < a->rows; i++)
            multiply_plain_row(x + i * a->depth, a->depth, p, at + i * p->columns);
}

KERNEL(k_gemm_f32) {
    const struct gemm_f32_args *a = (const void *)args;
    struct float_product p = a->product;
    int32_t columns = a->is_packed ? float_strips(p.columns) * FLOAT_STRIP : p.columns;
    for (int32_t n = 0; n < a->batch; n++) {
        multiply_matrix(a, a->x + n * a->rows * a->depth, &p, n * a->rows * p.columns);
        if (a->matrices > 1)
            p.weights += a->depth * columns;
    }
}
