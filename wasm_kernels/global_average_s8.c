#include "kernels.h"

/* The mean of all pixels of each channel: v = float(sum of (code - zero_point)) * (ratio / float(pixels)), through the
 * epilogue. k_avgpool_s8 over a whole image gives the same. Eight channels at a time. */
struct global_average_s8_args {
    const uint8_t *codes; /* [batch][pixels][channels] */
    int32_t batch, pixels, channels;
    int32_t is_signed, zero_point;
    float ratio; /* scale of x over scale of the output */
    struct epilogue to; /* out [batch][channels] */
};

enum { FEW = 257 }; /* so many octets add up to 65535 at most */

struct sums8 {
    v128_t low, high;
};

/* Sums of octets, seen as unsigned. */
static struct sums8 add8(const uint8_t *octets, int32_t pixels, int32_t channels, v128_t flip) {
    struct sums8 s = {wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
    for (int32_t first = 0; first < pixels; first += FEW) {
        int32_t end = pixels - first < FEW ? pixels : first + FEW;
        v128_t some = wasm_i16x8_splat(0);
        for (int32_t p = first; p < end; p++) {
            v128_t octet = wasm_v128_xor(wasm_v128_load64_zero(octets + p * channels), flip);
            some = wasm_i16x8_add(some, wasm_u16x8_extend_low_u8x16(octet));
        }
        s.low = wasm_i32x4_add(s.low, wasm_u32x4_extend_low_u16x8(some));
        s.high = wasm_i32x4_add(s.high, wasm_u32x4_extend_high_u16x8(some));
    }
    return s;
}

KERNEL(k_global_average_s8) {
    const struct global_average_s8_args *a = (const void *)args;
    float multiplier = a->ratio / (float)a->pixels;
    int32_t moved = a->is_signed ? 128 : 0, less = a->pixels * (a->zero_point + moved);
    v128_t flip = wasm_i8x16_splat((int8_t)moved), multiplier4 = wasm_f32x4_splat(multiplier);
    for (int32_t n = 0; n < a->batch; n++) {
        const uint8_t *codes = a->codes + n * a->pixels * a->channels;
        int32_t c = 0, at = n * a->channels;
        for (; c + 8 <= a->channels; c += 8) {
            struct sums8 s = add8(codes + c, a->pixels, a->channels, flip);
            finish8(&a->to, at + c, wasm_i32x4_sub(s.low, wasm_i32x4_splat(less)),
                    wasm_i32x4_sub(s.high, wasm_i32x4_splat(less)), multiplier4, multiplier4);
        }
        for (; c < a->channels; c++) {
            int32_t sum = -less;
            for (int32_t p = 0; p < a->pixels; p++)
                sum += codes[p * a->channels + c] ^ moved;
            finish(&a->to, at + c, sum, multiplier);
        }
    }
}
