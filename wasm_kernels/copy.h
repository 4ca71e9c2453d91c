/* Copies between arrays of any layout: see copy.c. */
#ifndef COPY_H
#define COPY_H

#include "kernels.h"

enum { RANK = 6 };

/* out[i, j, ...] = x[i, j, ...] for all places of a box. Strides are in bytes, may be 0 in x (a repeated value) and
 * negative; fewer dimensions: the first sizes are 1. With a table each octet c becomes table[c] (width 1 only). */
struct copy_args {
    const uint8_t *x; /* the element at place 0, 0, ... */
    uint8_t *out;
    int32_t width;        /* bytes of an element: 1, 2, 4 or 8 */
    const uint8_t *table; /* [256] or null */
    int32_t sizes[RANK], x_strides[RANK], out_strides[RANK];
};

void copy_box(const struct copy_args *a);

/* [rows][columns] elements to [columns][rows]; strides in bytes from row to row of each. Defined in transpose.c. */
void transpose_plane(const uint8_t *x, int32_t x_stride, uint8_t *out, int32_t out_stride, int32_t rows, int32_t columns,
                     int32_t width);

/* n bytes that do not overlap. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, int32_t n) {
    if (n >= 512) {
        __builtin_memcpy(to, from, (uint32_t)n);
        return;
    }
    int32_t i = 0;
    for (; i + 16 <= n; i += 16)
        wasm_v128_store(to + i, wasm_v128_load(from + i));
    if (n >= 16 && i < n) { /* the last sixteen once more */
        wasm_v128_store(to + n - 16, wasm_v128_load(from + n - 16));
        return;
    }
    for (; i < n; i++)
        to[i] = from[i];
}

#endif
