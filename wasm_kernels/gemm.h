/* What the integer products (gemm_s8.c, conv_s8.c, conv_lines_s8.c) share: how values and weights are laid out, and one tile of a product.
 *
 * Two builds of the same code. Both take four octets of a row of values at a time (a *step*), against 32 octets of
 * weights: the step of eight columns. See pack_weights.c for the layout of weights.
 *
 *   simd128  a step is two int16, their zero-points taken off; |value| <= 255 and |weight| <= 255. i32x4.dot_i16x8_s.
 *   relaxed  a step is four octets; weights are int8. i32x4.relaxed_dot_i8x16_i7x16_add_s, which machines compute in
 *            different ways: those that take values as unsigned (x86 with AVX-VNNI) get all codes as uint8, those that
 *            take them as signed (Arm's sdot) get all as int8. `flip` is 0x80 where a code's sign bit has to be inverted
 *            for that. Values keep their zero-points, whose share of the sums is in the bias and in `shift`. On machines
 *            that compute neither exactly, hosts use the simd128 build (playground/host/kernel_module.py).
 *
 * Sums wrap modulo 2^32, as ONNX's do. */
#ifndef GEMM_H
#define GEMM_H

#include "kernels.h"

#define ALWAYS static inline __attribute__((always_inline))

/* Rows of a tile. Six fill the 15 vector registers of gemm_s8.c; dot_i16x8 also needs some for products that have yet to be
 * added, and reaches its limit with four. */
#if defined(__wasm_relaxed_simd__)
enum { CODE_BYTES = 1, TILE_ROWS = 6 };
#else
enum { CODE_BYTES = 2, TILE_ROWS = 4 };
#endif

enum {
    STEP = 4,                         /* octets of a row that meet 32 octets of weights */
    STEP_CODES = STEP / CODE_BYTES,
    STRIP = 8,                        /* columns that lie together in packed weights */
    BLOCK_ROWS = 24                   /* rows of values that are gathered at a time: tiles of them stay in the cache */
};

/* Where codes come from: rows of one matrix, or images. */
struct source {
    int32_t is_signed, zero_point;
    int32_t flip; /* relaxed only */
};

/* What rows are multiplied by, and what becomes of the sums: v = float(sum + bias + shift * sum of the row's values) *
 * multiplier, through `to`. What k_pack_weights or playground/engines/packing.py made. */
struct product {
    const uint8_t *weights;  /* [columns / 8][steps][8][STEP octets] */
    const int32_t *bias;     /* [columns rounded up to 8] */
    const int32_t *shift;    /* [columns rounded up to 8], relaxed only; or 0 where all of it is 0 */
    const float *multiplier; /* [columns rounded up to 8] */
    /* A row that is added to the codes that the sums become, as one more addition of codes does it; or 0. Then
     * v = round(clamp(v, inner_lo, inner_hi)) * ratio + added goes through `to`, which has to be CODES. */
    const float *added; /* [columns rounded up to 8] */
    float ratio, inner_lo, inner_hi;
    int32_t columns;
    struct epilogue to;
};

/* Rows of values, `stride` octets apart, as the tiles take them. A row lies in one piece, or in `parts` pieces of `steps`
 * steps each, which begin so many octets behind `values`, for the first row. Pieces of different rows may overlap. */
struct panel {
    const uint8_t *values;
    int32_t rows, stride, steps; /* steps of a piece */
    const int32_t *offsets;      /* [parts], or 0: one piece */
    int32_t parts;
};

static inline int32_t steps_of(int32_t depth) { return (depth + STEP_CODES - 1) / STEP_CODES; }

static inline int32_t strips_of(int32_t columns) { return (columns + STRIP - 1) / STRIP; }

/* Octets of the packed weights of one group. */
static inline int32_t packed_size(int32_t depth, int32_t columns) {
    return strips_of(columns) * steps_of(depth) * STRIP * STEP;
}

/* The product of one of several groups, whose packed weights take `size` octets each. */
static inline struct product product_of_group(const struct product *all, int32_t group, int32_t size) {
    struct product p = *all;
    int32_t padded = strips_of(p.columns) * STRIP;
    p.weights += group * size;
    p.bias += group * padded;
    p.shift = p.shift ? p.shift + group * padded : 0;
    p.multiplier += group * padded;
    return p;
}

