#include "float_runs.h"

/* out = 1 where a and b compare so, else 0: for two arrays of float32 or int32 that broadcast against each other, as in
 * k_binary_f32. Nothing compares with NaN. */
struct compare_args {
    const float *a, *b;                 /* or int32 */
    int32_t sizes[6];                   /* of the output */
    int32_t a_strides[6], b_strides[6]; /* in values; the last ones are 0 or 1 */
    int32_t function;
    int32_t is_integer;
    uint8_t *out;
};

enum { EQUAL, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL };

static v128_t compared(int32_t function, int32_t is_integer, v128_t a, v128_t b) {
    switch (function) {
    case EQUAL: return is_integer ? wasm_i32x4_eq(a, b) : wasm_f32x4_eq(a, b);
    case GREATER: return is_integer ? wasm_i32x4_gt(a, b) : wasm_f32x4_gt(a, b);
    case GREATER_OR_EQUAL: return is_integer ? wasm_i32x4_ge(a, b) : wasm_f32x4_ge(a, b);
    case LESS: return is_integer ? wasm_i32x4_lt(a, b) : wasm_f32x4_lt(a, b);
    default: return is_integer ? wasm_i32x4_le(a, b) : wasm_f32x4_le(a, b);
    }
}

KERNEL(k_compare) {
    const struct compare_args *p = (const void *)args;
    const int32_t n = p->sizes[AXES - 1], step_a = p->a_strides[AXES - 1], step_b = p->b_strides[AXES - 1];
    uint8_t *out = p->out;
    int32_t at[AXES] = {0};
    if (is_empty(p->sizes))
        return;
    do {
        const float *a = p->a + run_at(at, p->a_strides), *b = p->b + run_at(at, p->b_strides);
        for (int32_t i = 0; i < n; i += 4) {
            v128_t yes = compared(p->function, p->is_integer, operand(a, step_a, i, n), operand(b, step_b, i, n));
            yes = wasm_v128_and(yes, wasm_i32x4_splat(1));
            v128_t octets = low_bytes(yes, yes, yes, yes);
            if (n - i >= 4)
                wasm_v128_store32_lane(out + i, octets, 0);
            else
                for (int32_t k = 0, four = wasm_i32x4_extract_lane(octets, 0); k < n - i; k++, four >>= 8)
                    out[i + k] = (uint8_t)(four & 1);
        }
        out += n;
    } while (next_run(at, p->sizes));
}
