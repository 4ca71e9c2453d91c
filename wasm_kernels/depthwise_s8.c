#include "kernels.h"

/* Depthwise 2-D convolution of codes in NHWC: every channel has one filter of its own.
 *
 * Eight channels at a time, two taps of a line in one i32x4.dot_i16x8_s. For this each line of the image is widened once,
 * its zero-point taken off (so padding is 0), and every value is put beside that of the tap to its right: a *pair*, for
 * eight channels two vectors. The scratch is a ring of as many lines of pairs as a window spans. */
struct depthwise_s8_args {
    struct images in;
    int32_t is_signed, zero_point;
    const int16_t *weights; /* [channels / 8][kernel_h][kernel_w / 2][8][2], rounded up and filled with zeros */
    const int32_t *bias;    /* [channels] */
    const float *multiplier; /* [channels] */
    struct epilogue to;
    int16_t *scratch; /* [span][places][16] and 3 * advance more, see struct ring */
};

enum { PAIR = 16, BLOCK = 4 }; /* int16 values of eight channels' pairs; output pixels at a time */

/* Pairs are kept for every `step`-th column from -pad_left on: for each, or for those that outputs begin at if no window
 * needs others. */
struct ring {
    int32_t span;   /* lines: (kernel_h - 1) * dilation_h + 1 */
    int32_t places; /* of a line: ((out_width - 1) * stride_w + (pairs - 1) * 2 * dilation_w) / step + 1 */
    int32_t step;   /* stride_w if it divides 2 * dilation_w or kernel_w is at most 2; else 1 */
    int32_t pairs;  /* of a line of the kernel: kernel_w / 2, rounded up */
    int32_t advance, jump; /* int16 values from one output, and from one pair, to the next */
};

/* Eight channels, or the last ones. */
struct channels {
    int32_t first, count;
    const int16_t *weights;
    v128_t bias[2], multiplier[2], lo, hi, zero_point;
};

static struct ring ring_of(const struct images *in) {
    struct ring r;
    int32_t apart = 2 * in->dilation_w;
    r.pairs = (in->kernel_w + 1) / 2;
    r.step = r.pairs == 1 || apart % in->stride_w == 0 ? in->stride_w : 1;
    r.span = (in->kernel_h - 1) * in->dilation_h + 1;
    r.places = ((in->out_width - 1) * in->stride_w + (r.pairs - 1) * apart) / r.step + 1;
    r.advance = in->stride_w / r.step * PAIR;
    r.jump = apart / r.step * PAIR;
    return r;
}

static struct channels channels_from(const struct depthwise_s8_args *a, const struct ring *r, int32_t first) {
    struct channels c;
    int32_t bias[8] = {0}, left = a->in.channels - first;
    float multiplier[8] = {0};
    c.first = first;
    c.count = left < 8 ? left : 8;
    c.weights = a->weights + first / 8 * a->in.kernel_h * r->pairs * PAIR;
    for (int32_t i = 0; i < c.count; i++) {
        bias[i] = a->bias[first + i];
        multiplier[i] = a->multiplier[first + i];
    }
    for (int32_t i = 0; i < 2; i++) {
        c.bias[i] = wasm_v128_load(bias + 4 * i);
        c.multiplier[i] = wasm_v128_load(multiplier + 4 * i);
    }
    c.lo = wasm_f32x4_splat(a->to.lo);
    c.hi = wasm_f32x4_splat(a->to.hi);
    c.zero_point = wasm_i8x16_splat((int8_t)a->to.zero_point);
    return c;
}

static inline v128_t pixel8(const struct depthwise_s8_args *a, const struct channels *c, const uint8_t *line, int32_t x) {
    if (x < 0 || x >= a->in.width)
        return wasm_i16x8_splat(0);
    const uint8_t *codes = line + x * a->in.channels;
    if (c->count == 8)
        return load8(codes, a->is_signed, wasm_i16x8_splat((int16_t)a->zero_point));
    int16_t some[8] = {0};
    for (int32_t i = 0; i < c->count; i++)
        some[i] = (int16_t)(code_at(codes, i, a->is_signed) - a->zero_point);
    return wasm_v128_load(some);
}

