#include "kernels.h"

enum { FEW = 40 }; /* up to so many boundaries all are compared with; playground.number_formats has the same limit */

/* Codes of n floats in a table of numbers: each gets the place in ascending order that is the number of boundaries below
 * it, or the code of that place. A number on a boundary does not lie above it; equal boundaries count as often as they
 * are there. NaN lies above none of up to FEW boundaries and above all of more, as in NumPy's two ways to do this:
 * comparisons, and searchsorted. */
struct nearest_args {
    const float *x;
    int32_t n;
    const float *boundaries; /* [count], ascending, none NaN */
    int32_t count;           /* 0 to 255 */
    const uint8_t *order;    /* [count + 1], the codes by place; null: the places themselves */
    uint8_t *codes;          /* [n] */
};

static void compare16(const struct nearest_args *a, int32_t i) {
    const float *x = a->x + i;
    v128_t x0 = wasm_v128_load(x), x1 = wasm_v128_load(x + 4), x2 = wasm_v128_load(x + 8), x3 = wasm_v128_load(x + 12);
    v128_t c0 = wasm_i32x4_splat(0), c1 = c0, c2 = c0, c3 = c0;
    for (int32_t b = 0; b < a->count; b++) { /* where a comparison holds, all bits are set: -1 */
        v128_t boundary = wasm_v128_load32_splat(a->boundaries + b);
        c0 = wasm_i32x4_sub(c0, wasm_f32x4_gt(x0, boundary));
        c1 = wasm_i32x4_sub(c1, wasm_f32x4_gt(x1, boundary));
        c2 = wasm_i32x4_sub(c2, wasm_f32x4_gt(x2, boundary));
        c3 = wasm_i32x4_sub(c3, wasm_f32x4_gt(x3, boundary));
    }
    wasm_v128_store(a->codes + i, low_bytes(c0, c1, c2, c3));
}

static uint8_t compare(const struct nearest_args *a, float x) {
    int32_t code = 0;
    for (int32_t b = 0; b < a->count; b++)
        code += x > a->boundaries[b];
    return (uint8_t)code;
}

/* By halving without branches: the answer is always among the `left + 1` places from `from` on. */
static uint8_t search(const struct nearest_args *a, float x) {
    const float *from = a->boundaries;
    int32_t left = a->count;
    while (left > 1) {
        int32_t half = left / 2;
        from += x <= from[half - 1] ? 0 : half;
        left -= half;
    }
    return (uint8_t)(from - a->boundaries + !(x <= *from));
}

KERNEL(k_nearest) {
    const struct nearest_args *a = (const void *)args;
    int32_t i = 0;
    if (a->count <= FEW) {
        for (; i + 16 <= a->n; i += 16)
            compare16(a, i);
        for (; i < a->n; i++)
            a->codes[i] = compare(a, a->x[i]);
    }
    for (; i < a->n; i++)
        a->codes[i] = search(a, a->x[i]);
    if (a->order)
        for (i = 0; i < a->n; i++)
            a->codes[i] = a->order[a->codes[i]];
}

/* Codes of n floats in a table over their upper halves, whose last bit says "or more" too: it is set wherever anything
 * is in the lower half. Exact for floats of one byte, whose mantissas are at least two bits shorter than the key's. */
struct sticky_codes_args {
    const uint32_t *x; /* [n], floats by their bits */
    int32_t n;
    const uint8_t *table; /* [65536] */
    uint8_t *codes;       /* [n] */
};

KERNEL(k_sticky_codes) {
    const struct sticky_codes_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++)
        a->codes[i] = a->table[a->x[i] >> 16 | ((a->x[i] & 0xFFFF) != 0)];
}
