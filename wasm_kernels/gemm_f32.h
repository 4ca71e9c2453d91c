/* What the float32 products (gemm_f32.c, conv_f32.c, ...) share: how weights lie, and one tile of a product.
 *
 * Every element of a result is summed over depth in order from 0, each product rounded before it is added: nothing is fused
 * and no sum is split, so the bits are those of the same loop in NumPy, in every build. */
#ifndef GEMM_F32_H
#define GEMM_F32_H

#include "kernels.h"

#define ALWAYS static inline __attribute__((always_inline))

/* Five rows of eight columns: 10 sums, 2 vectors of weights, 1 of values and 1 product of the 15 registers that V8 has. */
enum {
    FLOAT_STRIP = 8,
    FLOAT_ROWS = 5,
    FLOAT_BLOCK = 60 /* rows that go past a strip of weights before the next strip is taken */
};

/* What rows are multiplied by, and what becomes of a sum: clamp(sum * alpha + bias, lo, hi). A clamp keeps NaN. */
struct float_product {
    const float *weights; /* [columns / 8][depth][8], rounded up and filled with zeros */
    const float *bias;    /* [columns rounded up to 8] */
    int32_t columns;
    float alpha, lo, hi;
    float *out;
};

/* Where a row's values lie: `lines` times `taps` runs of `steps` values, so many values apart. A row of a matrix is one run. */
struct runs {
    int32_t lines, taps, steps, line, tap;
};

static inline float limit_float(float v, float lo, float hi) {
    v = v < lo ? lo : v;
    return hi < v ? hi : v;
}

static inline v128_t limit_floats(v128_t v, v128_t lo, v128_t hi) {
    return wasm_f32x4_pmin(wasm_f32x4_pmax(v, lo), hi);
}

static inline int32_t float_strips(int32_t columns) { return (columns + FLOAT_STRIP - 1) / FLOAT_STRIP; }

/* `count` rows (1 to FLOAT_BLOCK) that begin at `rows` times all columns; row i of the result goes to
 * p->out[at + i * stride ..]. Defined in gemm_f32.c. */
void multiply_floats(const float *const *rows, int32_t count, const struct runs *runs, const struct float_product *p,
                     int32_t at, int32_t stride);

#endif