static inline int16_t *store_pair(int16_t *to, v128_t left, v128_t right) {
    wasm_v128_store(to, wasm_i16x8_shuffle(left, right, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 8, wasm_i16x8_shuffle(left, right, 4, 12, 5, 13, 6, 14, 7, 15));
    return to + PAIR;
}

/* The pairs of `count` columns from x on that lie inside the image as their right neighbours do. */
static int16_t *pack_inside(const struct depthwise_s8_args *a, const uint8_t *codes, int32_t step, int32_t count,
                            int16_t *to) {
    int32_t is_signed = a->is_signed, next = step * a->in.channels, right = a->in.dilation_w * a->in.channels;
    v128_t zero_point = wasm_i16x8_splat((int16_t)a->zero_point), first = load8(codes, is_signed, zero_point);
    for (int32_t i = 0; i < count; i++, codes += next) {
        v128_t second = load8(codes + right, is_signed, zero_point);
        to = store_pair(to, first, second);
        if (next == right)
            first = second;
        else if (i + 1 < count)
            first = load8(codes + next, is_signed, zero_point);
    }
    return to;
}

static void pack_line(const struct depthwise_s8_args *a, const struct ring *r, const struct channels *c,
                      const uint8_t *line, int16_t *to) {
    int32_t dilation = a->in.dilation_w, inside = a->in.width - dilation;
    for (int32_t i = 0, x = -a->in.pad_left; i < r->places;) {
        int32_t count = x < 0 || x >= inside ? 0 : (inside - x - 1) / r->step + 1;
        if (count && c->count == 8) {
            count = count < r->places - i ? count : r->places - i;
            to = pack_inside(a, line + x * a->in.channels, r->step, count, to);
        } else {
            count = 1;
            to = store_pair(to, pixel8(a, c, line, x), pixel8(a, c, line, x + dilation));
        }
        i += count;
        x += count * r->step;
    }
}

/* Eight codes as finish8 makes them, quicker: only the low octet of each rounded value is wanted. */
static inline void store_codes(const struct channels *c, uint8_t *out, v128_t sum0, v128_t sum1) {
    v128_t shift = wasm_f32x4_splat(12582912.0f), octet = wasm_i32x4_splat(255);
    v128_t v0 = clamp4(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum0), c->multiplier[0]), c->lo, c->hi);
    v128_t v1 = clamp4(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum1), c->multiplier[1]), c->lo, c->hi);
    v0 = wasm_v128_and(wasm_f32x4_add(v0, shift), octet);
    v1 = wasm_v128_and(wasm_f32x4_add(v1, shift), octet);
    v0 = wasm_i16x8_narrow_i32x4(v0, v1);
    v0 = wasm_i8x16_add(wasm_u8x16_narrow_i16x8(v0, v0), c->zero_point);
    wasm_v128_store64_lane(out, v0, 0);
}

static inline void store8(const struct depthwise_s8_args *a, const struct channels *c, int32_t at, v128_t sum0,
                          v128_t sum1) {
    if (c->count == 8 && a->to.kind == CODES) {
        store_codes(c, (uint8_t *)a->to.out + at, sum0, sum1);
        return;
    }
    int32_t sums[8];
    wasm_v128_store(sums, sum0);
    wasm_v128_store(sums + 4, sum1);
    for (int32_t i = 0; i < c->count; i++)
        finish(&a->to, at + i, sums[i], a->multiplier[c->first + i]);
}

