#include "float_runs.h"

/* out = a where the condition is not 0, else b: for three arrays that broadcast against each other, as in k_binary_f32.
 * Values are any of four bytes. */
struct where_args {
    const uint8_t *condition;
    const float *a, *b;
    int32_t sizes[6];                                         /* of the output */
    int32_t condition_strides[6], a_strides[6], b_strides[6]; /* in values; the last ones are 0 or 1 */
    float *out;
};

KERNEL(k_where) {
    const struct where_args *p = (const void *)args;
    const int32_t n = p->sizes[AXES - 1], step_a = p->a_strides[AXES - 1], step_b = p->b_strides[AXES - 1];
    const int32_t step = p->condition_strides[AXES - 1];
    float *out = p->out;
    int32_t at[AXES] = {0};
    if (is_empty(p->sizes))
        return;
    do {
        const float *a = p->a + run_at(at, p->a_strides), *b = p->b + run_at(at, p->b_strides);
        const uint8_t *condition = p->condition + run_at(at, p->condition_strides);
        for (int32_t i = 0; i < n; i += 4) {
            const int32_t few = n - i;
            int32_t each[4];
            for (int32_t k = 0; k < 4; k++)
                each[k] = k < few && condition[step * (i + k)] ? -1 : 0;
            v128_t yes = wasm_v128_load(each);
            store_next(out + i, choose4(yes, operand(a, step_a, i, n), operand(b, step_b, i, n)), few);
        }
        out += n;
    } while (next_run(at, p->sizes));
}
