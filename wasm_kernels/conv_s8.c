#include "gemm.h"

/* Grouped 2-D convolution of codes in NHWC, by im2col: the window under each output pixel becomes a row of values
 * [kernel_h][kernel_w][channels / groups], and rows times weights is the product of gemm_s8.c. Blocks of rows go through
 * the scratch, never the whole image. */
struct conv_s8_args {
    struct images images;
    int32_t groups;
    struct source source;
    struct product product; /* columns are those of one group; weights, bias, shift and multiplier of all groups, one after another */
    uint8_t *scratch; /* [BLOCK_ROWS][steps][STEP] */
};

/* `taps` taps of one line of a window. They lie together where nothing is skipped between them. */
static uint8_t *gather_taps(const struct conv_s8_args *a, const uint8_t *codes, int32_t taps, int32_t depth, uint8_t *to) {
    int32_t step = a->images.dilation_w * a->images.channels;
    if (step == depth)
        return put_values(codes, taps * depth, &a->source, to);
    for (int32_t x = 0; x < taps; x++)
        to = put_values(codes + x * step, depth, &a->source, to);
    return to;
}

static uint8_t *gather_window(const struct conv_s8_args *a, const struct window *w, const uint8_t *image, int32_t depth,
                              uint8_t *to) {
    const struct images *in = &a->images;
    int32_t whole = w->first_y + w->first_x == 0 && w->last_y == in->kernel_h && w->last_x == in->kernel_w;
    if (whole && in->dilation_w * in->channels == depth) {
        const uint8_t *line = image + tap_at(in, w, 0, 0);
        for (int32_t y = 0; y < in->kernel_h; y++, line += in->dilation_h * in->width * in->channels)
            to = put_values(line, in->kernel_w * depth, &a->source, to);
        return to;
    }
    to = put_zeros(w->first_y * in->kernel_w * depth, &a->source, to);
    for (int32_t y = w->first_y; y < w->last_y; y++) {
        to = put_zeros(w->first_x * depth, &a->source, to);
        if (w->first_x < w->last_x)
            to = gather_taps(a, image + tap_at(in, w, y, w->first_x), w->last_x - w->first_x, depth, to);
        to = put_zeros((in->kernel_w - w->last_x) * depth, &a->source, to);
    }
    return put_zeros((in->kernel_h - w->last_y) * in->kernel_w * depth, &a->source, to);
}

/* The window at a column of a line whose first window is `w`: no division where it lies inside the image. */
static struct window window_in_line(const struct images *in, struct window w, int32_t out_x) {
    w.x = out_x * in->stride_w - in->pad_left;
    w.first_x = 0;
    w.last_x = in->kernel_w;
    if (w.x < 0)
        w.first_x = first_tap(w.x, in->dilation_w, in->kernel_w);
    if (w.x + (in->kernel_w - 1) * in->dilation_w >= in->width) {
        w.last_x = last_tap(w.x, in->dilation_w, in->width, in->kernel_w);
        w.first_x = w.first_x < w.last_x ? w.first_x : w.last_x; /* perhaps all of it is padding */
    }
    return w;
}

/* `rows` windows from output pixel `first` on. */
static struct panel gather(const struct conv_s8_args *a, int32_t group, int32_t first, int32_t rows) {
    const struct images *in = &a->images;
    int32_t depth = in->channels / a->groups, steps = steps_of(in->kernel_h * in->kernel_w * depth);
    struct panel made = {a->scratch, rows, steps * STEP, steps, 0, 1};
    int32_t line = first / in->out_width, x = first % in->out_width;
    uint8_t *to = a->scratch;
    for (int32_t r = 0; r < rows; line++, x = 0) {
        struct window start = window_at(in, line % in->out_height, 0);
        start.first_y = start.first_y < start.last_y ? start.first_y : start.last_y;
        const uint8_t *image = image_at(in, line / in->out_height) + group * depth;
        for (; x < in->out_width && r < rows; x++, r++, to += made.stride) {
            struct window w = window_in_line(in, start, x);
            end_row(gather_window(a, &w, image, depth, to), to + made.stride);
        }
    }
    return made;
}

KERNEL(k_conv_s8) {
    const struct conv_s8_args *a = (const void *)args;
    int32_t pixels = a->images.batch * a->images.out_height * a->images.out_width;
    int32_t depth = a->images.kernel_h * a->images.kernel_w * (a->images.channels / a->groups);
    int32_t size = packed_size(depth, a->product.columns);
    for (int32_t group = 0; group < a->groups; group++) {
        struct product p = product_of_group(&a->product, group, size);
        for (int32_t first = 0; first < pixels; first += BLOCK_ROWS) {
            int32_t rows = pixels - first < BLOCK_ROWS ? pixels - first : BLOCK_ROWS;
            struct panel panel = gather(a, group, first, rows);
            multiply_panel(&panel, &p, first * a->groups * p.columns + group * p.columns, a->groups * p.columns);
        }
    }
}
