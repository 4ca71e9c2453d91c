#include "gemm.h"

/* Depthwise 2-D convolution of codes in NHWC: every channel has one filter of its own.
 *
 * Eight channels at a time, and as many taps of a line in one dot product as gemm.h has codes in a step: two int16, or
 * four octets in the relaxed build. For this each line of the image is made into *groups* once: every pixel beside
 * those of the taps to its right, for eight channels two vectors. The scratch is a ring of as many lines of groups as a
 * window spans; padding is lines and pixels of zero-points.
 *
 * The relaxed build takes weights as int8. Wider ones are a sum of such, called planes. */
struct depthwise_s8_args {
    struct images images;
    struct source source;
    const uint8_t *weights; /* [channels / 8][planes][kernel_h][kernel_w / TAPS][8][STEP octets], rounded up, zeros */
    int32_t planes;          /* 1 where offsets of weights fit */
    const int32_t *bias;     /* [channels]; with the share of the zero-point where values keep it, as gemm.h says */
    const float *multiplier; /* [channels] */
    struct epilogue to;
    uint8_t *scratch; /* [span][places][GROUP] and 3 * advance more, see struct ring */
};

enum { TAPS = STEP_CODES, GROUP = 8 * STEP, BLOCK = 4 }; /* octets of eight channels' groups; output pixels at a time */

/* Groups are kept for every `step`-th column from -pad_left on: for each, or for those that outputs begin at if no window
 * needs others. Sizes are in octets. */
struct ring {
    int32_t span;   /* lines: (kernel_h - 1) * dilation_h + 1 */
    int32_t places; /* of a line: ((out_width - 1) * stride_w + (groups - 1) * TAPS * dilation_w) / step + 1 */
    int32_t step;   /* stride_w if it divides TAPS * dilation_w or there is one group; else 1 */
    int32_t groups; /* of a line of the kernel: kernel_w / TAPS, rounded up */
    int32_t line, advance, jump; /* from one line, output and group to the next */
    int32_t base;   /* a multiple of span, so that (line of the image + base) % span is its place in the ring */
};

/* Eight channels, or the last ones. */
struct channels {
    int32_t first, count;
    const uint8_t *weights;
    v128_t bias[2], multiplier[2], lo, hi, zero_point;
};

static struct ring ring_of(const struct images *in) {
    struct ring r;
    int32_t apart = TAPS * in->dilation_w;
    r.groups = (in->kernel_w + TAPS - 1) / TAPS;
    r.step = r.groups == 1 || apart % in->stride_w == 0 ? in->stride_w : 1;
    r.span = (in->kernel_h - 1) * in->dilation_h + 1;
    r.places = ((in->out_width - 1) * in->stride_w + (r.groups - 1) * apart) / r.step + 1;
    r.line = r.places * GROUP;
    r.advance = in->stride_w / r.step * GROUP;
    r.jump = apart / r.step * GROUP;
    r.base = (in->pad_top + r.span - 1) / r.span * r.span;
    return r;
}

static uint8_t *ring_line(const struct depthwise_s8_args *a, const struct ring *r, int32_t line) {
    return a->scratch + (line + r->base) % r->span * r->line;
}

