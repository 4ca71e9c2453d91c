#include "sums_f32.h"

/* Softmax of rows of codes. In each row, with m the largest code:
 *   e[j] = exps[m - code[j]], where exps[d] = float32(exp(-d * scale of the codes)) comes from the host
 *   v[j] = e[j] * (ratio / sum of e), through the epilogue
 * The zero-point cancels out. The sum is formed as sums_f32.h says. */
struct softmax_s8_args {
    const uint8_t *codes; /* [rows][columns] */
    int32_t rows, columns;
    int32_t is_signed;
    const float *exps; /* [256] */
    float ratio;       /* 1 / scale of the output; 1 for floats */
    struct epilogue to;
    float *scratch; /* [columns] */
};

/* The largest code, as an octet whose order is unsigned: the sign bit flipped if codes are signed. */
static int32_t largest(const uint8_t *codes, int32_t n, uint8_t flip) {
    int32_t most = 0, i = 0;
    if (n >= 16) {
        v128_t flips = wasm_u8x16_splat(flip), v = wasm_v128_xor(wasm_v128_load(codes + n - 16), flips);
        for (; i + 16 <= n; i += 16)
            v = wasm_u8x16_max(v, wasm_v128_xor(wasm_v128_load(codes + i), flips));
        v = wasm_u8x16_max(v, wasm_i64x2_shuffle(v, v, 1, 1));
        uint64_t octets = (uint64_t)wasm_i64x2_extract_lane(v, 0);
        for (; octets; octets >>= 8)
            most = (int32_t)(octets & 255) > most ? (int32_t)(octets & 255) : most;
        return most;
    }
    for (; i < n; i++)
        most = (codes[i] ^ flip) > most ? codes[i] ^ flip : most;
    return most;
}

KERNEL(k_softmax_s8) {
    const struct softmax_s8_args *a = (const void *)args;
    const struct epilogue to = a->to;
    const int32_t n = a->columns;
    const uint8_t flip = a->is_signed ? 128 : 0;
    float *e = a->scratch;
    for (int32_t row = 0; row < a->rows; row++) {
        const uint8_t *codes = a->codes + row * n;
        const float *at_most = a->exps + largest(codes, n, flip);
        for (int32_t j = 0; j < n; j++)
            e[j] = at_most[-(codes[j] ^ flip)];
        float by = a->ratio / sum_of(e, n);
        v128_t by4 = wasm_f32x4_splat(by);
        int32_t j = 0;
        for (; j + 8 <= n; j += 8)
            finish_values8(&to, row * n + j, wasm_f32x4_mul(wasm_v128_load(e + j), by4),
                           wasm_f32x4_mul(wasm_v128_load(e + j + 4), by4));
        for (; j < n; j++)
            finish_value(&to, row * n + j, e[j] * by);
    }
}