/* BLOCK output pixels side by side from column x on, of which `count` are there; the first at place `at` of the output. */
static void output_block(const struct depthwise_s8_args *a, const struct ring *r, const struct channels *c,
                         const struct window *w, int32_t x, int32_t at, int32_t count) {
    const int32_t line = r->places * PAIR, down = a->in.dilation_h * line, jump = r->jump, advance = r->advance;
    const int16_t *weights = c->weights + w->first_y * r->pairs * PAIR, *end = a->scratch + r->span * line;
    const int16_t *pairs = a->scratch + (w->y + w->first_y * a->in.dilation_h) % r->span * line;
    v128_t sums[BLOCK][2];
    for (int32_t i = 0; i < BLOCK; i++) {
        sums[i][0] = c->bias[0];
        sums[i][1] = c->bias[1];
    }
    for (int32_t ky = w->first_y; ky < w->last_y; ky++) {
        const int16_t *pair = pairs + x * advance;
        for (int32_t k = 0; k < r->pairs; k++, weights += PAIR, pair += jump) {
            v128_t w0 = wasm_v128_load(weights), w1 = wasm_v128_load(weights + 8);
            const int16_t *p = pair;
            for (int32_t i = 0; i < BLOCK; i++, p += advance) {
                sums[i][0] = wasm_i32x4_add(sums[i][0], wasm_i32x4_dot_i16x8(wasm_v128_load(p), w0));
                sums[i][1] = wasm_i32x4_add(sums[i][1], wasm_i32x4_dot_i16x8(wasm_v128_load(p + 8), w1));
            }
        }
        pairs += down;
        pairs -= pairs >= end ? r->span * line : 0;
    }
    for (int32_t i = 0; i < BLOCK; i++)
        if (i < count)
            store8(a, c, at + i * a->in.channels, sums[i][0], sums[i][1]);
}

/* Output lines `first` to before `last` of image n: eight channels of them. */
static void convolve(const struct depthwise_s8_args *a, const struct ring *r, const struct channels *c, int32_t n,
                     int32_t first, int32_t last) {
    const struct images *in = &a->in;
    const int32_t line = in->width * in->channels, ring_line = r->places * PAIR;
    const uint8_t *image = image_at(in, n) + c->first;
    struct window w = window_at(in, first, 0);
    int32_t next = 0, at = (n * in->out_height + first) * in->out_width * in->channels + c->first;
    for (int32_t y = first; y < last; y++, w.y += in->stride_h) {
        int32_t end = w.y + r->span < in->height ? w.y + r->span : in->height;
        for (next = next < w.y ? w.y : next; next < end; next++)
            pack_line(a, r, c, image + next * line, a->scratch + next % r->span * ring_line);
        w.first_y = first_tap(w.y, in->dilation_h, in->kernel_h);
        w.last_y = last_tap(w.y, in->dilation_h, in->height, in->kernel_h);
        for (int32_t left = in->out_width; left > 0; left -= BLOCK) {
            int32_t count = left < BLOCK ? left : BLOCK;
            output_block(a, r, c, &w, in->out_width - left, at, count);
            at += count * in->channels;
        }
    }
}

/* So many output lines that what they are made from stays in a cache of some 32 KiB while all channels are gone through;
 * lines that windows of the next ones share are widened again. */
static int32_t lines_at_once(const struct images *in) {
    int32_t lines = 32768 / (in->width * in->channels * in->stride_h + 1);
    return lines < 8 ? 8 : lines;
}

KERNEL(k_depthwise_s8) {
    const struct depthwise_s8_args *a = (const void *)args;
    const int32_t lines = lines_at_once(&a->in), height = a->in.out_height;
    struct ring r = ring_of(&a->in);
    for (int32_t n = 0; n < a->in.batch; n++)
        for (int32_t y = 0; y < height; y += lines)
            for (int32_t first = 0; first < a->in.channels; first += 8) {
                struct channels c = channels_from(a, &r, first);
                convolve(a, &r, &c, n, y, y + lines < height ? y + lines : height);
            }
}
