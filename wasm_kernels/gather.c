#include "copy.h"

/* Rows by their indices: out[o, i] = x[o, indices[i]], where a row is any number of bytes. Embeddings have outer = 1.
 * Indices count from the end if negative. Those out of range are counted, so that the host can refuse them; here they
 * mean the nearest row. */
struct gather_args {
    const uint8_t *x; /* [outer][rows][row_bytes] */
    int32_t outer, rows, row_bytes;
    const void *indices; /* [n] */
    int32_t n;
    int32_t index_width; /* bytes of an index: 4 (int32) or 8 (int64) */
    uint8_t *out;        /* [outer][n][row_bytes] */
    int32_t *outside;    /* [1] */
};

static int32_t row_at(const struct gather_args *a, int32_t i) {
    int64_t row = a->index_width == 8 ? ((const int64_t *)a->indices)[i] : ((const int32_t *)a->indices)[i];
    row += row < 0 ? a->rows : 0;
    return row < 0 ? 0 : row < a->rows ? (int32_t)row : a->rows - 1;
}

static int32_t is_outside(const struct gather_args *a, int32_t i) {
    int64_t row = a->index_width == 8 ? ((const int64_t *)a->indices)[i] : ((const int32_t *)a->indices)[i];
    return row < -(int64_t)a->rows || row >= a->rows;
}

KERNEL(k_gather) {
    const struct gather_args *a = (const void *)args;
    uint8_t *out = a->out;
    *a->outside = 0;
    for (int32_t i = 0; i < a->n; i++)
        *a->outside += is_outside(a, i);
    for (int32_t o = 0; o < a->outer; o++) {
        const uint8_t *x = a->x + o * a->rows * a->row_bytes;
        for (int32_t i = 0; i < a->n; i++, out += a->row_bytes)
            copy_bytes(out, x + row_at(a, i) * a->row_bytes, a->row_bytes);
    }
}
