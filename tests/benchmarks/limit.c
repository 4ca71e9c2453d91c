/* What the machine can multiply at most: the innermost instruction of our integer products on registers alone. The bench
 * page runs it beside them. Twelve independent sums hide the latency; each depends on itself, so that nothing can be taken
 * out of the loop. */
#include <stdint.h>
#include <wasm_simd128.h>

enum { SUMS = 12 };

#if defined(__wasm_relaxed_simd__)
enum { MACS = 16 * SUMS };
#define STEP(sum, b) wasm_i32x4_relaxed_dot_i8x16_i7x16_add(b, b, sum)
#else
enum { MACS = 8 * SUMS };
#define STEP(sum, b) wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(sum, b))
#endif

__attribute__((export_name("macs_per_step"))) int32_t macs_per_step(void) { return MACS; }

__attribute__((export_name("multiply"))) int32_t multiply(int32_t steps) {
    v128_t sum[SUMS], b = wasm_i32x4_splat(steps);
    for (int32_t i = 0; i < SUMS; i++)
        sum[i] = wasm_i32x4_splat(i);
    for (int32_t k = 0; k < steps; k++) {
#pragma clang loop unroll(full)
        for (int32_t i = 0; i < SUMS; i++)
            sum[i] = STEP(sum[i], b);
    }
    for (int32_t i = 1; i < SUMS; i++)
        sum[0] = wasm_i32x4_add(sum[0], sum[i]);
    return wasm_i32x4_extract_lane(sum[0], 0);
}
