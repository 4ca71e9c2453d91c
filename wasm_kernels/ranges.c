#include "kernels.h"

/* n ranges with both ends brought within low..high, as np.clip does. */
struct clip_range_args {
    const float *lo, *hi; /* [n] */
    int32_t n;
    float low, high;
    float *clipped_lo, *clipped_hi; /* [n] */
};

static float within(float v, float low, float high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

KERNEL(k_clip_range) {
    const struct clip_range_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++) {
        a->clipped_lo[i] = within(a->lo[i], a->low, a->high);
        a->clipped_hi[i] = within(a->hi[i], a->low, a->high);
    }
}

/* playground.quantization.clip_limits: between these the only error of n grids is rounding. */
struct clip_limits_args {
    const float *scale;        /* [n] */
    const int32_t *zero_point; /* [n] */
    int32_t n;
    int32_t qmin, qmax;
    float reach;    /* playground.rounding.Rounding.reach */
    float *lo, *hi; /* [n] */
};

KERNEL(k_clip_limits) {
    const struct clip_limits_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++) {
        a->lo[i] = ((float)a->qmin - a->reach - (float)a->zero_point[i]) * a->scale[i];
        a->hi[i] = ((float)a->qmax + a->reach - (float)a->zero_point[i]) * a->scale[i];
    }
}

/* How wide n ranges are: hi - lo. */
struct widths_args {
    const float *lo, *hi; /* [n] */
    int32_t n;
    float *width; /* [n] */
};

KERNEL(k_widths) {
    const struct widths_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++)
        a->width[i] = a->hi[i] - a->lo[i];
}

/* The ends of a histogram of values from lo to hi: moved apart where they coincide, as playground.tensor_view.picture.subject_of does. */
struct spread_args {
    float lo, hi;
    float *ends; /* [2] */
};

KERNEL(k_spread) {
    const struct spread_args *a = (const void *)args;
    double low = a->lo, high = a->hi;
    if (low == high) {
        low -= 0.5 * (a->lo ? __builtin_fabs(a->lo) : 1);
        high += 0.5 * (a->hi ? __builtin_fabs(a->hi) : 1);
    }
    a->ends[0] = (float)low;
    a->ends[1] = (float)high;
}
