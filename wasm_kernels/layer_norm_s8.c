#include "kernels.h"

/* Layer normalisation of rows of codes, and RMS normalisation (centred = 0). With x = code - zero_point, S = sum of x and
 * Q = sum of x * x, both exact integers, and n columns:
 *   variance = (n * Q - S * S) / (n * n)   float64, from exact int64; Q / n if not centred
 *   inverse  = float32(1 / sqrt(variance + epsilon))   float64 until then
 *   mean     = float32(S / n)   float64 until then; 0 if not centred
 *   v[j]     = ((float32(x) - mean) * inverse) * gamma[j] + beta[j]   float32, through the epilogue */
struct layer_norm_s8_args {
    const uint8_t *codes; /* [rows][columns] */
    int32_t rows, columns;
    int32_t is_signed, zero_point;
    int32_t centred;
    float epsilon;            /* over the square of the codes' scale */
    const float *gamma, *beta; /* [columns], over the scale of the output */
    struct epilogue to;
};

enum { FEW = 65536 }; /* squares of so many offsets fit an int32 */

struct moments {
    int64_t sum, squares;
};

static inline int32_t total(v128_t v) {
    return wasm_i32x4_extract_lane(v, 0) + wasm_i32x4_extract_lane(v, 1) + wasm_i32x4_extract_lane(v, 2) +
           wasm_i32x4_extract_lane(v, 3);
}

/* Each of four partial sums of squares has at most FEW / 4 offsets: 16384 * 255^2 < 2^31. */
static void include(struct moments *m, const struct layer_norm_s8_args *a, const uint8_t *codes, int32_t n) {
    v128_t zero_point = wasm_i16x8_splat((int16_t)a->zero_point), ones = wasm_i16x8_splat(1);
    v128_t sum = wasm_i32x4_splat(0), squares = sum;
    int32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        v128_t x = load8(codes + i, a->is_signed, zero_point);
        sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(x, ones));
        squares = wasm_i32x4_add(squares, wasm_i32x4_dot_i16x8(x, x));
    }
    m->sum += total(sum);
    for (int32_t lane = 0; lane < 4; lane++) {
        m->squares += wasm_i32x4_extract_lane(squares, 0);
        squares = wasm_i32x4_shuffle(squares, squares, 1, 2, 3, 0);
    }
    for (; i < n; i++) {
        int32_t x = code_at(codes, i, a->is_signed) - a->zero_point;
        m->sum += x;
        m->squares += x * x;
    }
}

static void normalise(const struct layer_norm_s8_args *a, const uint8_t *codes, int32_t at, float mean, float inverse) {
    const struct epilogue to = a->to;
    v128_t zero_point = wasm_i16x8_splat((int16_t)a->zero_point);
    v128_t mean4 = wasm_f32x4_splat(mean), inverse4 = wasm_f32x4_splat(inverse);
    int32_t j = 0;
    for (; j + 8 <= a->columns; j += 8) {
        v128_t x = load8(codes + j, a->is_signed, zero_point);
        v128_t v0 = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(x));
        v128_t v1 = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(x));
        v0 = wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_sub(v0, mean4), inverse4), wasm_v128_load(a->gamma + j));
        v1 = wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_sub(v1, mean4), inverse4), wasm_v128_load(a->gamma + j + 4));
        finish_values8(&to, at + j, wasm_f32x4_add(v0, wasm_v128_load(a->beta + j)),
                       wasm_f32x4_add(v1, wasm_v128_load(a->beta + j + 4)));
    }
    for (; j < a->columns; j++) {
        float x = (float)(code_at(codes, j, a->is_signed) - a->zero_point);
        finish_value(&to, at + j, (x - mean) * inverse * a->gamma[j] + a->beta[j]);
    }
}

KERNEL(k_layer_norm_s8) {
    const struct layer_norm_s8_args *a = (const void *)args;
    int64_t n = a->columns;
    for (int32_t row = 0; row < a->rows; row++) {
        const uint8_t *codes = a->codes + row * a->columns;
        struct moments m = {0, 0};
        for (int32_t first = 0; first < a->columns; first += FEW)
            include(&m, a, codes + first, a->columns - first < FEW ? a->columns - first : FEW);
        double variance = a->centred ? (double)(n * m.squares - m.sum * m.sum) / (double)(n * n)
                                     : (double)m.squares / (double)n;
        float inverse = (float)(1 / __builtin_sqrt(variance + a->epsilon));
        float mean = a->centred ? (float)((double)m.sum / (double)n) : 0;
        normalise(a, codes, row * a->columns, mean, inverse);
    }
}
