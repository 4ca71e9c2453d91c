#include "exp_f32.h"
#include "gemm_f32.h"

/* LSTM and GRU of float32 over a sequence, one direction: what the inputs add to the gates is known (`projected`, the input's
 * bias included), the state's share is a product of each step. Sums are formed as in gemm_f32.h, and every operation is
 * rounded on its own, as in playground/programs/float_recurrences.py. */

/* Gates in ONNX's order: input, output, forget, cell. */
struct lstm_f32_args {
    const float *projected; /* [time][batch][4 * hidden] */
    int32_t time, batch, hidden, is_reversed;
    const float *weights; /* [4 * hidden / 8][hidden][8], rounded up; or 0: `scratch` is the state's share, of one step */
    const float *bias;    /* [4 * hidden rounded up to 8]; or 0 likewise */
    const float *initial_h, *initial_c; /* [batch][hidden] */
    int32_t stride;  /* from one step of h to the next */
    float *h;        /* [time], each [batch][hidden] */
    float *c;        /* [batch][hidden]: of the last step */
    float *scratch;  /* [batch][4 * hidden] */
};

/* Gates in ONNX's order: update, reset, hidden. Where the reset gate applies to the state itself, the hidden gate's product
 * is one of its own: then `weights` and `bias` are of the other two. */
struct gru_f32_args {
    const float *projected; /* [time][batch][3 * hidden] */
    int32_t time, batch, hidden, is_reversed;
    const float *weights; /* [gates * hidden / 8][hidden][8], rounded up */
    const float *bias;    /* [gates * hidden rounded up to 8] */
    const float *own_weights, *own_bias; /* of the hidden gate; or 0: it is among the others */
    const float *initial_h; /* [batch][hidden] */
    int32_t stride;
    float *h;       /* [time], each [batch][hidden] */
    float *scratch; /* [batch][4 * hidden] */
};

/* The state of all samples times weights, to [batch][columns]. */
static void multiply_state(const float *h, int32_t batch, int32_t hidden, const float *weights, const float *bias,
                           int32_t columns, float *out) {
    struct float_product p = {weights, bias, columns, 1.0f, -__builtin_inff(), __builtin_inff(), out};
    struct runs runs = {1, 1, hidden, 0, 0};
    for (int32_t first = 0; first < batch; first += FLOAT_BLOCK) {
        const float *rows[FLOAT_BLOCK];
        int32_t count = batch - first < FLOAT_BLOCK ? batch - first : FLOAT_BLOCK;
        for (int32_t r = 0; r < count; r++)
            rows[r] = h + (first + r) * hidden;
        multiply_floats(rows, count, &runs, &p, first * columns, columns);
    }
}

/* Up to four values; zeros for those that are not there. */
static v128_t load_part(const float *from, int32_t n) {
    if (n >= 4)
        return wasm_v128_load(from);
    float part[4] = {0, 0, 0, 0};
    for (int32_t i = 0; i < n; i++)
        part[i] = from[i];
    return wasm_v128_load(part);
}

static void store_part(float *to, v128_t v, int32_t n) {
    if (n >= 4) {
        wasm_v128_store(to, v);
        return;
    }
    float part[4];
    wasm_v128_store(part, v);
    for (int32_t i = 0; i < n; i++)
        to[i] = part[i];
}

static v128_t sum_part(const float *a, const float *b, int32_t n) { return wasm_f32x4_add(load_part(a, n), load_part(b, n)); }

/* One sample: sums of the gates become the next state. */
static void lstm_cell(const float *projected, const float *sums, int32_t hidden, const float *c, float *next_c, float *h) {
    for (int32_t j = 0; j < hidden; j += 4) {
        int32_t n = hidden - j;
        v128_t in = sigmoid4(sum_part(projected + j, sums + j, n));
        v128_t out = sigmoid4(sum_part(projected + hidden + j, sums + hidden + j, n));
        v128_t forget = sigmoid4(sum_part(projected + 2 * hidden + j, sums + 2 * hidden + j, n));
        v128_t cell = tanh4(sum_part(projected + 3 * hidden + j, sums + 3 * hidden + j, n));
        v128_t state = wasm_f32x4_add(wasm_f32x4_mul(forget, load_part(c + j, n)), wasm_f32x4_mul(in, cell));
        store_part(next_c + j, state, n);
        store_part(h + j, wasm_f32x4_mul(out, tanh4(state)), n);
    }
}

