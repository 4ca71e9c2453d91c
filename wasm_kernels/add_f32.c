#include "kernels.h"

/* out[i] = clamp(a[i] + b[i], lo, hi), or of a[i] alone where there is no b. Out may be a or b. */
struct add_f32_args {
    const float *a; /* [n] */
    const float *b; /* [n], or 0 */
    int32_t n;
    float lo, hi;
    float *out; /* [n] */
};

KERNEL(k_add_f32) {
    const struct add_f32_args *a = (const void *)args;
    v128_t lo = wasm_f32x4_splat(a->lo), hi = wasm_f32x4_splat(a->hi);
    int32_t i = 0;
    for (; i + 4 <= a->n; i += 4) {
        v128_t v = wasm_v128_load(a->a + i);
        if (a->b)
            v = wasm_f32x4_add(v, wasm_v128_load(a->b + i));
        wasm_v128_store(a->out + i, clamp4(v, lo, hi));
    }
    for (; i < a->n; i++)
        a->out[i] = clampf(a->b ? a->a[i] + a->b[i] : a->a[i], a->lo, a->hi);
}
