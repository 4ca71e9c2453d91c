#include "gemm.h"

/* Grouped 2-D convolution of codes in NHWC without gathering windows, for windows whose taps lie side by side (dilation_w
 * is 1). Each line of an image is made values once, with its padding, and kept for as long as windows reach it. A window is
 * then one piece of each of its lines, and the next window begins stride_w pixels later: the tiles of gemm_s8.c read both
 * where they are.
 *
 * A piece ends with whole steps: what it takes of the next pixel meets weights of zero, which were packed for that. */
struct conv_lines_s8_args {
    struct images images;
    int32_t groups;
    struct source source;
    struct product product; /* as in conv_s8.c, weights [kernel_h][kernel_w * channels / groups rounded up to whole steps] */
    uint8_t *scratch; /* where lines are, int32 [kernel_h], then lines: one of padding, (kernel_h - 1) * dilation_h + 1 of the image */
};

struct lines {
    int32_t depth, steps; /* values of a pixel, steps of a piece */
    int32_t pixels, bytes; /* of a line */
    int32_t span; /* lines from the first to the last one of a window */
    uint8_t *padding, *ring;
};

static struct lines lines_of(const struct conv_lines_s8_args *a) {
    const struct images *in = &a->images;
    struct lines l;
    l.depth = in->channels / a->groups;
    l.steps = steps_of(in->kernel_w * l.depth);
    l.pixels = (in->out_width - 1) * in->stride_w + in->kernel_w;
    l.bytes = value_bytes((in->out_width - 1) * in->stride_w * l.depth) + l.steps * STEP;
    l.span = (in->kernel_h - 1) * in->dilation_h + 1;
    l.padding = a->scratch + in->kernel_h * (int32_t)sizeof(int32_t);
    l.ring = l.padding + l.bytes;
    return l;
}

static uint8_t *line_at(const struct lines *l, int32_t y) { return l->ring + y % l->span * l->bytes; }

/* The channels of one group of a line of pixels, and the padding beside it that windows reach. */
static void put_line(const struct conv_lines_s8_args *a, const struct lines *l, const uint8_t *codes, uint8_t *to) {
    const struct images *in = &a->images;
    int32_t left = in->pad_left < l->pixels ? in->pad_left : l->pixels, room = l->pixels - left;
    int32_t inside = in->width < room ? in->width : room;
    uint8_t *end = to + l->bytes;
    to = put_zeros(left * l->depth, &a->source, to);
    if (a->groups == 1)
        to = put_values(codes, inside * l->depth, &a->source, to);
    else
        for (int32_t x = 0; x < inside; x++, codes += in->channels)
            to = put_values(codes, l->depth, &a->source, to);
    end_row(put_zeros((room - inside) * l->depth, &a->source, to), end);
}

/* One line of results: as few blocks as can be, which share its pixels evenly. */
static void multiply_line(const struct conv_lines_s8_args *a, const struct lines *l, const struct product *p, int32_t top,
                          int32_t at, int32_t stride) {
    const struct images *in = &a->images;
    int32_t *offsets = (int32_t *)a->scratch;
    struct panel panel = {l->padding, 0, value_bytes(in->stride_w * l->depth), l->steps, offsets, in->kernel_h};
    int32_t blocks = (in->out_width + BLOCK_ROWS - 1) / BLOCK_ROWS, most = (in->out_width + blocks - 1) / blocks;
    for (int32_t x = 0; x < in->out_width; x += most) {
        panel.rows = in->out_width - x < most ? in->out_width - x : most;
        for (int32_t tap = 0, y = top; tap < in->kernel_h; tap++, y += in->dilation_h)
            offsets[tap] = (y >= 0 && y < in->height ? (int32_t)(line_at(l, y) - l->padding) : 0) + x * panel.stride;
        multiply_panel(&panel, p, at + x * stride, stride);
    }
}

KERNEL(k_conv_lines_s8) {
    const struct conv_lines_s8_args *a = (const void *)args;
    const struct images *in = &a->images;
    struct lines l = lines_of(a);
    int32_t stride = a->groups * a->product.columns;
    int32_t size = strips_of(a->product.columns) * in->kernel_h * l.steps * STRIP * STEP;
    if (in->out_width == 0)
        return;
    end_row(put_zeros(l.pixels * l.depth, &a->source, l.padding), l.ring);
    for (int32_t group = 0; group < a->groups; group++) {
        struct product p = product_of_group(&a->product, group, size);
        for (int32_t n = 0; n < in->batch; n++) {
            const uint8_t *image = image_at(in, n) + group * l.depth;
            for (int32_t out_y = 0, next = 0; out_y < in->out_height; out_y++) {
                int32_t top = out_y * in->stride_h - in->pad_top;
                for (next = next < top ? top : next; next < top + l.span && next < in->height; next++)
                    put_line(a, &l, image + next * in->width * in->channels, line_at(&l, next));
                multiply_line(a, &l, &p, top, ((n * in->out_height + out_y) * in->out_width) * stride + group * p.columns,
                              stride);
            }
        }
    }
}
