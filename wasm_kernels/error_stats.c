#include "kernels.h"

/* What quantization did to n = outer * channels * inner values, x seen as [outer][channels][inner]. The error of a value
 * outside its channel's lo..hi is clipping error, of any other rounding error. Values are finite.
 *
 * Sums are formed in float64 in the order of playground.metrics.steady_sum, hence the same bits: within runs of CHUNK
 * values one sum for each of LANES places, these folded in halves, and the runs' sums added up in turn. */
struct error_stats_args {
    const float *x, *x_hat;
    int32_t outer, channels, inner;
    const float *lo, *hi; /* [channels] */
    double *stats;        /* [6], see enum */
};

enum { SIGNAL, NOISE, ROUNDING, CLIPPING, SUMS, CLIPPED = SUMS, LARGEST };
/* sum x^2, sum (x_hat - x)^2, that of rounding errors, that of clipping errors; values outside, largest |x_hat - x| */

enum { CHUNK = 65536, LANES = 64, ROWS = 16 }; /* so many rows of LANES values are gone through lane by lane */

struct sums {
    double lanes[SUMS][LANES];
    v128_t largest; /* two float64 */
    int32_t clipped, position;
};

static void clear(struct sums *s) {
    for (int32_t k = 0; k < SUMS; k++)
        for (int32_t i = 0; i < LANES; i++)
            s->lanes[k][i] = 0;
}

static void fold(struct sums *s, double *stats) {
    for (int32_t k = 0; k < SUMS; k++) {
        double *lane = s->lanes[k];
        for (int32_t half = LANES / 2; half; half /= 2)
            for (int32_t i = 0; i < half; i++)
                lane[i] += lane[i + half];
        stats[k] += lane[0];
    }
    clear(s);
}

static inline void add2(double *lanes, v128_t values) {
    wasm_v128_store(lanes, wasm_f64x2_add(wasm_v128_load(lanes), values));
}

/* Two values; `outside` has all bits of a float64 set where the value is clipped. */
static inline void take2(struct sums *s, int32_t lane, v128_t x, v128_t x_hat, v128_t outside) {
    v128_t error = wasm_f64x2_sub(x_hat, x), square = wasm_f64x2_mul(error, error);
    s->largest = wasm_f64x2_pmax(s->largest, wasm_f64x2_abs(error));
    add2(s->lanes[SIGNAL] + lane, wasm_f64x2_mul(x, x));
    add2(s->lanes[NOISE] + lane, square);
    add2(s->lanes[ROUNDING] + lane, wasm_v128_andnot(square, outside));
    add2(s->lanes[CLIPPING] + lane, wasm_v128_and(square, outside));
}

static inline void take4(struct sums *s, v128_t x, v128_t x_hat, v128_t lo, v128_t hi) {
    v128_t outside = wasm_v128_or(wasm_f32x4_lt(x, lo), wasm_f32x4_gt(x, hi));
    int32_t lane = s->position % LANES;
    s->clipped += __builtin_popcount(wasm_i32x4_bitmask(outside));
    take2(s, lane, wasm_f64x2_promote_low_f32x4(x), wasm_f64x2_promote_low_f32x4(x_hat),
          wasm_i32x4_shuffle(outside, outside, 0, 0, 1, 1));
    take2(s, lane + 2, wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(x, x, 1, 1)),
          wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(x_hat, x_hat, 1, 1)),
          wasm_i32x4_shuffle(outside, outside, 2, 2, 3, 3));
}

