#include "copy.h"

/* A larger array: all of it gets one value (codes: the zero-point), then the box of k_copy is put where it belongs. */
struct pad_args {
    uint8_t *out;
    int32_t nbytes;
    int32_t value; /* its low `box.width` bytes, of width 1, 2 or 4 */
    struct copy_args box;
};

KERNEL(k_pad) {
    const struct pad_args *a = (const void *)args;
    int32_t width = a->box.width, i = 0;
    v128_t value = width == 1   ? wasm_i8x16_splat((int8_t)a->value)
                   : width == 2 ? wasm_i16x8_splat((int16_t)a->value)
                                : wasm_i32x4_splat(a->value);
    uint8_t octets[16];
    wasm_v128_store(octets, value);
    for (; i + 16 <= a->nbytes; i += 16)
        wasm_v128_store(a->out + i, value);
    for (; i < a->nbytes; i++)
        a->out[i] = octets[i % 16];
    copy_box(&a->box);
}
