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
    **dict.fromkeys(("percentile", "percent"), "calibrator='percentile', calibrator_args={'percentile': {99}}"),
    **dict.fromkeys(("backend", "framework", "tool", "target"), "convention='onnxruntime'"),
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
    **dict.fromkeys(("replace", "copy", "with_", "update"), "dataclasses.replace(scheme, format='int4')"),
    "scale": "quantize(x, scheme).scale: a scheme has no values",
    "zero_point": "quantize(x, scheme).zero_point: a scheme has no values",
    **dict.fromkeys(("to_dict", "asdict", "dict"), "scheme.as_dict()"),
    **dict.fromkeys(("to_json", "json"), "json.dumps(scheme.as_dict())"),
}
"""What people look for in a scheme -> what to write."""

ON_SCHEME = {
    **dict.fromkeys(("from_dict", "parse", "load"), "Scheme(**fields)"),
    **dict.fromkeys(("from_json", "loads"), "Scheme(**json.loads(text))"),
}
"""What people look for in the class -> what to write."""

ON_QTENSOR = {
    **dict.fromkeys(("from_numpy", "from_array", "from_float", "quantize", "from_tensor"), "quantize(x, 'int8')"),
    **dict.fromkeys(("load", "open", "read", "from_file"), "playground.load('weights.npz') for a file"),
}
"""What people look for in the class -> what to write."""

GRANULARITIES = {
    **dict.fromkeys(("per_tensor", "whole", "layer", "per_layer", "all"), "tensor"),
    **dict.fromkeys(("channels", "channelwise", "per_channel", "per_axis", "axis", "column", "per_column"), "channel"),
    **dict.fromkeys(("tokens", "row", "rows", "per_row", "per_token", "rowwise"), "token"),
    **dict.fromkeys(("blocks", "blockwise", "per_block", "group", "groups", "groupwise", "per_group"), "block"),
}
"""What granularities are called elsewhere -> their id."""

QTENSOR_ATTRIBUTES = {
    **dict.fromkeys(("numpy", "to_numpy", "values", "data", "float", "to", "cpu", "detach"), "q.dequantize()"),
    **dict.fromkeys(("int_repr", "ints", "q", "quantized", "code", "integers"), "q.codes"),
    **dict.fromkeys(("bits", "n_bits", "num_bits"), "q.scheme.element.bits, or q.bits_per_weight as stored"),
    "quantize": "quantize(q, 'int8')",
    "dtype": "q.codes.dtype, or q.dequantize().dtype",
    "tobytes": "q.packed().tobytes()",
    "save": "numpy.save('q.npy', q.dequantize())",
    **dict.fromkeys(("error", "mse", "sqnr", "snr", "sqnr_db"), "compare(x, q)"),
    "format": "q.scheme.format",
    **dict.fromkeys(("plot", "show", "hist"), "q._repr_html_(), which a notebook shows by itself"),
    **dict.fromkeys(("scales", "q_scale", "q_per_channel_scales"), "q.scale"),
    **dict.fromkeys(("zero_points", "q_zero_point", "q_per_channel_zero_points", "zp"), "q.zero_point"),
}
"""What people look for in a quantized tensor -> what to write."""
