"""What other packages call fields and attributes, and what to write here."""

from __future__ import annotations

_CHANNELS = "granularity='channel', axis={0}"
_BLOCKS = "granularity='block', block_size={32}"
_BITS = "format='int{4}'"
_RANGE = "quantize(x, range=(-1.0, 1.0))"

FIELDS = {
    **dict.fromkeys(("bits", "nbits", "n_bits", "num_bits", "bitwidth", "bit_width", "weight_bits"), _BITS),
    **dict.fromkeys(("dtype", "qtype", "type", "fmt", "quant_type", "target_dtype", "scheme"), "format='{int8}'"),
    **dict.fromkeys(("group_size", "groupsize", "blocksize", "block"), _BLOCKS),
    **dict.fromkeys(("per_channel", "channelwise", "channel_axis", "ch_axis", "dim"), _CHANNELS),
    "per_tensor": "granularity='tensor'",
    "asymmetric": "symmetric=False",
    "sym": "symmetric=True",
    **dict.fromkeys(("range", "min", "max", "clip", "clip_range", "amax", "vmin", "vmax", "scale"), _RANGE),
    **dict.fromkeys(("calibration", "calibration_method", "method", "observer"), "calibrator='percentile'"),
}
"""What fields are called elsewhere -> what to write in a scheme."""

SCHEME_ATTRIBUTES = {
    "bits": "scheme.element.bits",
    "dtype": "scheme.element.dtype",
    "scale": "quantize(x, scheme).scale: a scheme has no values",
    "zero_point": "quantize(x, scheme).zero_point: a scheme has no values",
    **dict.fromkeys(("to_dict", "asdict", "dict"), "scheme.as_dict()"),
    **dict.fromkeys(("to_json", "json"), "json.dumps(scheme.as_dict())"),
}
"""What people look for in a scheme -> what to write."""

QTENSOR_ATTRIBUTES = {
    **dict.fromkeys(("numpy", "values", "data", "float", "to", "cpu", "detach"), "q.dequantize()"),
    **dict.fromkeys(("int_repr", "ints", "q", "quantized", "code", "integers"), "q.codes"),
    **dict.fromkeys(("bits", "n_bits", "num_bits"), "q.scheme.element.bits, or q.bits_per_weight as stored"),
    "dtype": "q.codes.dtype, or q.dequantize().dtype",
    "tobytes": "q.packed().tobytes()",
    "save": "numpy.save('q.npy', q.dequantize())",
    **dict.fromkeys(("error", "mse", "sqnr", "snr", "sqnr_db"), "compare(x, q)"),
    "format": "q.scheme.format",
}
"""What people look for in a quantized tensor -> what to write."""
