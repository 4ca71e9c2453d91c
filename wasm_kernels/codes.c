#include "kernels.h"

/* How many values have each of the codes qmin..qmax: of all channels, or of one. Codes seen as [outer][channels][inner];
 * others are not counted. */
struct count_codes_args {
    const uint8_t *codes;
    int32_t is_signed;
    int32_t outer, channels, inner;
    int32_t channel; /* -1: all */
    int32_t qmin, qmax;
    int32_t *counts; /* [qmax - qmin + 1], added to */
};

enum { TABLES = 4, MANY = 4096, FEW = 16, RUN = 16 * 240 };

static void count_few(const struct count_codes_args *a, int32_t at, int32_t n) {
    for (int32_t i = at; i < at + n; i++) {
        int32_t code = code_at(a->codes, i, a->is_signed);
        if (code >= a->qmin && code <= a->qmax)
            a->counts[code - a->qmin]++;
    }
}

/* Neighbours often have one code, and a count has to be stored before it can be read again: so they count in tables of
 * their own, by octet. */
static void count_many(const struct count_codes_args *a, int32_t at, int32_t n) {
    int32_t tables[TABLES][256], i = 0;
    for (int32_t t = 0; t < TABLES; t++)
        for (int32_t octet = 0; octet < 256; octet++)
            tables[t][octet] = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t octets;
        __builtin_memcpy(&octets, a->codes + at + i, 8);
        for (int32_t j = 0; j < 8; j++)
            tables[j % TABLES][octets >> (8 * j) & 255]++;
    }
    for (int32_t octet = 0; octet < 256; octet++) {
        int32_t code = a->is_signed ? (int8_t)octet : octet, count = 0;
        for (int32_t t = 0; t < TABLES; t++)
            count += tables[t][octet];
        if (code >= a->qmin && code <= a->qmax)
            a->counts[code - a->qmin] += count;
    }
    count_few(a, at + i, n - i);
}

static int32_t added(v128_t octets) {
    v128_t sum = wasm_u32x4_extadd_pairwise_u16x8(wasm_u16x8_extadd_pairwise_u8x16(octets));
    return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) + wasm_i32x4_extract_lane(sum, 2) +
           wasm_i32x4_extract_lane(sum, 3);
}

/* RUN values by comparing: eight codes at a time, whose counts stay in registers and fit an octet. 0 if there is a code
 * beyond the first FEW, or beyond qmax; then nothing is counted. */
static int32_t count_compared(const struct count_codes_args *a, int32_t at) {
    int32_t found[FEW], total = 0;
    for (int32_t first = 0; first < FEW; first += 8) {
        v128_t count[8], code[8];
        for (int32_t j = 0; j < 8; j++) {
            count[j] = wasm_i8x16_splat(0);
            code[j] = wasm_i8x16_splat((int8_t)(a->qmin + first + j));
        }
        for (int32_t i = at; i < at + RUN; i += 16) {
            v128_t octets = wasm_v128_load(a->codes + i);
            for (int32_t j = 0; j < 8; j++)
                count[j] = wasm_i8x16_sub(count[j], wasm_i8x16_eq(octets, code[j]));
        }
        for (int32_t j = 0; j < 8; j++) {
            found[first + j] = added(count[j]);
            total += first + j <= a->qmax - a->qmin ? found[first + j] : 0;
        }
    }
    for (int32_t j = 0; j < FEW && total == RUN; j++)
        if (found[j])
            a->counts[j] += found[j];
    return total == RUN;
}

static void count_run(const struct count_codes_args *a, int32_t at, int32_t n) {
    for (; n >= RUN && count_compared(a, at); n -= RUN)
        at += RUN;
    if (n < MANY)
        count_few(a, at, n);
    else
        count_many(a, at, n);
}

KERNEL(k_count_codes) {
    const struct count_codes_args *a = (const void *)args;
    int32_t row = a->channels * a->inner;
    if (a->channel < 0)
        count_run(a, 0, a->outer * row);
    else
        for (int32_t o = 0; o < a->outer; o++)
            count_run(a, o * row + a->channel * a->inner, a->inner);
}

/* The codes of the centres of n bins, in float64: clamp(rint(centre / scale) + zero_point, qmin, qmax). */
struct centre_codes_args {
    const double *edges; /* [n + 1] */
    int32_t n;
    float scale;
    int32_t zero_point, qmin, qmax;
    int32_t *codes; /* [n] */
};

KERNEL(k_centre_codes) {
    const struct centre_codes_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++) {
        double centre = (a->edges[i] + a->edges[i + 1]) / 2;
        double code = __builtin_rint(centre / a->scale) + a->zero_point;
        a->codes[i] = code < a->qmin ? a->qmin : code > a->qmax ? a->qmax : (int32_t)code;
    }
}

/* The real values of n codes from `first` on, in float64: scale * (code - zero_point). */
struct reals_args {
    float scale;
    int32_t zero_point, first, n;
    double *reals; /* [n] */
};

KERNEL(k_reals) {
    const struct reals_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++)
        a->reals[i] = (double)a->scale * (a->first + i - a->zero_point);
}
