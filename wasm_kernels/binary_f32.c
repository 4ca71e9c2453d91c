#include "float_runs.h"

/* out = function(a, b) within lo..hi (NaN stays NaN), for two arrays that broadcast against each other. The output is in C
 * order. Where an operand repeats itself its stride is 0. Fewer dimensions: the first sizes are 1. */
struct binary_f32_args {
    const float *a, *b;
    int32_t sizes[6];                   /* of the output */
    int32_t a_strides[6], b_strides[6]; /* in values; the last ones are 0 or 1 */
    int32_t function;
    float lo, hi;
    float *out;
};

enum { ADD, SUB, MUL, DIV, MIN, MAX, PRELU };

#define EACH(result)                                                                                                   \
    for (int32_t i = 0; i < n; i += 4) {                                                                               \
        v128_t a = operand(from_a, step_a, i, n), b = operand(from_b, step_b, i, n);                                   \
        store_next(out + i, within4(result, lo, hi), n - i);                                                           \
    }                                                                                                                  \
    return

/* Along the last axis. */
static void combine(const struct binary_f32_args *p, const float *from_a, const float *from_b, float *out) {
    const int32_t n = p->sizes[AXES - 1], step_a = p->a_strides[AXES - 1], step_b = p->b_strides[AXES - 1];
    const v128_t lo = wasm_f32x4_splat(p->lo), hi = wasm_f32x4_splat(p->hi);
    switch (p->function) {
    case ADD: EACH(wasm_f32x4_add(a, b));
    case SUB: EACH(wasm_f32x4_sub(a, b));
    case MUL: EACH(wasm_f32x4_mul(a, b));
    case DIV: EACH(wasm_f32x4_div(a, b));
    case MIN: EACH(smaller4(a, b));
    case MAX: EACH(larger4(a, b));
    case PRELU: EACH(choose4(wasm_f32x4_lt(a, wasm_f32x4_splat(0.0f)), wasm_f32x4_mul(a, b), a));
    }
}

KERNEL(k_binary_f32) {
    const struct binary_f32_args *p = (const void *)args;
    float *out = p->out;
    int32_t at[AXES] = {0};
    if (is_empty(p->sizes))
        return;
    do {
        combine(p, p->a + run_at(at, p->a_strides), p->b + run_at(at, p->b_strides), out);
        out += p->sizes[AXES - 1];
    } while (next_run(at, p->sizes));
}
