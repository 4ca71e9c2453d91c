/* Two arrays of codes that broadcast against each other, as k_add_broadcast_s8 and k_mul_s8 walk over them. */
#ifndef BROADCAST_H
#define BROADCAST_H

#include "kernels.h"

/* The output is in C order. Where an operand repeats itself its stride is 0. Fewer dimensions: the first sizes are 1. */
struct operands {
    const uint8_t *a, *b;
    int32_t sizes[4];                   /* of the output */
    int32_t a_strides[4], b_strides[4]; /* in codes; the last ones are 0 or 1 */
    int32_t a_signed, za, b_signed, zb;
};

/* A run of n places of the output, from place `at` on. */
struct run {
    const uint8_t *a, *b;
    int32_t n, at;
};

/* Eight offsets from the zero-point from the i-th on, or eight times the only one. */
static inline v128_t offsets8(const uint8_t *codes, int32_t step, int32_t i, int32_t is_signed, v128_t zero_point) {
    if (step)
        return load8(codes + i, is_signed, zero_point);
    return wasm_i16x8_sub(wasm_i16x8_splat((int16_t)code_at(codes, 0, is_signed)), zero_point);
}

/* The same for one place. */
static inline int32_t offset1(const uint8_t *codes, int32_t step, int32_t i, int32_t is_signed, int32_t zero_point) {
    return code_at(codes, step * i, is_signed) - zero_point;
}

typedef void (*run_function)(const void *args, const struct operands *o, const struct run *r);

static inline void each_run(const struct operands *o, run_function function, const void *args) {
    struct run r = {o->a, o->b, o->sizes[3], 0};
    for (int32_t i = 0; i < o->sizes[0]; i++)
        for (int32_t j = 0; j < o->sizes[1]; j++)
            for (int32_t k = 0; k < o->sizes[2]; k++, r.at += r.n) {
                r.a = o->a + i * o->a_strides[0] + j * o->a_strides[1] + k * o->a_strides[2];
                r.b = o->b + i * o->b_strides[0] + j * o->b_strides[1] + k * o->b_strides[2];
                function(args, o, &r);
            }
}

#endif
