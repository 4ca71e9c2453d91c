"""All results about a quantized model as one value, which reports show and JSON files hold."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import playground
from playground.analysis.divergence import Divergence
from playground.analysis.improvement import Improvement
from playground.analysis.precision_front import MixedPrecision
from playground.analysis.race import Race
from playground.analysis.report_json import report_data
from playground.analysis.samples_curve import SamplesCurve
from playground.analysis.sensitivity import Sensitivity
from playground.ptq.pipeline import QuantizedModel

VERSION = 1
"""Version of the JSON form."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelReport:
    """A quantized model and what was measured of it; what was not is None or empty.

    Attributes:
        quantization: what was quantized, what was skipped and why, sizes as stored, the recipe, warnings.
        data: what the measurements were made on, in a few words.
        sensitivity: errors and sensitivity of every layer.
        mixed: bits for each layer, and the front.
        divergences: the engines beside each other, code by code.
        race: the engines' latency.
        samples: the error against the number of calibration samples.
        improvement: remedies that were tried, for this model or for one without those that it has.
        versions: of the software that made this, by name.
    """

    quantization: dict[str, Any]
    data: str = ""
    sensitivity: Sensitivity | None = None
    mixed: MixedPrecision | None = None
    divergences: Sequence[Divergence] = ()
    race: Race | None = None
    versions: dict[str, str] = field(default_factory=dict)
    samples: SamplesCurve | None = None
    improvement: Improvement | None = None

    @property
    def tried(self) -> Improvement | None:
        """The remedies that were tried, if for this very model and for one that has none of them."""
        found = self.improvement
        return found if found is not None and found.recipe.as_dict() == self.quantization["recipe"] else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data; numbers that are not finite have to be replaced before writing JSON."""
        return {
            "version": VERSION,
            "data": self.data,
            "quantization": self.quantization,
            "sensitivity": self.sensitivity.as_dict() if self.sensitivity else None,
            "mixed_precision": self.mixed.as_dict() if self.mixed else None,
            "engines": [divergence.as_dict() for divergence in self.divergences],
            "latency": asdict(self.race) if self.race else None,
            "samples": self.samples.as_dict() if self.samples else None,
            "improvement": self.improvement.as_dict() if self.improvement else None,
            "versions": self.versions,
        }


def model_report(
    result: QuantizedModel,
    *,
    data: str = "",
    sensitivity: Sensitivity | None = None,
    mixed: MixedPrecision | None = None,
    divergences: Sequence[Divergence] = (),
    race: Race | None = None,
    samples: SamplesCurve | None = None,
    improvement: Improvement | None = None,
) -> ModelReport:
    """Put a report together, with the versions that made it."""
    found = (sensitivity, mixed, tuple(divergences), race)
    return ModelReport(report_data(result), data, *found, versions(), samples, improvement)


def versions() -> dict[str, str]:
    """Of this package, Python and the packages that numbers depend on, as far as they are installed."""
    found = {"playground": playground.__version__, "python": platform.python_version()}
    for name in ("numpy", "protobuf", "onnxruntime", "wasmtime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
