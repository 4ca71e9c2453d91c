/* What all kernels share. See README.md for the rules they keep and how they are built.
 *
 * Every kernel is `void k_name(const int32_t *args)`. The words at `args` are the fields of the struct that stands above
 * the kernel, in order: an int32, a float32 by its bits, or an address in the memory the module imports. */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdint.h>
#include <wasm_simd128.h>

#define KERNEL(name) __attribute__((export_name(#name))) void name(const int32_t *args)

enum { CODES = 0, FLOATS = 1, ACCUMULATORS = 2 }; /* epilogue.kind */

/* Where results go: v = clamp(v, lo, hi), where lo and hi are relative to the zero-point; then rint(v) + zero_point as
 * a byte (CODES), or v itself (FLOATS). ACCUMULATORS stores int32 sums before any of this. */
struct epilogue {
    float lo, hi;
    int32_t zero_point;
    int32_t kind;
    void *out;
};

static inline float clampf(float v, float lo, float hi) { /* NaN gives lo */
    v = lo < v ? v : lo;
    return v < hi ? v : hi;
}

static inline v128_t clamp4(v128_t v, v128_t lo, v128_t hi) {
    return wasm_f32x4_pmin(hi, wasm_f32x4_pmax(lo, v));
}

/* Rounds |v| < 2^22 half to even: the sum has no bits below one, and its low bits are the integer. */
static inline v128_t round4(v128_t v) {
    v128_t shifted = wasm_f32x4_add(v, wasm_f32x4_splat(12582912.0f));
    return wasm_i32x4_sub(shifted, wasm_i32x4_splat(0x4B400000));
}

/* The low bytes of four vectors of int32 that are known to be in -128..255. */
static inline v128_t low_bytes(v128_t a, v128_t b, v128_t c, v128_t d) {
    v128_t low = wasm_i16x8_splat(0xFF);
    v128_t ab = wasm_v128_and(wasm_i16x8_narrow_i32x4(a, b), low), cd = wasm_v128_and(wasm_i16x8_narrow_i32x4(c, d), low);
    return wasm_u8x16_narrow_i16x8(ab, cd);
}

/* Eight codes as int16, their zero-point taken off. */
static inline v128_t load8(const uint8_t *codes, int32_t is_signed, v128_t zero_point) {
    v128_t wide = is_signed ? wasm_i16x8_load8x8(codes) : wasm_u16x8_load8x8(codes);
    return wasm_i16x8_sub(wide, zero_point);
}

static inline int32_t code_at(const uint8_t *codes, int32_t i, int32_t is_signed) {
    return is_signed ? (int8_t)codes[i] : codes[i];
}

/* n codes as int16, their zero-point taken off. */
static inline void widen(const uint8_t *codes, int32_t n, int32_t is_signed, int32_t zero_point, int16_t *to) {
    v128_t zero_points = wasm_i16x8_splat((int16_t)zero_point);
    int32_t i = 0;
    for (; i + 8 <= n; i += 8)
        wasm_v128_store(to + i, load8(codes + i, is_signed, zero_points));
    for (; i < n; i++)
        to[i] = (int16_t)(code_at(codes, i, is_signed) - zero_point);
}

/* Stores one scaled result at place i: see struct epilogue. */
static inline void finish_value(const struct epilogue *to, int32_t i, float v) {
    v = clampf(v, to->lo, to->hi);
    if (to->kind == FLOATS)
        ((float *)to->out)[i] = v;
    else
        ((uint8_t *)to->out)[i] = (uint8_t)((int32_t)__builtin_rintf(v) + to->zero_point);
}

/* Stores eight scaled results from place i on. */
static inline void finish_values8(const struct epilogue *to, int32_t i, v128_t v0, v128_t v1) {
    v128_t lo = wasm_f32x4_splat(to->lo), hi = wasm_f32x4_splat(to->hi);
    v0 = clamp4(v0, lo, hi);
    v1 = clamp4(v1, lo, hi);
    if (to->kind == FLOATS) {
        wasm_v128_store((float *)to->out + i, v0);
        wasm_v128_store((float *)to->out + i + 4, v1);
        return;
    }
    v128_t zero_point = wasm_i32x4_splat(to->zero_point);
    v0 = wasm_i32x4_add(round4(v0), zero_point);
    v1 = wasm_i32x4_add(round4(v1), zero_point);
    wasm_v128_store64_lane((uint8_t *)to->out + i, low_bytes(v0, v1, v0, v1), 0);
}

/* The same for sums that have yet to be multiplied. */
static inline void finish(const struct epilogue *to, int32_t i, int32_t sum, float multiplier) {
    if (to->kind == ACCUMULATORS)
        ((int32_t *)to->out)[i] = sum;
    else
        finish_value(to, i, (float)sum * multiplier);
}

static inline void finish8(const struct epilogue *to, int32_t i, v128_t sum0, v128_t sum1, v128_t m0, v128_t m1) {
    if (to->kind == ACCUMULATORS) {
        wasm_v128_store((int32_t *)to->out + i, sum0);
        wasm_v128_store((int32_t *)to->out + i + 4, sum1);
        return;
    }
    finish_values8(to, i, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum0), m0),
                   wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum1), m1));
}

/* Images in NHWC and how a window moves over them: what all image kernels begin with. */
struct images {
    const uint8_t *x;
    int32_t batch, height, width, channels;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int32_t out_height, out_width;
};

/* The window under one output pixel: where it starts (perhaps in the padding), and the taps of it, from first to before
 * last along each axis, that lie inside the image. */
struct window {
    int32_t y, x, first_y, last_y, first_x, last_x;
};

static inline int32_t first_tap(int32_t start, int32_t step, int32_t taps) {
    int32_t outside = start >= 0 ? 0 : (-start + step - 1) / step;
    return outside < taps ? outside : taps;
}

static inline int32_t last_tap(int32_t start, int32_t step, int32_t size, int32_t taps) {
    int32_t inside = size <= start ? 0 : (size - start + step - 1) / step;
    return inside < taps ? inside : taps;
}

static inline struct window window_at(const struct images *a, int32_t out_y, int32_t out_x) {
    struct window w;
    w.y = out_y * a->stride_h - a->pad_top;
    w.x = out_x * a->stride_w - a->pad_left;
    w.first_y = first_tap(w.y, a->dilation_h, a->kernel_h);
    w.first_x = first_tap(w.x, a->dilation_w, a->kernel_w);
    w.last_y = last_tap(w.y, a->dilation_h, a->height, a->kernel_h);
    w.last_x = last_tap(w.x, a->dilation_w, a->width, a->kernel_w);
    return w;
}

/* Where a tap's first channel is, from the start of its image. */
static inline int32_t tap_at(const struct images *a, const struct window *w, int32_t tap_y, int32_t tap_x) {
    return ((w->y + tap_y * a->dilation_h) * a->width + w->x + tap_x * a->dilation_w) * a->channels;
}

static inline const uint8_t *image_at(const struct images *a, int32_t n) {
    return a->x + n * a->height * a->width * a->channels;
}

#endif
