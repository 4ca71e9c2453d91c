"""What other packages call arguments of ``quantize_model`` and attributes of its result, and what to write here."""

from __future__ import annotations

from playground.model.recipe.other_names import FIELDS

_CALIBRATION = "calibration={'image': samples}"
_SAVED = "quantize_model(model).save('small.onnx')"

ARGUMENTS = {
    **FIELDS,
    **dict.fromkeys(
        ("data", "calibration_data", "calib_data", "calibration_dataset", "dataset", "samples", "dataloader"),
        _CALIBRATION,
    ),
    "calibration_data_reader": _CALIBRATION,
    **dict.fromkeys(("output", "output_path", "out", "path", "model_output", "save", "save_to"), _SAVED),
    "model_input": "quantize_model('model.onnx')",
    **dict.fromkeys(("input_shapes", "input_shape", "shape"), "shapes={'image': (1, 3, 224, 224)}"),
    **dict.fromkeys(("callback", "verbose"), "progress=print"),
}
"""What arguments are called elsewhere -> what to write."""

ATTRIBUTES = {
    **{name: f"result.model.{name}" for name in ("tensors", "graph", "name", "metadata")},
    **dict.fromkeys(("weights", "state_dict", "parameters"), "result.model.tensors"),
    **dict.fromkeys(("run", "forward", "predict", "infer"), "playground.run(result, {'image': array})"),
    **dict.fromkeys(("summary", "describe", "stats", "info"), "result.report"),
    **dict.fromkeys(("size", "nbytes", "file_bytes"), "result.report.file_bytes"),
    **dict.fromkeys(("to_bytes", "tobytes", "SerializeToString", "bytes"), "result.onnx"),
    **dict.fromkeys(("export", "write", "to_file"), "result.save('small.onnx')"),
    **dict.fromkeys(("compare", "error", "accuracy", "evaluate"), "`playground evaluate` in a terminal"),
    "recipe": "result.report.recipe",
    **dict.fromkeys(("codes", "quantized", "qtensors", "scales"), "result.quantization"),
}
"""What people look for in a quantized model -> what to write."""

ON_RESULT = dict.fromkeys(("load", "open", "read", "from_file"), "playground.load('small.onnx')")
"""What people look for in the class -> what to write."""

ON_REPORT = dict.fromkeys(
    ("load", "open", "read", "from_file", "from_json", "from_dict", "of"), "quantize_model('model.onnx').report"
)
"""What people look for in the class -> what to write."""

PART_ATTRIBUTES = {
    **dict.fromkeys(("sqnr", "error", "snr"), "tensor.sqnr_db"),
    **dict.fromkeys(("format", "bits", "dtype"), "tensor.scheme['format']"),
    **dict.fromkeys(("nbytes", "bytes"), "tensor.bytes_after"),
    **dict.fromkeys(("size", "count"), "tensor.parameters"),
    **dict.fromkeys(("codes", "values", "scale", "zero_point", "numpy"), "result.quantization"),
}
"""What people look for in a tensor of a report -> what to write."""

REPORT_ATTRIBUTES = {
    **dict.fromkeys(("summary", "describe", "info", "to_text", "text"), "print(report), or report.tensors"),
    **dict.fromkeys(("plot", "show"), "report._repr_html_(), which a notebook shows by itself"),
    **dict.fromkeys(("to_dict", "asdict", "dict"), "report.as_dict()"),
    **dict.fromkeys(("to_json", "json"), "json.dumps(report.as_dict())"),
    **dict.fromkeys(
        ("save", "to_html", "html", "write"),
        "pathlib.Path('report.json').write_text(json.dumps(report.as_dict())); `playground quantize --report "
        "report.html` writes a page",
    ),
    **dict.fromkeys(("size", "nbytes", "bytes"), "report.file_bytes, or report.bytes_after for constants alone"),
    **dict.fromkeys(("compression", "ratio", "compression_ratio"), "report.bytes_before / report.bytes_after"),
    **dict.fromkeys(("error", "sqnr", "sqnr_db", "accuracy"), "report.tensors, each of which has its sqnr_db"),
    "layers": "report.tensors",
}
"""What people look for in a report -> what to write."""
