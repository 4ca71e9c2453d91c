#include "gemm_f32.h"

/* The second half of a transposed convolution of float32 in NHWC. Every pixel of the image was multiplied with the whole
 * kernel; here each output pixel adds up, from 0, what lands on it, in the order of kernel row and column. Then as in
 * gemm_f32.h. */
struct spread_f32_args {
    struct images images; /* x is float32 [batch][height][width][kernel_h][kernel_w][channels]; pads are cut off the output */
    const float *bias;    /* [channels] */
    float alpha, lo, hi;
    float *out; /* [batch][out_height][out_width][channels] */
};

/* Which place along an axis lands with a tap on an output place; -1 if none does. */
static int32_t from_place(int32_t out, int32_t pad, int32_t tap, int32_t dilation, int32_t stride, int32_t size) {
    int32_t at = out + pad - tap * dilation;
    return at < 0 || at % stride || at / stride >= size ? -1 : at / stride;
}

static void add_floats(float *to, const float *from, int32_t n) {
    int32_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(to + i, wasm_f32x4_add(wasm_v128_load(to + i), wasm_v128_load(from + i)));
    for (; i < n; i++)
        to[i] += from[i];
}

static void finish_pixel(const struct spread_f32_args *a, float *to) {
    v128_t alpha = wasm_f32x4_splat(a->alpha), lo = wasm_f32x4_splat(a->lo), hi = wasm_f32x4_splat(a->hi);
    int32_t i = 0;
    for (; i + 4 <= a->images.channels; i += 4) {
        v128_t v = wasm_f32x4_add(wasm_f32x4_mul(wasm_v128_load(to + i), alpha), wasm_v128_load(a->bias + i));
        wasm_v128_store(to + i, limit_floats(v, lo, hi));
    }
    for (; i < a->images.channels; i++)
        to[i] = limit_float(to[i] * a->alpha + a->bias[i], a->lo, a->hi);
}

/* What one line of the image adds to an output pixel, by one kernel row. */
static void add_line(const struct images *in, const float *line, int32_t out_x, float *to) {
    for (int32_t tap = 0; tap < in->kernel_w; tap++) {
        int32_t x = from_place(out_x, in->pad_left, tap, in->dilation_w, in->stride_w, in->width);
        if (x >= 0)
            add_floats(to, line + (x * in->kernel_h * in->kernel_w + tap) * in->channels, in->channels);
    }
}

KERNEL(k_spread_f32) {
    const struct spread_f32_args *a = (const void *)args;
    const struct images *in = &a->images;
    int32_t taps = in->kernel_w * in->channels, line = in->width * in->kernel_h * taps;
    float *to = a->out;
    for (int32_t n = 0; n < in->batch; n++)
        for (int32_t out_y = 0; out_y < in->out_height; out_y++)
            for (int32_t out_x = 0; out_x < in->out_width; out_x++, to += in->channels) {
                for (int32_t c = 0; c < in->channels; c++)
                    to[c] = 0;
                for (int32_t tap = 0; tap < in->kernel_h; tap++) {
                    int32_t y = from_place(out_y, in->pad_top, tap, in->dilation_h, in->stride_h, in->height);
                    if (y >= 0)
                        add_line(in, (const float *)in->x + (n * in->height + y) * line + tap * taps, out_x, to);
                }
                finish_pixel(a, to);
            }
}
