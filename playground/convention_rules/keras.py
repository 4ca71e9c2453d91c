"""Keras: what ``Dense.quantize`` and the other layers store, on any backend."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="keras",
    title="Keras",
    source="keras 3.15: quantizers.abs_max_quantize and abs_max_quantize_grouped_with_zero_point (to_numpy=True)",
    url="https://github.com/keras-team/keras/blob/master/keras/src/quantizers/quantizers.py",
    range_includes_zero=False,
    range_epsilon=1e-7,  # keras.backend.epsilon()
    zero_point_rounding="quotient",
    symmetric_reach="largest_code",
    symmetric_narrow_from=8,  # (-127, 127), but (-8, 7)
    quotient="inverse",  # Keras stores this inverse as the layer's scale
)
