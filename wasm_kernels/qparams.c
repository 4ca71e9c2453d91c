#include "kernels.h"

/* Scale and zero-point of n clip ranges, by the fields of a convention (playground/presets): the same operations in the
 * same precision as playground.quantization.choose_qparams, so the same bits. Bounds are finite; a range too wide for float32
 * gives an infinite scale, which the caller has to refuse. */
struct qparams_args {
    const float *lo, *hi; /* [n] */
    int32_t n;
    int32_t qmin, qmax;            /* the codes in use */
    int32_t symmetric;             /* 1: the range becomes -a .. a */
    int32_t symmetric_span;        /* codes that -a .. a is spread over, less one */
    int32_t symmetric_zero_point;
    int32_t single;                /* 1: formed in float32, 0: in float64 */
    float min_scale;
    int32_t below_is_one;          /* a smaller scale becomes 1 and its zero-point 0, instead of min_scale */
    int32_t quotient;              /* 1: qmin - rint(lo / scale), 0: rint(qmin - lo / scale) */
    float *scale;                  /* [n] */
    int32_t *zero_point;           /* [n] */
};

static double divide(double a, double b, int32_t single) { return single ? (double)((float)a / (float)b) : a / b; }

static double subtract(double a, double b, int32_t single) { return single ? (double)((float)a - (float)b) : a - b; }

static int32_t clamp_code(const struct qparams_args *a, double code) {
    return code < a->qmin ? a->qmin : code > a->qmax ? a->qmax : (int32_t)code;
}

static double affine_zero_point(const struct qparams_args *a, double lo, double scale) {
    double steps = divide(lo, scale, a->single);
    if (a->quotient)
        return a->qmin - __builtin_rint(steps);
    return __builtin_rint(subtract(a->qmin, steps, a->single));
}

KERNEL(k_qparams) {
    const struct qparams_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++) {
        double lo = a->lo[i] < 0 ? a->lo[i] : 0, hi = a->hi[i] > 0 ? a->hi[i] : 0;
        double span = subtract(hi, lo, a->single), steps = subtract(a->qmax, a->qmin, a->single);
        if (a->symmetric) {
            span = -lo > hi ? -lo : hi;
            steps = a->symmetric_span / 2.0;
        }
        double scale = divide(span, steps, a->single);
        int32_t one = scale < a->min_scale && a->below_is_one;
        if (scale < a->min_scale)
            scale = one ? 1.0 : a->min_scale;
        double code = one ? 0 : a->symmetric ? a->symmetric_zero_point : affine_zero_point(a, lo, scale);
        a->scale[i] = (float)scale;
        a->zero_point[i] = clamp_code(a, code);
    }
}
