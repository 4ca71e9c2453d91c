/* The relaxed dot product as some machine computes it, of instructions that are the same everywhere. The tests compile the
 * relaxed build with it: see conftest.py. By default as x86 with AVX-VNNI does (vpdpbusd: values are uint8, weights int8,
 * nothing saturates); with SATURATING as x86 without it (vpmaddubsw: pairs are added in int16, which saturates). */
#include <wasm_simd128.h>

static inline v128_t stand_in_for_dot(v128_t weights, v128_t values, v128_t sum) {
    v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(weights), wasm_u16x8_extend_low_u8x16(values));
    v128_t high = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(weights), wasm_u16x8_extend_high_u8x16(values));
#if defined(SATURATING)
    return wasm_i32x4_add(sum, wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_narrow_i32x4(low, high)));
#else
    v128_t even = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6), odd = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
    return wasm_i32x4_add(sum, wasm_i32x4_add(even, odd));
#endif
}

#define RELAXED_DOT stand_in_for_dot
