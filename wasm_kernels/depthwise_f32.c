#include "gemm_f32.h"

/* Depthwise 2-D convolution of float32 in NHWC: each channel has one filter. A result is summed over kernel row and kernel
 * column in order from 0; taps in the padding are left out, which changes no sum. Then as in gemm_f32.h. */
struct depthwise_f32_args {
    struct images images; /* of float32 */
    const float *weights; /* [kernel_h][kernel_w][channels] */
    const float *bias;    /* [channels] */
    float alpha, lo, hi;
    float *out;
};

enum { PIXELS = 4, LANES = 4 };

/* No instruction: keeps a product beside its sum, so that few registers are needed. See gemm_s8.c. */
#define IN_ORDER(a) __asm__ volatile("" : "+r"(a)::"memory")

/* The taps that some pixels have in common, from the first one on: `lines` times `taps`. */
struct common {
    const float *x, *weights;
    int32_t lines, taps;
};

/* `pixels` pixels side by side, 4 * `vectors` channels from `c` on: both are constants wherever this is used. */
ALWAYS void filter(const struct depthwise_f32_args *a, const struct common *at, int32_t c, int32_t pixels, int32_t vectors,
                   float *out) {
    const struct images *in = &a->images;
    int32_t channels = in->channels, tap = in->dilation_w * channels, pixel = in->stride_w * channels;
    int32_t line = in->dilation_h * in->width * channels, weights_line = in->kernel_w * channels, taps = at->taps;
    v128_t sum[PIXELS][2];
    for (int32_t p = 0; p < pixels; p++)
        sum[p][0] = sum[p][1] = wasm_f32x4_splat(0);
    for (int32_t y = 0; y < at->lines; y++) {
        const float *x = at->x + y * line + c, *w = at->weights + y * weights_line + c;
        for (int32_t t = 0; t < taps; t++, x += tap, w += channels) {
            v128_t weight[2];
            for (int32_t h = 0; h < vectors; h++)
                weight[h] = wasm_v128_load(w + 4 * h);
            for (int32_t p = 0; p < pixels; p++)
                for (int32_t h = 0; h < vectors; h++) {
                    v128_t value = wasm_v128_load(x + p * pixel + 4 * h);
                    sum[p][h] = wasm_f32x4_add(sum[p][h], wasm_f32x4_mul(value, weight[h]));
                    IN_ORDER(sum[p][h]);
                }
        }
    }
    v128_t alpha = wasm_f32x4_splat(a->alpha), lo = wasm_f32x4_splat(a->lo), hi = wasm_f32x4_splat(a->hi);
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t h = 0; h < vectors; h++) {
            v128_t v = wasm_f32x4_add(wasm_f32x4_mul(sum[p][h], alpha), wasm_v128_load(a->bias + c + 4 * h));
            wasm_v128_store(out + p * channels + c + 4 * h, limit_floats(v, lo, hi));
        }
}

/* Four pixels under lines of three taps side by side, which share what they see. */
ALWAYS void filter_threes(const struct depthwise_f32_args *a, const struct common *at, int32_t c, float *out) {
    const struct images *in = &a->images;
    int32_t channels = in->channels, line = in->dilation_h * in->width * channels;
    const float *x = at->x + c, *w = at->weights + c;
    v128_t sum[PIXELS];
    for (int32_t p = 0; p < PIXELS; p++)
        sum[p] = wasm_f32x4_splat(0);
#pragma clang loop unroll(disable)
    for (int32_t y = 0; y < at->lines; y++, x += line, w += 3 * channels) {
        v128_t w0 = wasm_v128_load(w), w1 = wasm_v128_load(w + channels), w2 = wasm_v128_load(w + 2 * channels);
        const float *next = x;
        v128_t x0 = wasm_v128_load(next), x1 = wasm_v128_load(next += channels);
#pragma clang loop unroll(full)
        for (int32_t p = 0; p < PIXELS; p++) {
            v128_t x2 = wasm_v128_load(next += channels);
            sum[p] = wasm_f32x4_add(sum[p], wasm_f32x4_mul(x0, w0));
            sum[p] = wasm_f32x4_add(sum[p], wasm_f32x4_mul(x1, w1));
            sum[p] = wasm_f32x4_add(sum[p], wasm_f32x4_mul(x2, w2));
            x0 = x1;
            x1 = x2;
        }
    }
    v128_t alpha = wasm_f32x4_splat(a->alpha), lo = wasm_f32x4_splat(a->lo), hi = wasm_f32x4_splat(a->hi);
    v128_t bias = wasm_v128_load(a->bias + c);
    for (int32_t p = 0; p < PIXELS; p++) {
        v128_t v = wasm_f32x4_add(wasm_f32x4_mul(sum[p], alpha), bias);
        wasm_v128_store(out + p * channels + c, limit_floats(v, lo, hi));
    }
}

