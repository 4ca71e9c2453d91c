#include "exp_f32.h"

/* out[i] = function(x[i]); see playground/programs/float_functions.py for what each function is and what it makes of
 * alpha and beta. Out may be x. */
struct unary_f32_args {
    const float *x; /* [n] */
    int32_t n;
    int32_t function;
    float alpha, beta;
    float *out; /* [n] */
};

enum {
    ABS, NEG, SQRT, RECIPROCAL, FLOOR, CEIL, ROUND, SIGN, SQUARE, CUBE,
    EXP, LOG, SIGMOID, TANH, ERF, SOFTPLUS, SOFTSIGN, GELU, GELU_TANH, MISH,
    SWISH, ELU, LEAKY, HARD_SIGMOID, HARD_SWISH, THRESHOLDED, CLIP,
};

#define EACH(result)                                                                                                   \
    for (int32_t i = 0; i < n; i += 4) {                                                                               \
        v128_t x = load_next(from + i, n - i);                                                                         \
        store_next(out + i, result, n - i);                                                                            \
    }                                                                                                                  \
    return

static inline v128_t sign4(v128_t x, v128_t one, v128_t zero) {
    v128_t v = choose4(wasm_f32x4_gt(x, zero), one, x);
    return choose4(wasm_f32x4_lt(x, zero), wasm_f32x4_neg(one), v);
}

KERNEL(k_unary_f32) {
    const struct unary_f32_args *a = (const void *)args;
    const int32_t n = a->n;
    const float *from = a->x;
    float *out = a->out;
    const v128_t one = wasm_f32x4_splat(1.0f), zero = wasm_f32x4_splat(0.0f);
    const v128_t alpha = wasm_f32x4_splat(a->alpha), beta = wasm_f32x4_splat(a->beta);
    switch (a->function) {
    case ABS: EACH(wasm_f32x4_abs(x));
    case NEG: EACH(wasm_f32x4_neg(x));
    case SQRT: EACH(wasm_f32x4_sqrt(x));
    case RECIPROCAL: EACH(wasm_f32x4_div(one, x));
    case FLOOR: EACH(wasm_f32x4_floor(x));
    case CEIL: EACH(wasm_f32x4_ceil(x));
    case ROUND: EACH(wasm_f32x4_nearest(x));
    case SIGN: EACH(sign4(x, one, zero));
    case SQUARE: EACH(wasm_f32x4_mul(x, x));
    case CUBE: EACH(wasm_f32x4_mul(wasm_f32x4_mul(x, x), x));
    case EXP: EACH(exp4(x));
    case LOG: EACH(log4(x));
    case SIGMOID: EACH(sigmoid4(x));
    case TANH: EACH(tanh4(x));
    case ERF: EACH(erf4(x));
    case SOFTPLUS: EACH(softplus4(x));
    case SOFTSIGN: EACH(wasm_f32x4_div(x, wasm_f32x4_add(one, wasm_f32x4_abs(x))));
    case GELU: EACH(gelu4(x));
    case GELU_TANH: EACH(gelu_tanh4(x));
    case MISH: EACH(mish4(x));
    case SWISH: EACH(wasm_f32x4_mul(x, sigmoid4(wasm_f32x4_mul(alpha, x))));
    case ELU: EACH(elu4(x, alpha, beta));
    case LEAKY: EACH(choose4(wasm_f32x4_lt(x, zero), wasm_f32x4_mul(x, alpha), x));
    case HARD_SIGMOID: EACH(within4(wasm_f32x4_add(wasm_f32x4_mul(alpha, x), beta), zero, one));
    case HARD_SWISH: EACH(wasm_f32x4_mul(x, within4(wasm_f32x4_add(wasm_f32x4_div(x, alpha), beta), zero, one)));
    case THRESHOLDED: EACH(choose4(wasm_f32x4_gt(x, alpha), x, zero));
    case CLIP: EACH(within4(x, alpha, beta));
    }
}
