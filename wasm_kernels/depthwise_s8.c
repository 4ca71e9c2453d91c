#include "kernels.h"

/* Depthwise 2-D convolution of codes in NHWC: every channel has one filter of its own. Eight channels at a time. */
struct depthwise_s8_args {
    const uint8_t *x;
    int32_t batch, height, width, channels;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int32_t out_height, out_width;
    int32_t is_signed, zero_point;
    const int16_t *weights; /* [kernel_h][kernel_w][channels], zero-points taken off */
    const int32_t *bias;    /* [channels] */
    const float *multiplier; /* [channels] */
    struct epilogue to;
};

/* The taps of one output pixel that lie inside the image: first and last + 1 of each axis. */
struct window {
    int32_t x0, y0, first_x, last_x, first_y, last_y;
};

static int32_t first_tap(int32_t start, int32_t step) { return start >= 0 ? 0 : (-start + step - 1) / step; }

static int32_t last_tap(int32_t start, int32_t step, int32_t size, int32_t taps) {
    int32_t inside = size <= start ? 0 : (size - start + step - 1) / step;
    return inside < taps ? inside : taps;
}

static struct window window_at(const struct depthwise_s8_args *a, int32_t oy, int32_t ox) {
    struct window w;
    w.x0 = ox * a->stride_w - a->pad_left;
    w.y0 = oy * a->stride_h - a->pad_top;
    w.first_x = first_tap(w.x0, a->dilation_w);
    w.first_y = first_tap(w.y0, a->dilation_h);
    w.last_x = last_tap(w.x0, a->dilation_w, a->width, a->kernel_w);
    w.last_y = last_tap(w.y0, a->dilation_h, a->height, a->kernel_h);
    return w;
}

static inline int32_t tap_at(const struct depthwise_s8_args *a, const struct window *w, int32_t ky, int32_t kx) {
    return ((w->y0 + ky * a->dilation_h) * a->width + w->x0 + kx * a->dilation_w) * a->channels;
}

static void channels8(const struct depthwise_s8_args *a, const struct window *w, const uint8_t *image, int32_t c,
                      int32_t at) {
    v128_t zero_point = wasm_i16x8_splat((int16_t)a->zero_point);
    v128_t sum0 = wasm_v128_load(a->bias + c), sum1 = wasm_v128_load(a->bias + c + 4);
    for (int32_t ky = w->first_y; ky < w->last_y; ky++)
        for (int32_t kx = w->first_x; kx < w->last_x; kx++) {
            v128_t x = load8(image + tap_at(a, w, ky, kx) + c, a->is_signed, zero_point);
            v128_t weights = wasm_v128_load(a->weights + (ky * a->kernel_w + kx) * a->channels + c);
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
            int32_t x = code_at(image, tap_at(a, w, ky, kx) + c, a->is_signed) - a->zero_point;
            sum += (uint32_t)(x * a->weights[(ky * a->kernel_w + kx) * a->channels + c]);
        }
    finish(&a->to, at + c, (int32_t)sum, a->multiplier[c]);
}

KERNEL(k_depthwise_s8) {
    const struct depthwise_s8_args *a = (const void *)args;
    int32_t at = 0;
    for (int32_t n = 0; n < a->batch; n++) {
        const uint8_t *image = a->x + n * a->height * a->width * a->channels;
        for (int32_t oy = 0; oy < a->out_height; oy++)
            for (int32_t ox = 0; ox < a->out_width; ox++, at += a->channels) {
                struct window w = window_at(a, oy, ox);
                int32_t c = 0;
                for (; c + 8 <= a->channels; c += 8)
                    channels8(a, &w, image, c, at);
                for (; c < a->channels; c++)
                    channel1(a, &w, image, c, at);
            }
    }
}