static struct channels channels_from(const struct depthwise_s8_args *a, const struct ring *r, int32_t first) {
    struct channels c;
    int32_t bias[8] = {0}, left = a->images.channels - first;
    float multiplier[8] = {0};
    c.first = first;
    c.count = left < 8 ? left : 8;
    c.weights = a->weights + first / 8 * a->planes * a->images.kernel_h * r->groups * GROUP;
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

/* What differs between the builds: eight codes as values (in the relaxed build in the lower half of a vector), values of
 * a zero, and a group of TAPS of these. */
#if defined(__wasm_relaxed_simd__)
static inline v128_t values8(const struct source *from, const uint8_t *codes) {
    return wasm_v128_xor(wasm_v128_load64_zero(codes), wasm_i8x16_splat((int8_t)from->flip));
}

static inline v128_t zeros8(const struct source *from) {
    return wasm_i8x16_splat((int8_t)(from->zero_point ^ from->flip));
}

static inline void store_group(uint8_t *to, const v128_t taps[TAPS]) {
    v128_t first = wasm_i8x16_shuffle(taps[0], taps[1], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    v128_t second = wasm_i8x16_shuffle(taps[2], taps[3], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    wasm_v128_store(to, wasm_i16x8_shuffle(first, second, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 16, wasm_i16x8_shuffle(first, second, 4, 12, 5, 13, 6, 14, 7, 15));
}
#else
static inline v128_t values8(const struct source *from, const uint8_t *codes) {
    return load8(codes, from->is_signed, wasm_i16x8_splat((int16_t)from->zero_point));
}

static inline v128_t zeros8(const struct source *from) {
    (void)from;
    return wasm_i16x8_splat(0);
}

static inline void store_group(uint8_t *to, const v128_t taps[TAPS]) {
    wasm_v128_store(to, wasm_i16x8_shuffle(taps[0], taps[1], 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 16, wasm_i16x8_shuffle(taps[0], taps[1], 4, 12, 5, 13, 6, 14, 7, 15));
}
#endif

static v128_t pixel8(const struct depthwise_s8_args *a, const struct channels *c, const uint8_t *line, int32_t x) {
    uint8_t some[8] = {0};
    if (x < 0 || x >= a->images.width)
        return zeros8(&a->source);
    const uint8_t *codes = line + x * a->images.channels;
    if (c->count == 8)
        return values8(&a->source, codes);
    for (int32_t i = 0; i < c->count; i++)
        some[i] = codes[i];
    return values8(&a->source, some);
}

/* The groups of `count` columns from x on that lie inside the image as their neighbours do. */
static void pack_inside(const struct depthwise_s8_args *a, const uint8_t *codes, int32_t step, int32_t count,
                        uint8_t *to) {
    const struct source from = a->source;
    const int32_t next = step * a->images.channels, right = a->images.dilation_w * a->images.channels;
    v128_t taps[TAPS];
    for (int32_t t = 0; t < TAPS - 1; t++)
        taps[t] = values8(&from, codes + t * right);
    for (int32_t i = 0; i < count; i++, codes += next, to += GROUP) {
        taps[TAPS - 1] = values8(&from, codes + (TAPS - 1) * right);
        store_group(to, taps);
        if (next == right)
            for (int32_t t = 0; t < TAPS - 1; t++)
                taps[t] = taps[t + 1];
        else if (i + 1 < count)
            for (int32_t t = 0; t < TAPS - 1; t++)
                taps[t] = values8(&from, codes + next + t * right);
    }
}

static void pack_line(const struct depthwise_s8_args *a, const struct ring *r, const struct channels *c,
                      const uint8_t *line, uint8_t *to) {
    int32_t inside = a->images.width - (TAPS - 1) * a->images.dilation_w;
    for (int32_t i = 0, x = -a->images.pad_left, count; i < r->places; i += count, x += count * r->step, to += count * GROUP) {
        count = x < 0 || x >= inside ? 0 : (inside - x - 1) / r->step + 1;
        count = count < r->places - i ? count : r->places - i;
        if (count && c->count == 8) {
            pack_inside(a, line + x * a->images.channels, r->step, count, to);
            continue;
        }
        v128_t taps[TAPS];
        for (int32_t t = 0; t < TAPS; t++)
            taps[t] = pixel8(a, c, line, x + t * a->images.dilation_w);
        store_group(to, taps);
        count = 1;
    }
}

static void pack_padding(const struct depthwise_s8_args *a, const struct ring *r, uint8_t *to) {
    v128_t zeros = zeros8(&a->source);
    for (int32_t i = 0; i < r->line; i += 16)
        wasm_v128_store(to + i, zeros);
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

/* BLOCK output pixels side by side from column x on, of which `count` are there; the first at place `at` of the output. The
 * window begins at `top` in the ring. */
static void output_block(const struct depthwise_s8_args *a, const struct ring *r, const struct channels *c,
                         const uint8_t *top, int32_t x, int32_t at, int32_t count) {
    const int32_t down = a->images.dilation_h * r->line, jump = r->jump, advance = r->advance, whole = r->span * r->line;
    const uint8_t *weights = c->weights, *end = a->scratch + whole;
    v128_t sums[BLOCK][2];
    for (int32_t i = 0; i < BLOCK; i++) {
        sums[i][0] = c->bias[0];
        sums[i][1] = c->bias[1];
    }
    for (int32_t plane = 0; plane < a->planes; plane++) {
        const uint8_t *line = top;
        for (int32_t ky = 0; ky < a->images.kernel_h; ky++) {
            const uint8_t *group = line + x * advance;
            for (int32_t k = 0; k < r->groups; k++, weights += GROUP, group += jump) {
                v128_t w0 = wasm_v128_load(weights), w1 = wasm_v128_load(weights + 16);
                const uint8_t *p = group;
                for (int32_t i = 0; i < BLOCK; i++, p += advance) {
                    sums[i][0] = add_products(sums[i][0], wasm_v128_load(p), w0);
                    sums[i][1] = add_products(sums[i][1], wasm_v128_load(p + 16), w1);
                }
            }
            line += down;
            line -= line >= end ? whole : 0;
        }
    }
    for (int32_t i = 0; i < BLOCK; i++)
        if (i < count)
            store8(a, c, at + i * a->images.channels, sums[i][0], sums[i][1]);
}

/* Output lines `first` to before `last` of image n: eight channels of them. */
static void convolve(const struct depthwise_s8_args *a, const struct ring *r, const struct channels *c, int32_t n,
                     int32_t first, int32_t last) {
    const struct images *in = &a->images;
    const int32_t line = in->width * in->channels;
    const uint8_t *image = image_at(in, n) + c->first;
    int32_t top = first * in->stride_h - in->pad_top, next = top;
    int32_t at = (n * in->out_height + first) * in->out_width * in->channels + c->first;
    for (int32_t y = first; y < last; y++, top += in->stride_h) {
        for (next = next < top ? top : next; next < top + r->span; next++)
            if (next < 0 || next >= in->height)
                pack_padding(a, r, ring_line(a, r, next));
            else
                pack_line(a, r, c, image + next * line, ring_line(a, r, next));
        for (int32_t left = in->out_width; left > 0; left -= BLOCK) {
            int32_t count = left < BLOCK ? left : BLOCK;
            output_block(a, r, c, ring_line(a, r, top), in->out_width - left, at, count);
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
    const int32_t lines = lines_at_once(&a->images), height = a->images.out_height;
    struct ring r = ring_of(&a->images);
    for (int32_t n = 0; n < a->images.batch; n++)
        for (int32_t y = 0; y < height; y += lines)
            for (int32_t first = 0; first < a->images.channels; first += 8) {
                struct channels c = channels_from(a, &r, first);
                convolve(a, &r, &c, n, y, y + lines < height ? y + lines : height);
            }
}
