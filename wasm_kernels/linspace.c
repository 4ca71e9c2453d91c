#include "kernels.h"

/* n >= 2 evenly spaced numbers from first to last, as np.linspace forms them in float64. */
struct linspace_args {
    float first, last;
    int32_t n;
    int32_t single; /* 1: rounded to float32 at the end */
    void *out;      /* [n] float64 or float32 */
};

static void put(const struct linspace_args *a, int32_t i, double value) {
    if (a->single)
        ((float *)a->out)[i] = (float)value;
    else
        ((double *)a->out)[i] = value;
}

KERNEL(k_linspace) {
    const struct linspace_args *a = (const void *)args;
    double step = ((double)a->last - a->first) / (a->n - 1);
    for (int32_t i = 0; i < a->n - 1; i++)
        put(a, i, i * step + a->first);
    put(a, a->n - 1, a->last);
}
