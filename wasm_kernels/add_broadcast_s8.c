#include "broadcast.h"

/* v = float(a - za) * ra + float(b - zb) * rb, through the epilogue: k_add_s8 for operands that broadcast. A difference has
 * a negative rb. */
struct add_broadcast_s8_args {
    struct operands operands;
    float ra, rb; /* scale of a (of b) over scale of the output */
    struct epilogue to;
};

static inline v128_t sum4(v128_t a, v128_t b, v128_t ra, v128_t rb) {
    return wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(a), ra),
                          wasm_f32x4_mul(wasm_f32x4_convert_i32x4(b), rb));
}

static void add_run(const void *args, const struct operands *o, const struct run *r) {
    const struct add_broadcast_s8_args *p = args;
    const struct epilogue to = p->to;
    int32_t a_step = o->a_strides[3], b_step = o->b_strides[3], i = 0;
    v128_t za = wasm_i16x8_splat((int16_t)o->za), zb = wasm_i16x8_splat((int16_t)o->zb);
    v128_t ra = wasm_f32x4_splat(p->ra), rb = wasm_f32x4_splat(p->rb);
    for (; i + 8 <= r->n; i += 8) {
        v128_t a = offsets8(r->a, a_step, i, o->a_signed, za), b = offsets8(r->b, b_step, i, o->b_signed, zb);
        finish_values8(&to, r->at + i, sum4(wasm_i32x4_extend_low_i16x8(a), wasm_i32x4_extend_low_i16x8(b), ra, rb),
                       sum4(wasm_i32x4_extend_high_i16x8(a), wasm_i32x4_extend_high_i16x8(b), ra, rb));
    }
    for (; i < r->n; i++) {
        float v = (float)offset1(r->a, a_step, i, o->a_signed, o->za) * p->ra;
        v += (float)offset1(r->b, b_step, i, o->b_signed, o->zb) * p->rb;
        finish_value(&to, r->at + i, v);
    }
}

KERNEL(k_add_broadcast_s8) {
    const struct add_broadcast_s8_args *p = (const void *)args;
    each_run(&p->operands, add_run, p);
}
