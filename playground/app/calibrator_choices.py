"""The calibrators as the Tensor view offers them: in groups, one line each, and why a format does not take one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from playground.api import calibrators
from playground.calibration import Calibrator, start
from playground.errors import PlaygroundError
from playground.quantization import Scheme

_GROUPS = {
    "Keep every value": ("minmax", "moving_average"),
    "Clip a share": ("percentile", "mean_sigma", "histogram", "distribution"),
    "Search for the least error": ("mse", "lp_norm", "hqq", "octav", "aciq_gauss", "aciq_laplace"),
    "Lose the least information": ("entropy", "entropy_tensorrt"),
}
_OTHERS = "Others"

MOST_PARAMETERS = 4
"""Fields that there are for a calibrator's parameters."""

_BESIDE = {"percentile": ("percentile",)}
"""Parameters that have a control of their own."""


def label(calibrator: Calibrator) -> str:
    """The menu's line."""
    return f"{calibrator.title}: {calibrator.summary}"


def groups() -> dict[str, dict[str, str]]:
    """Title of a group -> line -> id. What has not been put into a group comes last."""
    known = calibrators()
    placed = {title: [name for name in names if name in known] for title, names in _GROUPS.items()}
    rest = [name for name in known if not any(name in names for names in placed.values())]
    named = {**placed, **({_OTHERS: rest} if rest else {})}
    return {title: {label(known[name]): name for name in names} for title, names in named.items()}


def facts() -> dict[str, Any]:
    """Id -> ``{"title", "parameters": [{"name", "default", "minimum", "maximum", "integer", "summary"}]}``."""
    return {name: {"title": found.title, "parameters": _parameters(found)} for name, found in calibrators().items()}


def _parameters(calibrator: Calibrator) -> list[dict[str, Any]]:
    shown = [p for p in calibrator.parameters if p.name not in _BESIDE.get(calibrator.id, ())]
    names = ("name", "default", "minimum", "maximum", "integer", "summary")
    return [{name: getattr(parameter, name) for name in names} for parameter in shown[:MOST_PARAMETERS]]


@cache
def refusals(number_format: str, symmetric: bool) -> Mapping[str, str]:
    """Calibrator -> why it cannot find a range for the format; those that can are left out.

    A calibrator refuses a format when it starts: nothing has to be calibrated to know.
    """
    found = {}
    for name in calibrators():
        scheme = Scheme(number_format, symmetric=symmetric, calibrator=name)
        try:
            if scheme.needs_range:
                start(scheme)
        except PlaygroundError as error:
            found[name] = error.what
    return found
