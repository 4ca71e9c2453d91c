"""Generated graphs in both integer engines: ``python -m tests.fuzz.run --count 2000 --seed 1``.

Graph number i of a seed is always the same: ``--only i`` repeats one. Each batch runs in a process of its own, so
that a crash is counted and the rest goes on. Anything that is not as promised is printed and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tests.fuzz.graphs import coded_operators, integer_operators, made
from tests.fuzz.guarded_memory import GuardedKernels
from tests.fuzz.judge import judged

_BATCH = 500
_WARM_UP = 40

KINDS = ("foreign", "difference", "canary", "slow", "large", "crash")


@dataclass
class Report:
    """Figures of some graphs."""

    seed: int
    graphs: int = 0
    executed: int = 0
    damaged: int = 0
    operators: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    largest: float = 0.0

    def add(self, other: Report) -> None:
        self.graphs += other.graphs
        self.executed += other.executed
        self.damaged += other.damaged
        self.operators.update(other.operators)
        self.outcomes.update(other.outcomes)
        self.faults += [(int(index), fault) for index, fault in other.faults]
        self.slowest, self.largest = max(self.slowest, other.slowest), max(self.largest, other.largest)

    def count(self, kind: str) -> int:
        return sum(fault.startswith(f"{kind}:") for _, fault in self.faults)

    def least(self) -> list[tuple[str, int]]:
        """How often each operator with an integer form stood in a graph that ran in both engines, rarest first."""
        every = [entry.id for entry in (*integer_operators(), *coded_operators())]
        return sorted(((name, self.operators[name]) for name in every), key=lambda pair: pair[1])

    def __str__(self) -> str:
        share = 100 * self.executed / max(1, self.graphs)
        kinds = ", ".join(f"{self.count(kind)} {kind}" for kind in KINDS)
        rarest = ", ".join(f"{name} {count}" for name, count in self.least()[:8])
        lines = [
            f"seed {self.seed}: {self.graphs} graphs, {self.damaged} of them damaged; {share:.1f} % executed in both"
            f" engines; {kinds}; slowest {self.slowest:.2f} s, largest {self.largest:.0f} MB",
            f"in graphs that executed: {len(self.least())} operators, the rarest {rarest}",
        ]
        lines += [f"  graph {index}: {fault}" for index, fault in self.faults]
        return "\n".join(lines)


def batch(
    seed: int,
    first: int,
    count: int,
    kernels: GuardedKernels | None = None,
    *,
    verbose: bool = False,
) -> Report:
    """Judge ``count`` graphs from number ``first`` on, in this process."""
    kernels = kernels or GuardedKernels()
    for index in range(_WARM_UP if count > 1 else 0):
        judged(made(2**31 + 1, index), kernels)
    report = Report(seed)
    for index in range(first, first + count):
        print(f"at {index}", file=sys.stderr) if verbose else None
        case = made(seed, index)
        verdict = judged(case, kernels, index)
        report.graphs += 1
        report.damaged += bool(case.damage)
        report.executed += verdict.executed
        report.outcomes[verdict.outcome] += 1
        if verdict.executed:
            report.operators.update(set(case.operators))
        report.slowest = max(report.slowest, verdict.seconds)
        report.largest = max(report.largest, verdict.megabytes)
        report.faults += [(index, f"{fault} [{case.form}{case.damage}]") for fault in verdict.faults]
    return report


def _apart(seed: int, first: int, count: int) -> Report:
    """A batch in a process of its own."""
    command = [sys.executable, "-m", "tests.fuzz.run", "--json", "--seed", str(seed)]
    command += ["--first", str(first), "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        at = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        return Report(seed, graphs=count, faults=[(first, f"crash: exit code {done.returncode}, {at[:200]}")])
    data = json.loads(done.stdout)
    return Report(**{**data, "operators": Counter(data["operators"]), "outcomes": Counter(data["outcomes"])})


def run(count: int, seed: int) -> Report:
    """Judge graphs 0 to ``count``, batch by batch."""
    report = Report(seed)
    for first in range(0, count, _BATCH):
        report.add(_apart(seed, first, min(_BATCH, count - first)))
    return report


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one graph, by its number")
    parser.add_argument("--first", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--outcomes", action="store_true", help="also what the graphs that did not execute ended in")
    options = parser.parse_args()
    np.seterr(all="ignore")
    began = time.monotonic()
    if options.only is not None:
        report = batch(options.seed, options.only, 1)
        case = made(options.seed, options.only)
        print(case.damage, *case.graph.nodes, sep="\n")
        print({n: (t.dtype, t.shape) for n, t in case.graph.initializers.items()})
        print([(v.name, v.dtype, v.shape) for v in case.graph.inputs], [v.name for v in case.graph.outputs])
    elif options.json:
        report = batch(options.seed, options.first or 0, options.count, verbose=True)
        print(json.dumps(vars(report)))
        return min(len(report.faults), 1)
    else:
        report = run(options.count, options.seed)
    print(report)
    if options.outcomes or options.only is not None:
        for outcome, times in report.outcomes.most_common(60):
            print(f"{times:5d} {outcome}")
    print(f"{time.monotonic() - began:.0f} s")
    return min(len(report.faults), 1)


if __name__ == "__main__":
    sys.exit(main())
