#include "kernels.h"

/* v = float(sum + bias) * multiplier, through the epilogue: int32 sums to codes of another scale, or to floats. The sum
 * with the bias wraps modulo 2^32. (Codes to codes is k_lookup with a table of 256.) */
struct requantize_args {
    const int32_t *sums; /* [rows][columns] */
    int32_t rows, columns;
    const int32_t *bias;     /* [columns] */
    const float *multiplier; /* [columns] */
    struct epilogue to;
};

KERNEL(k_requantize) {
    const struct requantize_args *a = (const void *)args;
    const struct epilogue to = a->to;
    for (int32_t row = 0, at = 0; row < a->rows; row++, at += a->columns) {
        const int32_t *sums = a->sums + at;
        int32_t j = 0;
        for (; j + 8 <= a->columns; j += 8)
            finish8(&to, at + j, wasm_i32x4_add(wasm_v128_load(sums + j), wasm_v128_load(a->bias + j)),
                    wasm_i32x4_add(wasm_v128_load(sums + j + 4), wasm_v128_load(a->bias + j + 4)),
                    wasm_v128_load(a->multiplier + j), wasm_v128_load(a->multiplier + j + 4));
        for (; j < a->columns; j++)
            finish(&to, at + j, (int32_t)((uint32_t)sums[j] + (uint32_t)a->bias[j]), a->multiplier[j]);
    }
}
