#include "float_runs.h"

/* Images of another size: each pixel is a weighted mean of two pixels of each of two lines. With p(y, x) a pixel:
 *   above = p(y0, x0) * u0 + p(y0, x1) * u1,  below = p(y1, x0) * u0 + p(y1, x1) * u1
 *   out   = above * v0 + below * v1
 * Which lines and columns, and their weights, comes from the host; an index outside the image is that of the edge. */
struct resize_linear_f32_args {
    const float *image; /* [batch][height][width][channels] */
    int32_t batch, height, width, channels;
    int32_t out_height, out_width;
    const int32_t *lines;         /* [out_height][2] */
    const float *line_weights;    /* [out_height][2] */
    const int32_t *columns;       /* [out_width][2] */
    const float *column_weights;  /* [out_width][2] */
    float *out;                   /* [batch][out_height][out_width][channels] */
};

static inline int32_t inside(int32_t i, int32_t n) { return i < 0 ? 0 : i < n ? i : n - 1; }

KERNEL(k_resize_linear_f32) {
    const struct resize_linear_f32_args *a = (const void *)args;
    const int32_t channels = a->channels, line = a->width * channels;
    const float *image = a->image;
    float *out = a->out;
    for (int32_t i = 0; i < a->batch; i++, image += a->height * line)
        for (int32_t y = 0; y < a->out_height; y++) {
            const float *above = image + inside(a->lines[2 * y], a->height) * line;
            const float *below = image + inside(a->lines[2 * y + 1], a->height) * line;
            v128_t v0 = wasm_v128_load32_splat(a->line_weights + 2 * y);
            v128_t v1 = wasm_v128_load32_splat(a->line_weights + 2 * y + 1);
            for (int32_t x = 0; x < a->out_width; x++, out += channels) {
                int32_t left = inside(a->columns[2 * x], a->width) * channels;
                int32_t right = inside(a->columns[2 * x + 1], a->width) * channels;
                v128_t u0 = wasm_v128_load32_splat(a->column_weights + 2 * x);
                v128_t u1 = wasm_v128_load32_splat(a->column_weights + 2 * x + 1);
                for (int32_t c = 0; c < channels; c += 4) {
                    int32_t few = channels - c;
                    v128_t p = wasm_f32x4_mul(load_next(above + left + c, few), u0);
                    v128_t q = wasm_f32x4_mul(load_next(below + left + c, few), u0);
                    p = wasm_f32x4_add(p, wasm_f32x4_mul(load_next(above + right + c, few), u1));
                    q = wasm_f32x4_add(q, wasm_f32x4_mul(load_next(below + right + c, few), u1));
                    store_next(out + c, wasm_f32x4_add(wasm_f32x4_mul(p, v0), wasm_f32x4_mul(q, v1)), few);
                }
            }
        }
}
