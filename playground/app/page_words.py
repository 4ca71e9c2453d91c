"""What messages call arguments of Python, in the words of the page: a remedy there names the control to use."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "Where activations stay float ('weight-only'), any": "With 'Activations in int8' on 'Stay float' any",
    "Use static or weight-only activations": "Set 'Activations in int8' to 'Static' or 'Stay float'",
    "Use 'tensor' or 'channel'": "Use a scale for each tensor, or for each channel",
    "or representation='qdq'": "or the form 'QDQ' of the ONNX file",
    "Quantize it with representation='qdq'": "Choose the form 'QDQ' of the ONNX file",
    "or set partial=True in the recipe to leave them out": "or tick 'Leave in float what cannot be quantized'",
    "Give calibration data, or sizes, for instance shapes=": "Add calibration data, or sizes, for instance ",
    "Give calibration data": "Add calibration data",
    "Use symmetric=False": "Set 'Range' to 'Asymmetric'",
    "narrow_range=True contradicts": "'Narrow range' contradicts",
    "Use narrow_range=False, or": "Untick 'Narrow range', or use",
    "Use 'minmax', 'percentile', 'mse' or 'lp_norm'": "Use Min-max, Percentile, Least squared error or Least L_p error",
    "Use 'minmax', 'mse' or 'lp_norm'": "Use Min-max, Least squared error or Least L_p error",
    "Use 'minmax', 'mse' or 'percentile'": "Use Min-max, Least squared error or Percentile",
    "Use engine='onnxruntime'": "Download the model and run it in ONNX Runtime",
    ", or use engine='reference'": ", or use another model",
    "Use engine='reference'": "Use another model",
}
"""A part of a message -> the same in the page. Of two that begin alike the longer one comes first."""


def in_page(message: str) -> str:
    """A message as the page shows it."""
    for argument, control in WORDS.items():
        message = message.replace(argument, control)
    return message
