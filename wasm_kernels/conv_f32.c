#include "copy.h"
#include "gemm_f32.h"

/* Grouped 2-D convolution of float32 in NHWC. The window under an output pixel is a row of values whose lines lie apart, which
 * the tiles of gemm_f32.c take where they are: no window is copied. Only where windows see padding, the lines of the image
 * that a band of output lines sees are copied with zeros around them. The depth is kernel row, kernel column, channel. */
struct conv_f32_args {
    struct images images; /* of float32 */
    int32_t groups;
    struct float_product product; /* columns are those of one group; weights and bias of all groups, one after another */
    int32_t band;                 /* output lines that share a copy */
    float *lines; /* [(band - 1) * stride_h + (kernel_h - 1) * dilation_h + 1][likewise along the width][channels]; or 0 where
                   * no window sees padding */
};

/* Output lines, and where their windows begin: in the copied lines, or in the images, all of which are one band. */
struct band {
    const float *x;
    int32_t width, first, lines, images;
};

static float *put_zero_floats(int32_t n, float *to) {
    int32_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(to + i, wasm_f32x4_splat(0));
    for (; i < n; i++)
        to[i] = 0;
    return to + n;
}

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

/* One line of an image with the padding that windows see. */
static float *put_line(const struct images *in, const float *line, int32_t width, float *to) {
    int32_t left = least(in->pad_left, width), inside = least(in->width, width - left);
    to = put_zero_floats(left * in->channels, to);
    copy_bytes((uint8_t *)to, (const uint8_t *)line, 4 * inside * in->channels);
    to += inside * in->channels;
    return put_zero_floats((width - left - inside) * in->channels, to);
}

/* What the windows of some output lines see, copied. */
static struct band band_of(const struct conv_f32_args *a, const float *image, int32_t first, int32_t lines) {
    const struct images *in = &a->images;
    int32_t size = in->width * in->channels, y = first * in->stride_h - in->pad_top;
    int32_t width = (in->out_width - 1) * in->stride_w + (in->kernel_w - 1) * in->dilation_w + 1;
    int32_t end = y + (lines - 1) * in->stride_h + (in->kernel_h - 1) * in->dilation_h + 1;
    for (float *to = a->lines; y < end; y++)
        to = y < 0 || y >= in->height ? put_zero_floats(width * in->channels, to) : put_line(in, image + y * size, width, to);
    return (struct band){a->lines, width, first, lines, 1};
}

static struct runs runs_of(const struct conv_f32_args *a, int32_t width) {
    const struct images *in = &a->images;
    int32_t line = in->dilation_h * width * in->channels;
    if (a->groups == 1 && in->dilation_w == 1)
        return (struct runs){in->kernel_h, 1, in->kernel_w * in->channels, line, 0};
    return (struct runs){in->kernel_h, in->kernel_w, in->channels / a->groups, line, in->dilation_w * in->channels};
}

/* All pixels of a band in one group; `at` is where the first result goes. */
static void multiply_band(const struct conv_f32_args *a, const struct band *band, const float *x,
                          const struct float_product *p, int32_t at) {
    const struct images *in = &a->images;
    struct runs runs = runs_of(a, band->width);
    int32_t pixels = band->images * band->lines * in->out_width, stride = a->groups * p->columns;
    int32_t line = in->stride_h * band->width * in->channels, step = in->stride_w * in->channels;
    for (int32_t first = 0, y = 0, out_x = 0; first < pixels; first += FLOAT_BLOCK) {
        const float *rows[FLOAT_BLOCK];
        int32_t count = least(pixels - first, FLOAT_BLOCK);
        for (int32_t r = 0; r < count; r++) {
            rows[r] = x + y * line + out_x * step;
            if (++out_x == in->out_width) {
                out_x = 0;
                y++;
            }
            if (y == band->lines) {
                y = 0;
                x += in->height * in->width * in->channels;
            }
        }
        multiply_floats(rows, count, &runs, p, at + first * stride, stride);
    }
}

/* A band of image n in all groups. */
static void multiply_groups(const struct conv_f32_args *a, const struct band *band, int32_t n) {
    const struct images *in = &a->images;
    struct float_product p = a->product;
    int32_t depth = in->channels / a->groups, strips = float_strips(p.columns) * FLOAT_STRIP;
    int32_t size = strips * in->kernel_h * in->kernel_w * depth;
    int32_t at = (n * in->out_height + band->first) * in->out_width * a->groups * p.columns;
    for (int32_t g = 0; g < a->groups; g++, p.weights += size, p.bias += strips)
        multiply_band(a, band, band->x + g * depth, &p, at + g * p.columns);
}

KERNEL(k_conv_f32) {
    const struct conv_f32_args *a = (const void *)args;
    const struct images *in = &a->images;
    const float *x = (const float *)in->x;
    if (!a->lines) {
        struct band all = {x, in->width, 0, in->out_height, in->batch};
        multiply_groups(a, &all, 0);
        return;
    }
    for (int32_t n = 0; n < in->batch; n++, x += in->height * in->width * in->channels)
        for (int32_t y = 0; y < in->out_height; y += a->band) {
            struct band band = band_of(a, x, y, least(a->band, in->out_height - y));
            multiply_groups(a, &band, n);
        }
}
