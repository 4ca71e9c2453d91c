#include "kernels.h"

/* Depthwise 2-D convolution of codes in NHWC: every channel has one filter of its own. Eight channels at a time. */
struct depthwise_s8_args {
    struct images in;
    int32_t is_signed, zero_point;
    const int16_t *weights; /* [kernel_h][kernel_w][channels], zero-points taken off */
    const int32_t *bias;    /* [channels] */
    const float *multiplier; /* [channels] */
    struct epilogue to;
};

static void channels8(const struct depthwise_s8_args *a, const struct window *w, const uint8_t *image, int32_t c,
                      int32_t at) {
    v128_t zero_point = wasm_i16x8_splat((int16_t)a->zero_point);
    v128_t sum0 = wasm_v128_load(a->bias + c), sum1 = wasm_v128_load(a->bias + c + 4);
    for (int32_t ky = w->first_y; ky < w->last_y; ky++)
        for (int32_t kx = w->first_x; kx < w->last_x; kx++) {
            v128_t x = load8(image + tap_at(&a->in, w, ky, kx) + c, a->is_signed, zero_point);
            v128_t weights = wasm_v128_load(a->weights + (ky * a->in.kernel_w + kx) * a->in.channels + c);
            sum0 = wasm_i32x4_add(sum0, wasm_i32x4_extmul_low_i16x8(x, weights));
            sum1 = wasm_i32x4_add(sum1, wasm_i32x4_extmul_high_i16x8(x, weights));
        }
    const float *multiplier = a->multiplier + c;
    finish8(&a->to, at + c, sum0, sum1, wasm_v128_load(multiplier), wasm_v128_load(multiplier + 4));
}

static void channel1(const struct depthwise_s8_args *a, const struct window *w, const uint8_t *image, int32_t c,
                     int32_t at) {
    uint32_t sum = (uint32_t)a->bias[c];
    for (int32_t ky = w->first_y; ky < w->last_y; ky++)
        for (int32_t kx = w->first_x; kx < w->last_x; kx++) {
            int32_t x = code_at(image, tap_at(&a->in, w, ky, kx) + c, a->is_signed) - a->zero_point;
            sum += (uint32_t)(x * a->weights[(ky * a->in.kernel_w + kx) * a->in.channels + c]);
        }
    finish(&a->to, at + c, (int32_t)sum, a->multiplier[c]);
}

KERNEL(k_depthwise_s8) {
    const struct depthwise_s8_args *a = (const void *)args;
    int32_t at = 0;
    for (int32_t n = 0; n < a->in.batch; n++)
        for (int32_t y = 0; y < a->in.out_height; y++)
            for (int32_t x = 0; x < a->in.out_width; x++, at += a->in.channels) {
                struct window w = window_at(&a->in, y, x);
                int32_t c = 0;
                for (; c + 8 <= a->in.channels; c += 8)
                    channels8(a, &w, image_at(&a->in, n), c, at);
                for (; c < a->in.channels; c++)
                    channel1(a, &w, image_at(&a->in, n), c, at);
            }
}