static void filter_one(const struct depthwise_f32_args *a, const struct common *at, int32_t c, float *out) {
    const struct images *in = &a->images;
    int32_t channels = in->channels, line = in->dilation_h * in->width * channels;
    float sum = 0;
    for (int32_t y = 0; y < at->lines; y++)
        for (int32_t t = 0; t < at->taps; t++)
            sum += at->x[y * line + t * in->dilation_w * channels + c] * at->weights[(y * in->kernel_w + t) * channels + c];
    out[c] = limit_float(sum * a->alpha + a->bias[c], a->lo, a->hi);
}

/* All channels. What is left of the last vector is computed together with channels before it. */
ALWAYS void filter_channels(const struct depthwise_f32_args *a, const struct common *at, int32_t pixels, float *out) {
    int32_t channels = a->images.channels, c = 0;
    for (; c + 2 * LANES <= channels; c += 2 * LANES)
        filter(a, at, c, pixels, 2, out);
    for (; c + LANES <= channels; c += LANES)
        filter(a, at, c, pixels, 1, out);
    if (c < channels && channels >= LANES)
        filter(a, at, channels - LANES, pixels, 1, out);
}

static __attribute__((noinline)) void filter_pixels(const struct depthwise_f32_args *a, const struct common *at, float *out) {
    filter_channels(a, at, PIXELS, out);
}

static __attribute__((noinline)) void filter_pixels_by_threes(const struct depthwise_f32_args *a, const struct common *at,
                                                              float *out) {
    int32_t channels = a->images.channels, c = 0;
    for (; c + LANES <= channels; c += LANES)
        filter_threes(a, at, c, out);
    if (c < channels)
        filter_threes(a, at, channels - LANES, out);
}

static __attribute__((noinline)) void filter_pixel(const struct depthwise_f32_args *a, const struct common *at, float *out) {
    filter_channels(a, at, 1, out);
    for (int32_t c = 0; c < a->images.channels && a->images.channels < LANES; c++)
        filter_one(a, at, c, out);
}

static void filter_line(const struct depthwise_f32_args *a, const float *image, int32_t y, float *out) {
    const struct images *in = &a->images;
    int32_t reach = (in->kernel_w - 1) * in->dilation_w;
    int32_t threes = in->kernel_w == 3 && in->dilation_w == 1 && in->stride_w == 1;
    for (int32_t x = 0; x < in->out_width;) {
        struct window w = window_at(in, y, x);
        int32_t last = w.x + (PIXELS - 1) * in->stride_w + reach;
        struct common at = {image + tap_at(in, &w, w.first_y, w.first_x),
                            a->weights + (w.first_y * in->kernel_w + w.first_x) * in->channels, w.last_y - w.first_y,
                            w.last_x - w.first_x};
        if (w.x >= 0 && last < in->width && x + PIXELS <= in->out_width && in->channels >= LANES) {
            (threes ? filter_pixels_by_threes : filter_pixels)(a, &at, out + x * in->channels);
            x += PIXELS;
        } else {
            filter_pixel(a, &at, out + x * in->channels);
            x++;
        }
    }
}

KERNEL(k_depthwise_f32) {
    const struct depthwise_f32_args *a = (const void *)args;
    const struct images *in = &a->images;
    float *out = a->out;
    for (int32_t n = 0; n < in->batch; n++)
        for (int32_t y = 0; y < in->out_height; y++, out += in->out_width * in->channels)
            filter_line(a, (const float *)in->x + n * in->height * in->width * in->channels, y, out);
}
