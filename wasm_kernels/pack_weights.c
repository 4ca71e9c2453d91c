#include "gemm.h"

/* Packs matrices of codes [matrices][depth][columns] into [matrices][columns / 8][steps][8][STEP octets], rounded up and
 * filled with zeros, for products whose second operand is known only when they run (attention). `depth_stride` and
 * `column_stride` say how far a matrix's elements are apart: a transposed one needs no copy.
 *
 * simd128 takes zero-points off. relaxed makes all codes int8 and keeps zero-points; with values v (see gemm.h), their
 * zero-point zv, weights w and their zero-point zw, both as they are then,
 *
 *     sum((v - zv) * (w - zw)) = sum(v * w) - zw * sum(v) - zv * sum(w) + depth * zv * zw
 *
 * so `shift` is -zw, and `folded` takes the last two terms into the bias. simd128 copies the bias and sets shift to 0. */
struct pack_weights_args {
    const uint8_t *codes;
    int32_t is_signed;
    const int32_t *zero_point; /* [matrices][columns] */
    int32_t matrices, depth, columns, depth_stride, column_stride;
    int32_t value_zero_point; /* zv; relaxed only */
    const int32_t *bias;      /* [columns] */
    uint8_t *packed;
    int32_t *folded, *shift;  /* [matrices][columns rounded up to 8] */
};

#if defined(__wasm_relaxed_simd__)
enum { SIGN = 0x80, KEEPS_ZERO_POINTS = 1 };
#else
enum { SIGN = 0, KEEPS_ZERO_POINTS = 0 };
#endif

static inline void put_weight(uint8_t *to, const struct pack_weights_args *a, int32_t at, int32_t zero_point) {
#if defined(__wasm_relaxed_simd__)
    (void)zero_point;
    *to = (uint8_t)(a->codes[at] ^ (a->is_signed ? 0 : SIGN));
#else
    *(int16_t *)to = (int16_t)(code_at(a->codes, at, a->is_signed) - zero_point);
#endif
}

/* One step of one column, from element `at` of the codes on; `inside` of it lies in the matrix. */
static inline void pack_step(const struct pack_weights_args *a, int32_t at, int32_t inside, int32_t zero_point, uint8_t *to) {
    for (int32_t d = 0; d < inside; d++)
        put_weight(to + d * CODE_BYTES, a, at + d * a->depth_stride, zero_point);
}

/* A whole step of a whole strip whose columns lie side by side: rows of the matrix are interleaved. */
static inline void pack_strip_step(const struct pack_weights_args *a, int32_t at, const int32_t *zero_point, uint8_t *to) {
    const uint8_t *codes = a->codes + at;
    int32_t line = a->depth_stride;
#if defined(__wasm_relaxed_simd__)
    (void)zero_point;
    v128_t flip = wasm_i8x16_splat((int8_t)(a->is_signed ? 0 : SIGN));
    v128_t r01 = wasm_v128_load64_lane(codes + line, wasm_v128_load64_zero(codes), 1);
    v128_t r23 = wasm_v128_load64_lane(codes + 3 * line, wasm_v128_load64_zero(codes + 2 * line), 1);
    r01 = wasm_v128_xor(wasm_i8x16_shuffle(r01, r01, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15), flip);
    r23 = wasm_v128_xor(wasm_i8x16_shuffle(r23, r23, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15), flip);
    wasm_v128_store(to, wasm_i16x8_shuffle(r01, r23, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 16, wasm_i16x8_shuffle(r01, r23, 4, 12, 5, 13, 6, 14, 7, 15));
#else
    v128_t zeros = wasm_i16x8_narrow_i32x4(wasm_v128_load(zero_point), wasm_v128_load(zero_point + 4));
    v128_t r0 = load8(codes, a->is_signed, zeros), r1 = load8(codes + line, a->is_signed, zeros);
    wasm_v128_store(to, wasm_i16x8_shuffle(r0, r1, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 16, wasm_i16x8_shuffle(r0, r1, 4, 12, 5, 13, 6, 14, 7, 15));
#endif
}

static void pack_strip(const struct pack_weights_args *a, int32_t matrix, int32_t first, const int32_t *zero_point,
                       uint8_t *to) {
    int32_t columns = a->columns - first < STRIP ? a->columns - first : STRIP;
    int32_t start = matrix * a->depth * a->columns + first * a->column_stride;
    int32_t side_by_side = columns == STRIP && a->column_stride == 1;
    __builtin_memset(to, 0, (uint32_t)(steps_of(a->depth) * STRIP * STEP));
    for (int32_t k = 0; k < a->depth; k += STEP_CODES, to += STRIP * STEP) {
        int32_t inside = a->depth - k < STEP_CODES ? a->depth - k : STEP_CODES, at = start + k * a->depth_stride;
        if (side_by_side && inside == STEP_CODES)
            pack_strip_step(a, at, zero_point, to);
        else
            for (int32_t j = 0; j < columns; j++)
                pack_step(a, at + j * a->column_stride, inside, zero_point[j], to + j * STEP);
    }
}

/* What the zero-points of one strip add to its sums: see above. */
static void fold(const struct pack_weights_args *a, int32_t first, const int32_t *zero_point, const uint8_t *packed,
                 int32_t *folded, int32_t *shift) {
    int32_t columns = a->columns - first < STRIP ? a->columns - first : STRIP;
    uint32_t sums[STRIP] = {0};
#if defined(__wasm_relaxed_simd__)
    v128_t one = wasm_i8x16_splat(1), sum[2] = {wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
    for (int32_t k = 0; k < steps_of(a->depth); k++)
        for (int32_t half = 0; half < 2; half++)
            sum[half] = add_products(sum[half], one, wasm_v128_load(packed + k * STRIP * STEP + 16 * half));
    wasm_v128_store(sums, sum[0]);
    wasm_v128_store(sums + 4, sum[1]);
#else
    (void)packed;
#endif
    for (int32_t j = 0; j < STRIP; j++) {
        int32_t inside = j < columns;
        uint32_t zv = KEEPS_ZERO_POINTS ? (uint32_t)a->value_zero_point : 0, zw = 0;
        if (inside & KEEPS_ZERO_POINTS)
            zw = (uint32_t)(zero_point[j] - (a->is_signed ? 0 : SIGN));
        uint32_t bias = inside ? (uint32_t)a->bias[first + j] : 0;
        folded[j] = (int32_t)(bias - zv * sums[j] + (uint32_t)a->depth * zv * zw);
        shift[j] = (int32_t)-zw;
    }
}

KERNEL(k_pack_weights) {
    const struct pack_weights_args *a = (const void *)args;
    int32_t strip = 0, size = steps_of(a->depth) * STRIP * STEP;
    for (int32_t m = 0; m < a->matrices; m++)
        for (int32_t first = 0; first < a->columns; first += STRIP, strip++) {
            const int32_t *zero_point = a->zero_point + m * a->columns + first;
            uint8_t *to = a->packed + strip * size;
            pack_strip(a, m, first, zero_point, to);
            fold(a, first, zero_point, to, a->folded + strip * STRIP, a->shift + strip * STRIP);
        }
}
