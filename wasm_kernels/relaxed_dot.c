#include "gemm.h"

/* How this machine computes the relaxed dot product of weights (int8) and values (octets): UNSIGNED if it takes values as
 * uint8, SIGNED if as int8, each exact for all octets; else INEXACT (older x86 adds pairs in saturating int16). The
 * instruction is tried on octets whose pairs overflow int16 in either sense. Only the relaxed build has this kernel. */
#if defined(__wasm_relaxed_simd__)
enum { INEXACT = 0, UNSIGNED = 1, SIGNED = 2 };
enum { TRIALS = 512 };

struct relaxed_dot_args {
    int32_t *found;
};

/* One of eight octets at and near the limits of int8 and uint8. */
static uint8_t extreme(uint32_t which) { return (uint8_t)(0x4081C07F8001FF00ull >> (8 * (which & 7))); }

static int32_t exact(const uint8_t *weights, const uint8_t *values, int32_t sum, int32_t is_signed) {
    for (int32_t i = 0; i < 4; i++)
        sum = (int32_t)((uint32_t)sum + (uint32_t)((int8_t)weights[i] * code_at(values, i, is_signed)));
    return sum;
}

KERNEL(k_relaxed_dot) {
    const struct relaxed_dot_args *a = (const void *)args;
    uint8_t weights[16], values[16];
    int32_t sums[4], possible = UNSIGNED | SIGNED;
    uint32_t state = 1;
    for (int32_t trial = 0; trial < TRIALS; trial++) {
        for (int32_t i = 0; i < 16; i++) {
            state = state * 1664525u + 1013904223u;
            int32_t alike = trial & 1 & (i > 0); /* every other time the same octets in all places */
            weights[i] = alike ? weights[0] : extreme(state >> 24);
            values[i] = alike ? values[0] : extreme(state >> 28);
        }
        int32_t start = (int32_t)state;
        wasm_v128_store(sums, add_products(wasm_i32x4_splat(start), wasm_v128_load(values), wasm_v128_load(weights)));
        for (int32_t lane = 0; lane < 4; lane++)
            for (int32_t is_signed = 0; is_signed < 2; is_signed++)
                if (sums[lane] != exact(weights + 4 * lane, values + 4 * lane, start, is_signed))
                    possible &= ~(is_signed ? SIGNED : UNSIGNED);
    }
    *a->found = possible;
}
#endif
