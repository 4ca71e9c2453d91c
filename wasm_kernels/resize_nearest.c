#include "copy.h"

/* out[n, y, x] = image[n, lines[y], columns[x]] in NHWC, a pixel being `pixel` bytes (channels, times the bytes of an
 * element). The host makes the tables, of whatever scale and coordinate transformation; an index outside the image
 * is that of the edge. */
struct resize_nearest_args {
    const uint8_t *image;
    int32_t batch, height, width, pixel;
    int32_t out_height, out_width;
    const int32_t *lines;   /* [out_height] */
    const int32_t *columns; /* [out_width] */
    uint8_t *out;
};

static inline int32_t within(int32_t i, int32_t n) { return i < 0 ? 0 : i < n ? i : n - 1; }

static void resize_line(const struct resize_nearest_args *a, const uint8_t *line, uint8_t *out) {
    for (int32_t x = 0; x < a->out_width; x++) {
        const uint8_t *pixel = line + within(a->columns[x], a->width) * a->pixel;
        if (a->pixel == 1)
            out[x] = *pixel;
        else
            copy_bytes(out + x * a->pixel, pixel, a->pixel);
    }
}

KERNEL(k_resize_nearest) {
    const struct resize_nearest_args *a = (const void *)args;
    int32_t from = a->width * a->pixel, to = a->out_width * a->pixel;
    uint8_t *out = a->out;
    for (int32_t n = 0; n < a->batch; n++)
        for (int32_t y = 0, before = -1; y < a->out_height; y++, out += to) {
            int32_t line = within(a->lines[y], a->height);
            if (line == before)
                copy_bytes(out, out - to, to);
            else
                resize_line(a, a->image + (n * a->height + line) * from, out);
            before = line;
        }
}
