#include "kernels.h"

/* v = float(a[i] - za) * ra + float(b[i] - zb) * rb, through the epilogue. */
struct add_args {
    const uint8_t *a, *b;
    int32_t n;
    int32_t a_signed, za, b_signed, zb;
    float ra, rb; /* scale of a (of b) over scale of the output */
    struct epilogue to;
};

static inline v128_t scaled4(v128_t offsets, float ratio) {
    return wasm_f32x4_mul(wasm_f32x4_convert_i32x4(offsets), wasm_f32x4_splat(ratio));
}

static inline v128_t low4(v128_t a, v128_t b, const struct add_args *p) {
    return wasm_f32x4_add(scaled4(wasm_i32x4_extend_low_i16x8(a), p->ra),
                          scaled4(wasm_i32x4_extend_low_i16x8(b), p->rb));
}

static inline v128_t high4(v128_t a, v128_t b, const struct add_args *p) {
    return wasm_f32x4_add(scaled4(wasm_i32x4_extend_high_i16x8(a), p->ra),
                          scaled4(wasm_i32x4_extend_high_i16x8(b), p->rb));
}

KERNEL(k_add_s8) {
    const struct add_args *p = (const void *)args;
    v128_t za = wasm_i16x8_splat((int16_t)p->za), zb = wasm_i16x8_splat((int16_t)p->zb);
    int32_t i = 0;
    for (; i + 8 <= p->n; i += 8) {
        v128_t a = load8(p->a + i, p->a_signed, za), b = load8(p->b + i, p->b_signed, zb);
        finish_values8(&p->to, i, low4(a, b, p), high4(a, b, p));
    }
    for (; i < p->n; i++) {
        float v = (float)(code_at(p->a, i, p->a_signed) - p->za) * p->ra;
        v += (float)(code_at(p->b, i, p->b_signed) - p->zb) * p->rb;
        finish_value(&p->to, i, v);
    }
}

/* out[i] = table[octets[i]]: any function of one code. `width` is the size of a table entry in bytes, 1 or 4. */
struct lookup_args {
    const uint8_t *octets;
    int32_t n;
    const void *table; /* [256], indexed by the code's octet: -1 is at 255 */
    int32_t width;
    void *out;
};

KERNEL(k_lookup) {
    const struct lookup_args *a = (const void *)args;
    /* Read before the loops: for all the compiler knows, storing an octet may change the arguments. */
    const uint8_t *octets = a->octets;
    const int32_t n = a->n;
    if (a->width == 1) {
        const uint8_t *table = a->table;
        uint8_t *out = a->out;
        for (int32_t i = 0; i < n; i++)
            out[i] = table[octets[i]];
    } else {
        const uint32_t *table = a->table;
        uint32_t *out = a->out;
        for (int32_t i = 0; i < n; i++)
            out[i] = table[octets[i]];
    }
}
