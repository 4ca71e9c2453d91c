"""Feeds mutated inputs to what reads them: ``python -m tests.hostile.fuzz onnx --count 10000 --seed 1``.

Input number i of a seed is always the same, whatever came before it: ``--only i`` repeats one. An input has to be taken
or refused with one of our errors, within limits of time and memory; anything else is printed, kept where ``--keep``
says, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import pickle
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.formats import FORMATS
from tests.hostile.guard import MEGABYTES, SECONDS, Outcome, guarded

_WARM_UP = 20
"""Inputs before any is counted: modules are imported by the first."""


_COLLECT = 200
"""Inputs between two collections of garbage."""


@dataclass
class Report:
    """What became of the inputs of one format."""

    format: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, Outcome]] = field(default_factory=list)
    slowest: float = 0.0
    largest: float = 0.0

    def __str__(self) -> str:
        """One line, and one for each failure."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.counts.items()))
        lines = [
            f"{self.format}, seed {self.seed}: {sum(self.counts.values())} inputs: {kinds}; "
            f"slowest {self.slowest:.2f} s, largest {self.largest:.0f} MB"
        ]
        lines += [f"  input {index}: {outcome.kind}: {outcome.what}" for index, outcome in self.failures]
        return "\n".join(lines)


def run(name: str, count: int, seed: int, first: int = 0, keep: Path | None = None) -> Report:
    """Feed ``count`` inputs, from number ``first`` on."""
    chosen, report = FORMATS[name], Report(name, seed)
    for index in range(_WARM_UP):
        made = chosen.make(random.Random(f"{name} warm up {index}"))
        guarded(lambda made=made: chosen.use(made))
    for index in range(first, first + count):
        made = chosen.make(random.Random(f"{name} {seed} {index}"))
        outcome = guarded(lambda made=made: chosen.use(made), collect=index % _COLLECT == 0)
        report.counts[outcome.kind] += 1
        if outcome.kind == "refused":
            report.reasons[re.sub(r"'.*?'|[0-9]+", "·", outcome.what)[:100]] += 1
        report.slowest = max(report.slowest, outcome.seconds)
        report.largest = max(report.largest, outcome.megabytes)
        if not outcome.fine:
            report.failures.append((index, outcome))
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                data = made if isinstance(made, bytes) else pickle.dumps(made)
                (keep / f"{name}-{seed}-{index}").write_bytes(data)
    return report


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("format", choices=[*FORMATS, "all"])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one input, by its number")
    parser.add_argument("--reasons", action="store_true", help="list why inputs were refused")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where inputs that fail are written")
    options = parser.parse_args()
    first, count = (options.only, 1) if options.only is not None else (0, options.count)
    bad = 0
    for name in FORMATS if options.format == "all" else [options.format]:
        report = run(name, count, options.seed, first, options.keep)
        print(report, flush=True)
        if options.reasons:
            print("".join(f"  {number:6} {reason}\n" for reason, number in report.reasons.most_common(40)))
        bad += len(report.failures)
    print(f"limits: {SECONDS:g} s of CPU time, {MEGABYTES} MB an input")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
