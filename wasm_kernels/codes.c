#include "kernels.h"

/* How many values have each code: of all channels, or of one. Codes seen as [outer][channels][inner]. */
struct count_codes_args {
    const uint8_t *codes;
    int32_t is_signed;
    int32_t outer, channels, inner;
    int32_t channel; /* -1: all */
    int32_t qmin;
    int32_t *counts; /* [codes in use], added to */
};

static void count_run(const struct count_codes_args *a, int32_t at, int32_t n) {
    for (int32_t i = at; i < at + n; i++)
        a->counts[code_at(a->codes, i, a->is_signed) - a->qmin]++;
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
