#include "copy.h"

/* Copies of a box, however both sides lie in memory: slices and the parts of a split (x strided), concatenation (out
 * strided; a table brings an input to the output's scale), transposition of any axes, broadcasting (stride 0). The two
 * last dimensions are a plane; a contiguous line of it is copied as a whole, a plane that is turned round in blocks. */
static void copy_element(const uint8_t *x, uint8_t *out, int32_t width) {
    if (width == 1)
        *out = *x;
    else if (width == 4)
        __builtin_memcpy(out, x, 4);
    else if (width == 8)
        __builtin_memcpy(out, x, 8);
    else
        __builtin_memcpy(out, x, 2);
}

static void copy_line(const struct copy_args *a, const uint8_t *x, uint8_t *out) {
    int32_t n = a->sizes[RANK - 1], from = a->x_strides[RANK - 1], to = a->out_strides[RANK - 1];
    if (a->table)
        for (int32_t i = 0; i < n; i++)
            out[i * to] = a->table[x[i * from]];
    else if (from == a->width && to == a->width)
        copy_bytes(out, x, n * a->width);
    else
        for (int32_t i = 0; i < n; i++)
            copy_element(x + i * from, out + i * to, a->width);
}

static void copy_plane(const struct copy_args *a, const uint8_t *x, uint8_t *out) {
    int32_t rows = a->sizes[RANK - 2], from = a->x_strides[RANK - 2], to = a->out_strides[RANK - 2];
    int32_t turned = from == a->width && a->out_strides[RANK - 1] == a->width && rows > 1;
    if (turned && !a->table && (a->width == 1 || a->width == 4))
        transpose_plane(x, a->x_strides[RANK - 1], out, to, a->sizes[RANK - 1], rows, a->width);
    else
        for (int32_t i = 0; i < rows; i++)
            copy_line(a, x + i * from, out + i * to);
}

void copy_box(const struct copy_args *a) {
    int32_t planes = 1;
    for (int32_t d = 0; d < RANK - 2; d++)
        planes *= a->sizes[d];
    for (int32_t plane = 0; plane < planes; plane++) {
        int32_t from = 0, to = 0, rest = plane;
        for (int32_t d = RANK - 3; d >= 0; d--) {
            int32_t place = rest % a->sizes[d];
            rest /= a->sizes[d];
            from += place * a->x_strides[d];
            to += place * a->out_strides[d];
        }
        copy_plane(a, a->x + from, a->out + to);
    }
}

KERNEL(k_copy) {
    const struct copy_args *a = (const void *)args;
    copy_box(a);
}
