#include "exp_f32.h"
#include "sums_f32.h"

/* Softmax of rows. With m the largest value of a row (NaN if there is one) and e[j] = exp(x[j] - m), whose sum is formed as
 * sums_f32.h says: out[j] = e[j] / sum of e; as a logarithm (x[j] - m) - log(sum of e). */
struct softmax_f32_args {
    const float *x; /* [rows][columns] */
    int32_t rows, columns;
    int32_t is_log;
    float *out; /* [rows][columns] */
};

static float largest(const float *x, int32_t n) {
    v128_t most = wasm_v128_load32_splat(x);
    int32_t j = 0;
    for (; j + 4 <= n; j += 4)
        most = larger4(most, wasm_v128_load(x + j));
    for (; j < n; j++)
        most = larger4(most, wasm_v128_load32_splat(x + j));
    most = larger4(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
    most = larger4(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2));
    return wasm_f32x4_extract_lane(most, 0);
}

KERNEL(k_softmax_f32) {
    const struct softmax_f32_args *a = (const void *)args;
    const int32_t n = a->columns;
    const float *x = a->x;
    float *out = a->out;
    for (int32_t row = 0; n && row < a->rows; row++, x += n, out += n) {
        v128_t most = wasm_f32x4_splat(largest(x, n));
        for (int32_t j = 0; j < n; j += 4)
            store_next(out + j, exp4(wasm_f32x4_sub(load_next(x + j, n - j), most)), n - j);
        v128_t sum = wasm_f32x4_splat(sum_of(out, n));
        v128_t log = a->is_log ? log4(sum) : sum;
        for (int32_t j = 0; j < n; j += 4) {
            v128_t v = a->is_log ? wasm_f32x4_sub(wasm_f32x4_sub(load_next(x + j, n - j), most), log)
                                 : wasm_f32x4_div(load_next(out + j, n - j), sum);
            store_next(out + j, v, n - j);
        }
    }
}