/* `rows` times LANES values of one channel: four lanes after four, so that their sums stay in registers. */
static void take_rows(struct sums *s, const float *x, const float *x_hat, int32_t rows, v128_t lo, v128_t hi) {
    v128_t largest = s->largest, clipped = wasm_i32x4_splat(0);
    for (int32_t lane = 0; lane < LANES; lane += 4) {
        v128_t sum[SUMS][2];
        for (int32_t k = 0; k < SUMS; k++)
            for (int32_t j = 0; j < 2; j++)
                sum[k][j] = wasm_v128_load(s->lanes[k] + lane + 2 * j);
        for (int32_t i = lane; i < rows * LANES; i += LANES) {
            v128_t a = wasm_v128_load(x + i), b = wasm_v128_load(x_hat + i);
            v128_t outside = wasm_v128_or(wasm_f32x4_lt(a, lo), wasm_f32x4_gt(a, hi));
            clipped = wasm_i32x4_sub(clipped, outside);
            for (int32_t j = 0; j < 2; j++) {
                v128_t half = wasm_f64x2_promote_low_f32x4(a), beyond = wasm_i32x4_shuffle(outside, outside, 0, 0, 1, 1);
                v128_t error = wasm_f64x2_sub(wasm_f64x2_promote_low_f32x4(b), half);
                v128_t square = wasm_f64x2_mul(error, error);
                largest = wasm_f64x2_pmax(largest, wasm_f64x2_abs(error));
                sum[SIGNAL][j] = wasm_f64x2_add(sum[SIGNAL][j], wasm_f64x2_mul(half, half));
                sum[NOISE][j] = wasm_f64x2_add(sum[NOISE][j], square);
                sum[ROUNDING][j] = wasm_f64x2_add(sum[ROUNDING][j], wasm_v128_andnot(square, beyond));
                sum[CLIPPING][j] = wasm_f64x2_add(sum[CLIPPING][j], wasm_v128_and(square, beyond));
                a = wasm_i64x2_shuffle(a, a, 1, 1);
                b = wasm_i64x2_shuffle(b, b, 1, 1);
                outside = wasm_i64x2_shuffle(outside, outside, 1, 1);
            }
        }
        for (int32_t k = 0; k < SUMS; k++)
            for (int32_t j = 0; j < 2; j++)
                wasm_v128_store(s->lanes[k] + lane + 2 * j, sum[k][j]);
    }
    s->largest = largest;
    s->clipped += wasm_i32x4_extract_lane(clipped, 0) + wasm_i32x4_extract_lane(clipped, 1) +
                  wasm_i32x4_extract_lane(clipped, 2) + wasm_i32x4_extract_lane(clipped, 3);
}

static inline void take1(struct sums *s, double x, double x_hat, float lo, float hi) {
    int32_t lane = s->position % LANES, outside = x < lo || x > hi;
    double error = x_hat - x;
    s->largest = wasm_f64x2_pmax(s->largest, wasm_f64x2_splat(__builtin_fabs(error)));
    s->lanes[SIGNAL][lane] += x * x;
    s->lanes[NOISE][lane] += error * error;
    s->lanes[outside ? CLIPPING : ROUNDING][lane] += error * error;
    s->clipped += outside;
}

static inline void advance(struct sums *s, int32_t by, double *stats) {
    s->position += by;
    if (s->position % CHUNK == 0)
        fold(s, stats);
}

static void take_run(struct sums *s, const struct error_stats_args *a, int32_t n, float lo, float hi) {
    v128_t low = wasm_f32x4_splat(lo), high = wasm_f32x4_splat(hi);
    for (int32_t end = s->position + n; s->position < end;) {
        const float *x = a->x + s->position, *x_hat = a->x_hat + s->position;
        int32_t rows = s->position % LANES ? 0 : (end - s->position) / LANES;
        if (rows) { /* a chunk is a whole number of ROWS */
            int32_t ahead = ROWS - s->position / LANES % ROWS;
            rows = rows < ahead ? rows : ahead;
            take_rows(s, x, x_hat, rows, low, high);
            advance(s, rows * LANES, a->stats);
        } else if (s->position % 4 == 0 && s->position + 4 <= end) {
            take4(s, wasm_v128_load(x), wasm_v128_load(x_hat), low, high);
            advance(s, 4, a->stats);
        } else {
            take1(s, *x, *x_hat, lo, hi);
            advance(s, 1, a->stats);
        }
    }
}

/* The channels' values lie side by side, inner = 1. */
static void take_row(struct sums *s, const struct error_stats_args *a) {
    for (int32_t c = 0; c < a->channels;) {
        const float *x = a->x + s->position, *x_hat = a->x_hat + s->position;
        int32_t n = s->position % 4 == 0 && c + 4 <= a->channels ? 4 : 1;
        if (n == 4)
            take4(s, wasm_v128_load(x), wasm_v128_load(x_hat), wasm_v128_load(a->lo + c), wasm_v128_load(a->hi + c));
        else
            take1(s, *x, *x_hat, a->lo[c], a->hi[c]);
        c += n;
        advance(s, n, a->stats);
    }
}

KERNEL(k_error_stats) {
    const struct error_stats_args *a = (const void *)args;
    struct sums s;
    s.largest = wasm_f64x2_splat(0);
    s.clipped = s.position = 0;
    clear(&s);
    for (int32_t i = 0; i < SUMS; i++)
        a->stats[i] = 0;
    for (int32_t o = 0; o < a->outer; o++)
        if (a->inner == 1)
            take_row(&s, a);
        else
            for (int32_t c = 0; c < a->channels; c++)
                take_run(&s, a, a->inner, a->lo[c], a->hi[c]);
    if (s.position % CHUNK)
        fold(&s, a->stats);
    double first = wasm_f64x2_extract_lane(s.largest, 0), second = wasm_f64x2_extract_lane(s.largest, 1);
    a->stats[CLIPPED] = s.clipped;
    a->stats[LARGEST] = first > second ? first : second;
}
