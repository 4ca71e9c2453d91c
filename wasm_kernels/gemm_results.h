/* What becomes of the sums of integer products (gemm_s8.c): codes, floats or the sums themselves. Both functions that store
 * them are kept out of the tiles, where their constants would take registers from the sums. */
#ifndef GEMM_RESULTS_H
#define GEMM_RESULTS_H

#include "gemm.h"

/* What the codes of one strip have in common. A scaled sum plus `magic` (1.5 * 2^23) is a float whose low bits are the
 * rounded value: see round4. Such floats are clamped as integers, with fewer instructions and the same result: rounding is
 * monotonic, so it may come before clamping to the rounded limits, and the bits of floats are in the order of the floats.
 * That includes sums too large for the trick, infinity, and negative floats, whose bits are negative integers. Only NaN
 * would differ; hosts let no multiplier through that is not finite, and limits only where all between them are codes. */
struct coder {
    v128_t multiplier[2];
    v128_t magic;
    v128_t lo;     /* int32: the bits of magic + rounded lo */
    v128_t offset; /* int32: what is subtracted from the bits to leave a code */
    v128_t hi;     /* int16: the largest code */
    v128_t low;    /* int16: 0xFF */
};

/* A constant that the engine keeps in a register. One that it can see inside a loop V8 makes anew in each iteration. */
ALWAYS v128_t kept(v128_t constant) {
    __asm__("" : "+r"(constant));
    return constant;
}

ALWAYS v128_t rounded_limit(float limit) {
    return wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(wasm_f32x4_splat(limit)));
}

ALWAYS struct coder coder_of(const struct product *p, int32_t first) {
    v128_t bits = wasm_i32x4_splat(0x4B400000), zero_point = wasm_i32x4_splat(p->to.zero_point);
    v128_t hi = wasm_i32x4_add(rounded_limit(p->to.hi), zero_point);
    struct coder c = {{wasm_v128_load(p->multiplier + first), wasm_v128_load(p->multiplier + first + 4)},
                      kept(wasm_f32x4_splat(12582912.0f)),
                      wasm_i32x4_add(bits, rounded_limit(p->to.lo)),
                      wasm_i32x4_sub(bits, zero_point),
                      wasm_i16x8_narrow_i32x4(hi, hi),
                      kept(wasm_i16x8_splat(0xFF))};
    return c;
}

ALWAYS v128_t scaled(const struct coder *c, v128_t sum, int32_t half) {
    return wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), c->multiplier[half]);
}

ALWAYS v128_t code4(const struct coder *c, v128_t sum, int32_t half) {
    v128_t v = wasm_f32x4_add(scaled(c, sum, half), c->magic);
    return wasm_i32x4_sub(wasm_i32x4_max(v, c->lo), c->offset);
}

/* Eight codes as the low octets of int16. Narrowing saturates, so what is too large is still so for `hi`. */
ALWAYS v128_t codes8(const struct coder *c, const v128_t sum[2]) {
    v128_t codes = wasm_i16x8_narrow_i32x4(code4(c, sum[0], 0), code4(c, sum[1], 1));
    return wasm_v128_and(wasm_i16x8_min(codes, c->hi), c->low);
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
static __attribute__((noinline)) void finish_any(const struct product *p, const v128_t (*sums)[2], int32_t rows,
                                                 int32_t first, int32_t at, int32_t stride) {
    const struct epilogue *to = &p->to;
    struct coder c = coder_of(p, first);
    v128_t lo = wasm_f32x4_splat(to->lo), hi = wasm_f32x4_splat(to->hi);
    int32_t columns = p->columns - first < STRIP ? p->columns - first : STRIP;
    for (int32_t r = 0; r < rows; r++, at += stride) {
        v128_t result[2] = {sums[r][0], sums[r][1]};
        if (to->kind == CODES)
            result[0] = wasm_u8x16_narrow_i16x8(codes8(&c, sums[r]), codes8(&c, sums[r]));
        else if (to->kind == FLOATS)
            for (int32_t half = 0; half < 2; half++)
                result[half] = clamp4(scaled(&c, sums[r][half], half), lo, hi);
        copy_out(to, at, result, columns);
    }
}

/* The same for codes to which a row is added. Rounded with `magic` as in codes8; clamped, they are small enough for that. */
static __attribute__((noinline)) void finish_added(const struct product *p, const v128_t (*sums)[2], int32_t rows,
                                                   int32_t first, int32_t at, int32_t stride) {
    struct coder c = coder_of(p, first);
    v128_t lo = wasm_f32x4_splat(p->inner_lo), hi = wasm_f32x4_splat(p->inner_hi), ratio = wasm_f32x4_splat(p->ratio);
    int32_t columns = p->columns - first < STRIP ? p->columns - first : STRIP;
    for (int32_t r = 0; r < rows; r++, at += stride) {
        v128_t codes[2], result[2];
        for (int32_t half = 0; half < 2; half++) {
            v128_t v = wasm_f32x4_add(clamp4(scaled(&c, sums[r][half], half), lo, hi), c.magic);
            v = wasm_f32x4_mul(wasm_f32x4_sub(v, c.magic), ratio);
            v = wasm_f32x4_add(wasm_f32x4_add(v, wasm_v128_load(p->added + first + 4 * half)), c.magic);
            codes[half] = wasm_i32x4_sub(wasm_i32x4_max(v, c.lo), c.offset);
        }
        result[0] = wasm_v128_and(wasm_i16x8_min(wasm_i16x8_narrow_i32x4(codes[0], codes[1]), c.hi), c.low);
        result[0] = wasm_u8x16_narrow_i16x8(result[0], result[0]);
        if (columns == STRIP)
            wasm_v128_store64_lane((uint8_t *)p->to.out + at, result[0], 0);
        else
            copy_out(&p->to, at, result, columns);
    }
}

/* The same for codes, where the strip is whole: two rows at a time. */
static __attribute__((noinline)) void finish_codes(const struct product *p, const v128_t (*sums)[2], int32_t rows,
                                                   int32_t first, int32_t at, int32_t stride) {
    struct coder c = coder_of(p, first);
    uint8_t *out = (uint8_t *)p->to.out + at;
#pragma clang loop unroll(disable)
    for (; rows >= 2; rows -= 2, sums += 2, out += 2 * stride) {
        v128_t octets = wasm_u8x16_narrow_i16x8(codes8(&c, sums[0]), codes8(&c, sums[1]));
        wasm_v128_store64_lane(out, octets, 0);
        wasm_v128_store64_lane(out + stride, octets, 1);
    }
    if (rows) {
        v128_t codes = codes8(&c, sums[0]);
        wasm_v128_store64_lane(out, wasm_u8x16_narrow_i16x8(codes, codes), 0);
    }
}

#endif
