#include "kernels.h"

/* Grouped 2-D convolution of codes in NHWC, by im2col: the window under each output pixel becomes a row of int16
 * values [kernel_h][kernel_w][channels / groups] with the zero-point taken off (so padding is 0), and rows times
 * weights is the product of gemm_s8.c. Blocks of rows go through the scratch, never the whole image. */
struct conv_s8_args {
    const uint8_t *x;
    int32_t batch, height, width, channels;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int32_t out_height, out_width, groups;
    int32_t is_signed, zero_point;
    struct product p; /* columns are those of one group; weights, bias and multiplier of all groups, one after another */
    int16_t *scratch; /* [BLOCK_ROWS][kernel_h * kernel_w * channels / groups, rounded up to even] */
};

static void gather_window(const struct conv_s8_args *a, int32_t pixel, int32_t group, int16_t *to) {
    int32_t depth = a->channels / a->groups;
    int32_t x0 = pixel % a->out_width * a->stride_w - a->pad_left;
    int32_t y0 = pixel / a->out_width % a->out_height * a->stride_h - a->pad_top;
    int32_t image = pixel / (a->out_width * a->out_height);
    for (int32_t ky = 0; ky < a->kernel_h; ky++)
        for (int32_t kx = 0; kx < a->kernel_w; kx++, to += depth) {
            int32_t y = y0 + ky * a->dilation_h, x = x0 + kx * a->dilation_w;
            if (y < 0 || y >= a->height || x < 0 || x >= a->width) {
                for (int32_t c = 0; c < depth; c++)
                    to[c] = 0;
                continue;
            }
            int32_t at = ((image * a->height + y) * a->width + x) * a->channels + group * depth;
            widen(a->x + at, depth, a->is_signed, a->zero_point, to);
        }
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
    int32_t depth = even(a->kernel_h * a->kernel_w * (a->channels / a->groups));
    int32_t pixels = a->batch * a->out_height * a->out_width;
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
