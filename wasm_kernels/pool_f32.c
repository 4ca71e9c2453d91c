#include "kernels.h"

/* The largest float under each window, or their mean: added up in the order of lines and columns, from 0, then divided by
 * how many there are. What is in the padding is never the largest, adds nothing, and counts if it is said to. */
struct pool_f32_args {
    struct images images; /* of float32 */
    int32_t mean;          /* 1: the mean, 0: the largest */
    int32_t count_padding; /* of means */
    float *out;
};

static inline v128_t pooled4(const struct pool_f32_args *a, const struct window *w, const float *channels, v128_t count) {
    v128_t found = wasm_f32x4_splat(a->mean ? 0 : -__builtin_inff());
    for (int32_t y = w->first_y; y < w->last_y; y++)
        for (int32_t x = w->first_x; x < w->last_x; x++) {
            v128_t v = wasm_v128_load(channels + tap_at(&a->images, w, y, x));
            found = a->mean ? wasm_f32x4_add(found, v) : wasm_f32x4_pmax(found, v);
        }
    return a->mean ? wasm_f32x4_div(found, count) : found;
}

static inline float pooled1(const struct pool_f32_args *a, const struct window *w, const float *channel, float count) {
    float found = a->mean ? 0 : -__builtin_inff();
    for (int32_t y = w->first_y; y < w->last_y; y++)
        for (int32_t x = w->first_x; x < w->last_x; x++) {
            float v = channel[tap_at(&a->images, w, y, x)];
            found = a->mean ? found + v : (found < v ? v : found);
        }
    return a->mean ? found / count : found;
}

KERNEL(k_pool_f32) {
    const struct pool_f32_args *a = (const void *)args;
    const float *images = (const void *)a->images.x;
    float *out = a->out;
    for (int32_t n = 0; n < a->images.batch; n++, images += a->images.height * a->images.width * a->images.channels)
        for (int32_t y = 0; y < a->images.out_height; y++)
            for (int32_t x = 0; x < a->images.out_width; x++, out += a->images.channels) {
                struct window w = window_at(&a->images, y, x);
                int32_t inside = (w.last_y - w.first_y) * (w.last_x - w.first_x), c = 0;
                float count = (float)(a->count_padding ? a->images.kernel_h * a->images.kernel_w : inside);
                for (; c + 4 <= a->images.channels; c += 4)
                    wasm_v128_store(out + c, pooled4(a, &w, images + c, wasm_f32x4_splat(count)));
                for (; c < a->images.channels; c++)
                    out[c] = pooled1(a, &w, images + c, count);
            }
}