KERNEL(k_lstm_f32) {
    const struct lstm_f32_args *a = (const void *)args;
    int32_t hidden = a->hidden, gates = 4 * hidden;
    const float *h = a->initial_h, *c = a->initial_c;
    for (int32_t i = 0; i < a->time; i++) {
        int32_t t = a->is_reversed ? a->time - 1 - i : i;
        if (a->weights)
            multiply_state(h, a->batch, hidden, a->weights, a->bias, gates, a->scratch);
        for (int32_t b = 0; b < a->batch; b++)
            lstm_cell(a->projected + (t * a->batch + b) * gates, a->scratch + b * gates, hidden, c + b * hidden,
                      a->c + b * hidden, a->h + t * a->stride + b * hidden);
        h = a->h + t * a->stride;
        c = a->c;
    }
}

/* One sample's update and reset gates; `reset` becomes what the hidden gate's product needs: the state, reset. */
static void gru_gates(const float *projected, float *sums, int32_t hidden, const float *h, float *reset) {
    for (int32_t j = 0; j < hidden; j += 4) {
        int32_t n = hidden - j;
        v128_t update = sigmoid4(sum_part(projected + j, sums + j, n));
        v128_t gate = sigmoid4(sum_part(projected + hidden + j, sums + hidden + j, n));
        store_part(sums + j, update, n);
        store_part(reset + j, wasm_f32x4_mul(gate, load_part(h + j, n)), n);
    }
}

/* The next state from the update gate and the sums of the hidden one. */
static void gru_state(const float *update, const float *projected, const float *sums, int32_t hidden, const float *h,
                      float *next) {
    v128_t one = wasm_f32x4_splat(1.0f);
    for (int32_t j = 0; j < hidden; j += 4) {
        int32_t n = hidden - j;
        v128_t z = load_part(update + j, n), made = tanh4(sum_part(projected + j, sums + j, n));
        v128_t state = wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_sub(one, z), made), wasm_f32x4_mul(z, load_part(h + j, n)));
        store_part(next + j, state, n);
    }
}

/* Where the reset gate applies to the product: all gates of one sample. */
static void gru_cell(const float *projected, float *sums, int32_t hidden, const float *h, float *next) {
    float *new = sums + 2 * hidden;
    gru_gates(projected, sums, hidden, new, new);
    gru_state(sums, projected + 2 * hidden, new, hidden, h, next);
}

static void gru_step(const struct gru_f32_args *a, const float *projected, const float *h, float *next) {
    int32_t hidden = a->hidden, gates = (a->own_weights ? 2 : 3) * hidden;
    float *reset = a->scratch + a->batch * gates, *new = reset + a->batch * hidden;
    multiply_state(h, a->batch, hidden, a->weights, a->bias, gates, a->scratch);
    if (!a->own_weights) {
        for (int32_t b = 0; b < a->batch; b++)
            gru_cell(projected + 3 * b * hidden, a->scratch + b * gates, hidden, h + b * hidden, next + b * hidden);
        return;
    }
    for (int32_t b = 0; b < a->batch; b++)
        gru_gates(projected + 3 * b * hidden, a->scratch + b * gates, hidden, h + b * hidden, reset + b * hidden);
    multiply_state(reset, a->batch, hidden, a->own_weights, a->own_bias, hidden, new);
    for (int32_t b = 0; b < a->batch; b++)
        gru_state(a->scratch + b * gates, projected + (3 * b + 2) * hidden, new + b * hidden, hidden, h + b * hidden,
                  next + b * hidden);
}

KERNEL(k_gru_f32) {
    const struct gru_f32_args *a = (const void *)args;
    const float *h = a->initial_h;
    for (int32_t i = 0; i < a->time; i++) {
        int32_t t = a->is_reversed ? a->time - 1 - i : i;
        float *next = a->h + t * a->stride;
        gru_step(a, a->projected + 3 * t * a->batch * a->hidden, h, next);
        h = next;
    }
}
