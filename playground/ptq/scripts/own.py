"""The package itself, which makes all that it has made."""

from __future__ import annotations

from playground.ptq.quantized_model import QuantizedModel
from playground.ptq.scripts._script import Origin, Script, samples_from


def why_not(_origin: Origin) -> str:
    """Never a reason."""
    return ""


def text(origin: Origin) -> str:
    """Python that quantizes the model with the recipe."""
    opened = f"gallery.open_model({origin.gallery!r})" if origin.gallery else f"playground.load({origin.file!r})"
    imports = ["import playground", *(["from playground import gallery"] if origin.gallery else [])]
    lines = [f"model = {opened}", f"recipe = playground.Recipe.from_json({origin.recipe.to_json(indent=None)!r})"]
    if not isinstance(origin.result, QuantizedModel):
        imports.append("from playground.ptq.without_graph import quantize_tensors")
        kind = origin.output.rsplit(".", 1)[-1]
        lines.append(f"quantized = quantize_tensors(model, recipe, kind={kind!r})")
    else:
        arguments = ["model", "recipe"]
        if origin.calibration or origin.gallery:
            arguments.append("samples")
            taken = (
                samples_from(origin.calibration) if origin.calibration else f"gallery.calibration({origin.gallery!r})"
            )
            imports[:0] = ["import numpy as np"] if origin.calibration else []
            lines.append(f"samples = {taken}")
        elif origin.images:
            lines.append("# Ranges came from images: give an array of samples for each input as a third argument.")
        elif origin.shapes:
            arguments.append(f"shapes={origin.shapes!r}")
        lines.append(f"quantized = playground.quantize_model({', '.join(arguments)})")
    lines += [f"quantized.save({origin.output!r})", ""]
    lines.append("print(quantized.report.bytes_before, quantized.report.bytes_after)")
    return "\n".join([*imports, "", *lines])


SCRIPT = Script("playground", "this package", why_not, text)
