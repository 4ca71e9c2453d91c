"""The report in the Model view: what was quantized, and what was skipped and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.render import html
from playground.render.algorithms import HEAD, applied_title, number_rows, remarks, treated


def report_card(report: Mapping[str, Any] | None) -> str:
    """The card's content.

    Args:
        report: of the last quantization, as ``analysis.report.report_data`` gives it; None before the first.
    """
    if report is None:
        return html.title("Report") + html.note(
            "Quantize the model to see here what was done, and what was skipped and why."
        )
    # the first view has no report
    from playground.render.treemap import treemap

    skipped = skipped_by_reason(report["skipped"])
    return (
        html.title("Report", report["summary"])
        + html.part(
            html.note("What the file takes, a tensor each: quantized, as it was, and the rest") + treemap(report)
        )
        + (html.note(report["not_smaller"]) if report["not_smaller"] else "")
        + _checked(report)
        + "".join(html.part(_algorithm(applied)) for applied in report["algorithms"])
        + (html.part(html.note("Take note") + html.bullets(report["warnings"])) if report["warnings"] else "")
        + html.part(
            html.note("Not quantized, and why") + html.bullets(skipped)
            if skipped
            else html.note("Nothing was skipped.")
        )
    )


def _checked(report: Mapping[str, Any]) -> str:
    """What the runtime says to the finished file."""
    found = report.get("verification")
    if not found or not found["sentence"]:
        return ""
    return html.note(found["sentence"], bad=bool(found["refused"]))


def skipped_by_reason(entries: Sequence[Mapping[str, str]]) -> list[str]:
    """A line for each reason, after the names it holds for: a transformer has dozens of tensors with the same one."""
    names: dict[str, list[str]] = {}
    for entry in entries:
        names.setdefault(entry["reason"], []).append(entry["name"])
    return [f"{', '.join(alike)}: {reason}" for reason, alike in names.items()]


def _algorithm(applied: dict[str, Any]) -> str:
    """What one algorithm did: its numbers before and after, and its remarks."""
    rows, told = number_rows(applied), remarks(applied)
    return (
        html.title(applied_title(applied), treated(applied))
        + (html.table(HEAD, rows) if rows else "")
        + (html.bullets(told) if told else "")
    )
