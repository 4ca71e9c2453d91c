"""No runtime: codes and scales as arrays, which a program reads by itself."""

from playground.model.runtimes._runtime import Runtime
from playground.number_formats import FORMATS
from playground.quantization.grouping import GRANULARITIES

RUNTIME = Runtime(
    id="npz",
    name="Arrays (.npz)",
    summary="Codes and scales of weights as NumPy's arrays, in any number format; no runtime reads them by itself.",
    source="playground/model/writers/npz.py",
    file="npz",
    activations=("weight_only",),
    # floats without a sign are for scales
    weight_formats=tuple(name for name, made in FORMATS.items() if made.signed or made.family != "float"),
    granularities=tuple(GRANULARITIES),
    reasons={"activations": "arrays have no place for ranges of activations"},
)
