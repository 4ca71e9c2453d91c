#include "broadcast.h"

/* v = float((a - za) * (b - zb)) * ratio, through the epilogue, for operands of one shape or such as broadcast. */
struct mul_s8_args {
    struct operands operands;
    float ratio; /* scale of a times scale of b over scale of the output */
    struct epilogue to;
};

static void multiply_run(const void *args, const struct operands *o, const struct run *r) {
    const struct mul_s8_args *p = args;
    const struct epilogue to = p->to;
    int32_t a_step = o->a_strides[3], b_step = o->b_strides[3], i = 0;
    v128_t za = wasm_i16x8_splat((int16_t)o->za), zb = wasm_i16x8_splat((int16_t)o->zb);
    v128_t ratio = wasm_f32x4_splat(p->ratio);
    for (; i + 8 <= r->n; i += 8) {
        v128_t a = offsets8(r->a, a_step, i, o->a_signed, za), b = offsets8(r->b, b_step, i, o->b_signed, zb);
        v128_t low = wasm_i32x4_extmul_low_i16x8(a, b), high = wasm_i32x4_extmul_high_i16x8(a, b);
        finish_values8(&to, r->at + i, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), ratio),
                       wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), ratio));
    }
    for (; i < r->n; i++) {
        int32_t a = offset1(r->a, a_step, i, o->a_signed, o->za), b = offset1(r->b, b_step, i, o->b_signed, o->zb);
        finish_value(&to, r->at + i, (float)(a * b) * p->ratio);
    }
}

KERNEL(k_mul_s8) {
    const struct mul_s8_args *p = (const void *)args;
    each_run(&p->operands, multiply_run, p);
}
