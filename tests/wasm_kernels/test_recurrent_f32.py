"""k_lstm_f32 and k_gru_f32 against their specification, and that against the formulas in float64."""

import numpy as np
import pytest

from playground.programs import float_recurrences
from playground.programs.float_products import pack_floats, padded_columns

# time, batch, hidden
SIZES = [(1, 1, 1), (3, 1, 8), (2, 2, 3), (4, 1, 13), (2, 61, 4), (3, 5, 7)]


def floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def steps(time, reverse):
    return range(time)[::-1] if reverse else range(time)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("time", "batch", "hidden"), SIZES)
def test_lstm_f32(guarded, out, rng, time, batch, hidden, reverse):
    projected, weights = floats(rng, time, batch, 4 * hidden), floats(rng, hidden, 4 * hidden)
    bias, h, c = floats(rng, 4 * hidden), floats(rng, batch, hidden), floats(rng, batch, hidden)
    states, cell, _ = guarded(
        "k_lstm_f32",
        **{"projected": projected, "time": time, "batch": batch, "hidden": hidden, "is_reversed": int(reverse)},
        **{"weights": pack_floats(weights[None]).weights, "bias": padded_columns(bias)},
        **{"initial_h": h, "initial_c": c, "stride": batch * hidden},
        h=out((time, batch, hidden), "float32"),
        c=out((batch, hidden), "float32"),
        scratch=out((batch, 4 * hidden), "float32"),
    )
    meant = float_recurrences.lstm(projected, weights, bias, h, c, reverse=reverse)
    np.testing.assert_array_equal(states, meant[0])
    np.testing.assert_array_equal(cell, meant[1])
    state, cells = h.astype(np.float64), c.astype(np.float64)
    for t in steps(time, reverse):
        i, o, f, g = np.split(projected[t] + state @ weights + bias, 4, axis=1)
        cells = sigmoid(f) * cells + sigmoid(i) * np.tanh(g)
        state = sigmoid(o) * np.tanh(cells)
        np.testing.assert_allclose(states[t], state, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("batch", "hidden"), [(1, 1), (2, 3), (1, 13), (5, 8)])
def test_lstm_f32_of_one_step_whose_share_of_the_state_is_given(guarded, out, rng, batch, hidden):
    projected = floats(rng, 1, batch, 4 * hidden)
    sums = np.full((batch, 4 * hidden), np.frombuffer(b"\x3e" * 4, np.float32)[0])
    h, c = floats(rng, batch, hidden), floats(rng, batch, hidden)
    states, cell, _ = guarded(
        "k_lstm_f32",
        **{"projected": projected, "time": 1, "batch": batch, "hidden": hidden, "is_reversed": 0},
        **{"weights": None, "bias": None, "initial_h": h, "initial_c": c, "stride": batch * hidden},
        h=out((1, batch, hidden), "float32"),
        c=out((batch, hidden), "float32"),
        scratch=out(sums.shape, "float32", 0x3E),
    )
    meant = float_recurrences.lstm_by(lambda state: sums, projected, h, c, reverse=False)
    np.testing.assert_array_equal(states, meant[0])
    np.testing.assert_array_equal(cell, meant[1])


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("time", "batch", "hidden"), SIZES)
def test_gru_f32(guarded, out, rng, time, batch, hidden, reverse, linear):
    projected, weights = floats(rng, time, batch, 3 * hidden), floats(rng, hidden, 3 * hidden)
    bias, h, two = floats(rng, 3 * hidden), floats(rng, batch, hidden), 2 * hidden
    joined = slice(None) if linear else slice(two)
    states, _ = guarded(
        "k_gru_f32",
        **{"projected": projected, "time": time, "batch": batch, "hidden": hidden, "is_reversed": int(reverse)},
        **{"weights": pack_floats(weights[None, :, joined]).weights, "bias": padded_columns(bias[joined])},
        own_weights=None if linear else pack_floats(weights[None, :, two:]).weights,
        own_bias=None if linear else padded_columns(bias[two:]),
        **{"initial_h": h, "stride": batch * hidden},
        h=out((time, batch, hidden), "float32"),
        scratch=out((batch, 4 * hidden), "float32"),
    )
    meant = float_recurrences.gru(projected, weights, bias, h, reverse=reverse, linear=linear)
    np.testing.assert_array_equal(states, meant)
    state = h.astype(np.float64)
    for t in steps(time, reverse):
        sums = state @ weights[:, :two] + bias[:two]
        z, r = np.split(sigmoid(projected[t][:, :two] + sums), 2, axis=1)
        own, own_bias = weights[:, two:], bias[two:]
        new = r * (state @ own + own_bias) if linear else (r * state) @ own + own_bias
        state = (1 - z) * np.tanh(projected[t][:, two:] + new) + z * state
        np.testing.assert_allclose(states[t], state, rtol=0, atol=1e-5)
