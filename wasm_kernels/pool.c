#include "kernels.h"

/* The largest code under each window; what is in the padding never is. Sixteen channels at a time. */
struct maxpool_args {
    struct images images;
    int32_t is_signed;
    uint8_t *out;
};

static inline v128_t larger16(v128_t a, v128_t b, int32_t is_signed) {
    return is_signed ? wasm_i8x16_max(a, b) : wasm_u8x16_max(a, b);
}

static v128_t largest16(const struct maxpool_args *a, const struct window *w, const uint8_t *channels) {
    v128_t most = wasm_i8x16_splat(a->is_signed ? -128 : 0);
    for (int32_t y = w->first_y; y < w->last_y; y++)
        for (int32_t x = w->first_x; x < w->last_x; x++)
            most = larger16(most, wasm_v128_load(channels + tap_at(&a->images, w, y, x)), a->is_signed);
    return most;
}

static uint8_t largest1(const struct maxpool_args *a, const struct window *w, const uint8_t *channel) {
    int32_t most = a->is_signed ? -128 : 0;
    for (int32_t y = w->first_y; y < w->last_y; y++)
        for (int32_t x = w->first_x; x < w->last_x; x++) {
            int32_t code = code_at(channel, tap_at(&a->images, w, y, x), a->is_signed);
            most = code > most ? code : most;
        }
    return (uint8_t)most;
}

KERNEL(k_maxpool_s8) {
    const struct maxpool_args *a = (const void *)args;
    uint8_t *out = a->out;
    for (int32_t n = 0; n < a->images.batch; n++)
        for (int32_t y = 0; y < a->images.out_height; y++)
            for (int32_t x = 0; x < a->images.out_width; x++, out += a->images.channels) {
                struct window w = window_at(&a->images, y, x);
                int32_t c = 0;
                for (; c + 16 <= a->images.channels; c += 16)
                    wasm_v128_store(out + c, largest16(a, &w, image_at(&a->images, n) + c));
                for (; c < a->images.channels; c++)
                    out[c] = largest1(a, &w, image_at(&a->images, n) + c);
            }
}

/* v = float(sum of (code - zero_point)) * (ratio / float(taps)), through the epilogue. Eight channels at a time. */
struct avgpool_args {
    struct images images;
    int32_t is_signed, zero_point;
    float ratio;           /* scale of x over scale of the output */
    int32_t count_padding; /* 1: taps are kernel_h * kernel_w wherever the window is, 0: only those inside the image */
    struct epilogue to;
};

static float multiplier_at(const struct avgpool_args *a, const struct window *w) {
    int32_t inside = (w->last_y - w->first_y) * (w->last_x - w->first_x);
    return a->ratio / (float)(a->count_padding ? a->images.kernel_h * a->images.kernel_w : inside);
}

static void average8(const struct avgpool_args *a, const struct window *w, const uint8_t *channels, int32_t at) {
    v128_t zero_point = wasm_i16x8_splat((int16_t)a->zero_point);
    v128_t sum0 = wasm_i32x4_splat(0), sum1 = sum0;
    for (int32_t y = w->first_y; y < w->last_y; y++)
        for (int32_t x = w->first_x; x < w->last_x; x++) {
            v128_t offsets = load8(channels + tap_at(&a->images, w, y, x), a->is_signed, zero_point);
            sum0 = wasm_i32x4_add(sum0, wasm_i32x4_extend_low_i16x8(offsets));
            sum1 = wasm_i32x4_add(sum1, wasm_i32x4_extend_high_i16x8(offsets));
        }
    v128_t multiplier = wasm_f32x4_splat(multiplier_at(a, w));
    finish8(&a->to, at, sum0, sum1, multiplier, multiplier);
}

static void average1(const struct avgpool_args *a, const struct window *w, const uint8_t *channel, int32_t at) {
    int32_t sum = 0;
    for (int32_t y = w->first_y; y < w->last_y; y++)
        for (int32_t x = w->first_x; x < w->last_x; x++)
            sum += code_at(channel, tap_at(&a->images, w, y, x), a->is_signed) - a->zero_point;
    finish(&a->to, at, sum, multiplier_at(a, w));
}

KERNEL(k_avgpool_s8) {
    const struct avgpool_args *a = (const void *)args;
    int32_t at = 0;
    for (int32_t n = 0; n < a->images.batch; n++)
        for (int32_t y = 0; y < a->images.out_height; y++)
            for (int32_t x = 0; x < a->images.out_width; x++, at += a->images.channels) {
                struct window w = window_at(&a->images, y, x);
                int32_t c = 0;
                for (; c + 8 <= a->images.channels; c += 8)
                    average8(a, &w, image_at(&a->images, n) + c, at + c);
                for (; c < a->images.channels; c++)
                    average1(a, &w, image_at(&a->images, n) + c, at + c);
            }
}