/* `panel` times the weights; row i of the result goes to to.out[at + i * stride ..]. 1 to BLOCK_ROWS rows. Defined in
 * gemm_s8.c. */
void multiply_panel(const struct panel *panel, const struct product *p, int32_t at, int32_t stride);

/* sum + values * weights: four sums of one step each. */
static inline v128_t add_products(v128_t sum, v128_t values, v128_t weights) {
#if defined(RELAXED_DOT) /* a stand-in for what some machine computes: tests/wasm_kernels/relaxed_dot.h */
    return RELAXED_DOT(weights, values, sum);
#elif defined(__wasm_relaxed_simd__)
    return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(weights, values, sum);
#else
    return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(values, weights));
#endif
}

/* Octets that n values take. */
static inline int32_t value_bytes(int32_t n) { return n * CODE_BYTES; }

/* Eight codes, and four, as values. */
static inline void put8(const uint8_t *codes, const struct source *from, uint8_t *to) {
#if defined(__wasm_relaxed_simd__)
    v128_t flip = wasm_i8x16_splat((int8_t)from->flip);
    wasm_v128_store64_lane(to, wasm_v128_xor(wasm_v128_load64_zero(codes), flip), 0);
#else
    wasm_v128_store(to, load8(codes, from->is_signed, wasm_i16x8_splat((int16_t)from->zero_point)));
#endif
}

static inline void put4(const uint8_t *codes, const struct source *from, uint8_t *to) {
    v128_t four = wasm_v128_load32_zero(codes);
#if defined(__wasm_relaxed_simd__)
    wasm_v128_store32_lane(to, wasm_v128_xor(four, wasm_i8x16_splat((int8_t)from->flip)), 0);
#else
    v128_t wide = from->is_signed ? wasm_i16x8_extend_low_i8x16(four) : wasm_u16x8_extend_low_u8x16(four);
    wasm_v128_store64_lane(to, wasm_i16x8_sub(wide, wasm_i16x8_splat((int16_t)from->zero_point)), 0);
#endif
}

/* n codes as values; gives where the next ones go. What is left of a vector takes the last ones of those before along. */
static inline uint8_t *put_values(const uint8_t *codes, int32_t n, const struct source *from, uint8_t *to) {
    int32_t i = 0;
    if (n >= 8) {
#if defined(__wasm_relaxed_simd__)
        for (v128_t flip = wasm_i8x16_splat((int8_t)from->flip); i + 16 <= n; i += 16)
            wasm_v128_store(to + i, wasm_v128_xor(wasm_v128_load(codes + i), flip));
#endif
        for (; i + 8 <= n; i += 8)
            put8(codes + i, from, to + value_bytes(i));
        if (i < n)
            put8(codes + n - 8, from, to + value_bytes(n - 8));
    } else if (n >= 4) {
        put4(codes, from, to);
        put4(codes + n - 4, from, to + value_bytes(n - 4));
    } else {
        for (; i < n; i++)
#if defined(__wasm_relaxed_simd__)
            to[i] = (uint8_t)(codes[i] ^ from->flip);
#else
            ((int16_t *)to)[i] = (int16_t)(code_at(codes, i, from->is_signed) - from->zero_point);
#endif
    }
    return to + value_bytes(n);
}

/* n values that stand for zero, as padding does. */
static inline uint8_t *put_zeros(int32_t n, const struct source *from, uint8_t *to) {
#if defined(__wasm_relaxed_simd__)
    uint8_t zero = (uint8_t)(from->zero_point ^ from->flip);
#else
    uint8_t zero = 0;
    (void)from;
#endif
    uint8_t *end = to + value_bytes(n);
    for (; to + 16 <= end; to += 16)
        wasm_v128_store(to, wasm_i8x16_splat((int8_t)zero));
    for (; to < end; to++)
        *to = zero;
    return end;
}

/* Fills what is left of a row's last step. It meets weights of zero; octets of zero keep it out of the row's sum too. */
static inline void end_row(uint8_t *to, const uint8_t *end) {
    for (; to < end; to++)
        *to = 0;
}

#endif
