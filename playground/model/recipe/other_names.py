"""What other packages call the fields of a recipe, and what to write here."""

from __future__ import annotations

_EXCLUDED = "rules=[{'pattern': 'fc1.*', 'scheme': None}]"
_ALGORITHMS = "algorithms=['{gptq}']"

FIELDS = {
    **dict.fromkeys(("bits", "nbits", "n_bits", "num_bits", "weight_bits", "wbits", "w_bit"), "weights='int{4}'"),
    **dict.fromkeys(
        ("format", "dtype", "scheme", "weight", "weight_format", "weight_type", "weight_dtype"),
        "weights='{int8}'",
    ),
    **dict.fromkeys(
        ("activation", "activation_type", "activation_format", "activation_dtype", "act_type"),
        "activation_scheme='{int8}'",
    ),
    **dict.fromkeys(("mode", "method", "approach", "quant_mode", "backend_mode"), "activations='{dynamic}'"),
    **dict.fromkeys(("dynamic", "weight_only", "static"), "activations='dynamic', or 'static', or 'weight-only'"),
    **dict.fromkeys(("algorithm", "algo", "gptq", "awq", "smoothquant"), _ALGORITHMS),
    **dict.fromkeys(("exclude", "skip", "nodes_to_exclude", "ignore", "ignored", "keep_float"), _EXCLUDED),
    **dict.fromkeys(("op_types_to_quantize", "op_types", "ops", "operator"), "operators=['Conv']"),
    **dict.fromkeys(("per_channel", "granularity", "axis"), "weights=Scheme('int8', granularity='channel')"),
    **dict.fromkeys(
        ("group_size", "block_size"), "weights=Scheme('int4', granularity='channel'): ONNX files have no blocks"
    ),
    **dict.fromkeys(("symmetric", "sym"), "weights=Scheme('int8', granularity='channel', symmetric=False)"),
    **dict.fromkeys(("calibrator", "calibration_method"), "activation_scheme=Scheme('uint8', calibrator='percentile')"),
    **dict.fromkeys(("quant_format", "form", "operator_form"), "representation='{qoperator}', or 'qdq'"),
    **dict.fromkeys(("backend", "target", "device"), "runtime='onnxruntime'"),
}
"""What fields are called elsewhere -> what to write in a recipe."""

ON_RECIPE = {
    **dict.fromkeys(
        ("load", "open", "read", "from_file", "from_path", "loads"),
        "quantize_model(model, 'recipe.json'), or Recipe.from_json(pathlib.Path('recipe.json').read_text())",
    ),
    **dict.fromkeys(("from_yaml", "from_toml"), "Recipe.from_dict({'weights': 'int4'})"),
}
"""What people look for in the class -> what to write."""

ATTRIBUTES = {
    **dict.fromkeys(("to_dict", "asdict", "dict"), "recipe.as_dict()"),
    **dict.fromkeys(("save", "write", "dump", "to_file"), "pathlib.Path('recipe.json').write_text(recipe.to_json())"),
    **dict.fromkeys(("format", "bits", "dtype"), "recipe.weights.format"),
    **dict.fromkeys(("replace", "copy", "with_", "update"), "dataclasses.replace(recipe, weights='int4')"),
}
"""What people look for in a recipe -> what to write."""
