#include "kernels.h"

/* 2-D pooling of codes in NHWC. Windows may be padded and dilated; padding never takes part in a maximum. */
struct pool_args {
    const uint8_t *x;
    int32_t batch, height, width, channels;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int32_t out_height, out_width;
    int32_t is_signed;
    struct epilogue to; /* k_maxpool_s8 uses its `out` only, and needs nothing after it */
    /* v = float(sum of (code - zero_point)) * (ratio / float(taps)), through the epilogue */
    int32_t zero_point;
    float ratio;
    int32_t count_padding; /* 1: taps are kernel_h * kernel_w, wherever the window is */
};

/* The window under one output pixel: where it starts in the image, which may be in the padding. */
struct taps {
    int32_t y0, x0;
    const struct pool_args *a;
};

static struct taps taps_of(const struct pool_args *a, int32_t oy, int32_t ox) {
    struct taps t = {oy * a->stride_h - a->pad_top, ox * a->stride_w - a->pad_left, a};
    return t;
}

static int32_t offset_of(const struct taps *t, int32_t ky, int32_t kx) { /* -1: in the padding */
    int32_t y = t->y0 + ky * t->a->dilation_h, x = t->x0 + kx * t->a->dilation_w;
    if (y < 0 || y >= t->a->height || x < 0 || x >= t->a->width)
        return -1;
    return (y * t->a->width + x) * t->a->channels;
}

static void largest(const struct taps *t, const uint8_t *image, uint8_t *out) {
    int32_t flip = t->a->is_signed ? 128 : 0, channels = t->a->channels; /* flipped, signed codes order as unsigned */
    int32_t any = 0;
    for (int32_t ky = 0; ky < t->a->kernel_h; ky++)
        for (int32_t kx = 0; kx < t->a->kernel_w; kx++) {
            int32_t at = offset_of(t, ky, kx);
            if (at < 0)
                continue;
            for (int32_t c = 0; c < channels; c++) {
                uint8_t code = image[at + c];
                out[c] = !any || (uint8_t)(code ^ flip) > (uint8_t)(out[c] ^ flip) ? code : out[c];
            }
            any = 1;
        }
}

KERNEL(k_maxpool_s8) {
    const struct pool_args *a = (const void *)args;
    uint8_t *out = a->to.out;
    for (int32_t n = 0; n < a->batch; n++)
        for (int32_t oy = 0; oy < a->out_height; oy++)
            for (int32_t ox = 0; ox < a->out_width; ox++, out += a->channels) {
                struct taps t = taps_of(a, oy, ox);
                largest(&t, a->x + n * a->height * a->width * a->channels, out);
            }
}

static void average(const struct taps *t, const uint8_t *image, int32_t c, int32_t at) {
    const struct pool_args *a = t->a;
    int32_t sum = 0, count = 0;
    for (int32_t ky = 0; ky < a->kernel_h; ky++)
        for (int32_t kx = 0; kx < a->kernel_w; kx++) {
            int32_t tap = offset_of(t, ky, kx);
            if (tap < 0)
                continue;
            sum += code_at(image, tap + c, a->is_signed) - a->zero_point;
            count++;
        }
    finish(&a->to, at, sum, a->ratio / (float)(a->count_padding ? a->kernel_h * a->kernel_w : count));
}

KERNEL(k_avgpool_s8) {
    const struct pool_args *a = (const void *)args;
    int32_t at = 0;
    for (int32_t n = 0; n < a->batch; n++)
        for (int32_t oy = 0; oy < a->out_height; oy++)
            for (int32_t ox = 0; ox < a->out_width; ox++) {
                struct taps t = taps_of(a, oy, ox);
                for (int32_t c = 0; c < a->channels; c++, at++)
                    average(&t, a->x + n * a->height * a->width * a->channels, c, at);
            }
}
