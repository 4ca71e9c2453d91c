#include "kernels.h"

/* Grouped 2-D convolution of codes in NHWC, by im2col: the window under each output pixel becomes a row of int16
 * values [kernel_h][kernel_w][channels / groups] with the zero-point taken off (so padding is 0), and rows times
 * weights is the product of gemm_s8.c. Blocks of rows go through the scratch, never the whole image. */
struct conv_s8_args {
    struct images in;
    int32_t groups;
    int32_t is_signed, zero_point;
    struct product p; /* columns are those of one group; weights, bias and multiplier of all groups, one after another */
    int16_t *scratch; /* [BLOCK_ROWS][kernel_h * kernel_w * channels / groups, rounded up to even] */
};

static int16_t *zeros(int16_t *to, int32_t n) {
    for (int32_t i = 0; i < n; i++)
        to[i] = 0;
    return to + n;
}

static void gather_window(const struct conv_s8_args *a, int32_t pixel, int32_t group, int16_t *to) {
    const struct images *in = &a->in;
    int32_t depth = in->channels / a->groups, line = pixel / in->out_width;
    struct window w = window_at(in, line % in->out_height, pixel % in->out_width);
    const uint8_t *image = image_at(in, line / in->out_height) + group * depth;
    to = zeros(to, w.first_y * in->kernel_w * depth);
    for (int32_t y = w.first_y; y < w.last_y; y++) {
        to = zeros(to, w.first_x * depth);
        for (int32_t x = w.first_x; x < w.last_x; x++, to += depth)
            widen(image + tap_at(in, &w, y, x), depth, a->is_signed, a->zero_point, to);
        to = zeros(to, (in->kernel_w - w.last_x) * depth);
    }
    zeros(to, (in->kernel_h - w.last_y) * in->kernel_w * depth);
}

static struct product product_of_group(const struct conv_s8_args *a, int32_t group, int32_t depth) {
    struct product p = a->p;
    p.weights += group * ((p.columns + 7) / 8 * 8) * depth;
    p.bias += group * p.columns;
    p.multiplier += group * p.columns;
    return p;
}

KERNEL(k_conv_s8) {
    const struct conv_s8_args *a = (const void *)args;
    int32_t depth = even(a->in.kernel_h * a->in.kernel_w * (a->in.channels / a->groups));
    int32_t pixels = a->in.batch * a->in.out_height * a->in.out_width;
    for (int32_t group = 0; group < a->groups; group++) {
        struct product p = product_of_group(a, group, depth);
        for (int32_t first = 0; first < pixels; first += BLOCK_ROWS) {
            int32_t rows = pixels - first < BLOCK_ROWS ? pixels - first : BLOCK_ROWS;
            for (int32_t r = 0; r < rows; r++)
                gather_window(a, first + r, group, a->scratch + r * depth);
            multiply_block(a->scratch, rows, depth, &p, first, a->groups * p.columns, group * p.columns);
        }
    }
}
