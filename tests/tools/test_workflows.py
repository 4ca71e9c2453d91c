"""Workflows are linted: ours have no fault, and faults of several kinds are found."""

import pytest

from tools import workflows
from tools.steps import BuildError

pytestmark = pytest.mark.slow  # npm's packages may have to be fetched first

GOOD = """\
on: push
jobs:
  all:
    runs-on: ubuntu-24.04
    permissions:
      attestations: write
    strategy:
      matrix:
        python: ["3.11"]
    steps:
      - id: first
        run: echo ${{ matrix.python }}
      - run: echo ${{ steps.first.outputs.x }}
"""


def lint(folder, text):
    path = folder / "made.yml"
    path.write_text(text, "utf-8")
    workflows.check([path])


def test_ours_pass():
    assert len(list(workflows.FOLDER.glob("*.yml"))) >= 3
    workflows.check()


def test_all_exceptions_are_needed():
    """A newer actionlint knows them: then the list of exceptions gets shorter."""
    said = {(finding["kind"], name) for finding in workflows.findings() for _, name in workflows.NEWER
            if f'"{name}"' in finding["message"].split("available")[0]}  # fmt: skip
    assert said == workflows.NEWER


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("on: push", "on: pushed", "unknown Webhook event"),
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-24.40", 'label "ubuntu-24.40" is unknown'),
        ("attestations: write", "attestation: write", 'unknown permission scope "attestation"'),
        ("matrix.python }}", "matrix.pyton }}", 'property "pyton" is not defined'),
        ("steps.first.", "steps.fist.", 'property "fist" is not defined'),
        ("    steps:", "    step:", 'unexpected key "step"'),
        ("    strategy:", "    needs: other\n    strategy:", "other"),
    ],
)
def test_a_fault_is_found(tmp_path, capsys, right, wrong, said):
    lint(tmp_path, GOOD)
    with pytest.raises(BuildError, match=r"actionlint found \d faults? in workflows|actionlint found"):
        lint(tmp_path, GOOD.replace(right, wrong))
    assert said in capsys.readouterr().out


def test_a_linter_that_does_not_run_is_said(tmp_path):
    with pytest.raises(BuildError, match="could not be run"):
        workflows.check([tmp_path / "missing.yml"])
