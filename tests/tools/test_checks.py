import pytest

from tools import checks
from tools.steps import BuildError


@pytest.fixture
def tracked(monkeypatch, tmp_path):
    """A checkout whose tracked files are those written into it."""
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.setattr(checks, "tracked_files", lambda: sorted(tmp_path.iterdir()))
    return tmp_path


def test_an_index_that_is_named_is_found(tracked):
    (tracked / "clean.txt").write_text("any mirror will do")
    checks._check_hosts()
    for host in checks._INDEX_HOSTS:
        (tracked / "lock.json").write_text(f'"resolved": "https://registry.{host}/x"')
        with pytest.raises(BuildError, match=rf"lock\.json names {host}"):
            checks._check_hosts()


def test_data_over_the_budget_is_refused_and_the_largest_named(tracked, monkeypatch):
    (tracked / "small.npz").write_bytes(bytes(40))
    (tracked / "large.onnx").write_bytes(bytes(60))
    (tracked / "source.py").write_bytes(bytes(1000))
    monkeypatch.setattr(checks, "DATA_BUDGET", 100)
    checks._check_budget()
    monkeypatch.setattr(checks, "DATA_BUDGET", 99)
    with pytest.raises(BuildError, match=r"100 bytes of data are committed; the limit is 99\. .*large\.onnx"):
        checks._check_budget()


def test_all_checks_run_and_all_that_failed_are_named(monkeypatch, capsys):
    def fails(*_):
        raise BuildError("complains")

    monkeypatch.setattr(checks.site, "build", lambda: None)
    monkeypatch.setattr(checks.environment, "ensure", lambda _lock: None)
    for name in ("_check_kernels", "_check_budget", "_check_hosts"):
        monkeypatch.setattr(checks, name, lambda: None)
    for name in ("check_form", "check_types"):
        monkeypatch.setattr(checks.javascript, name, lambda: None)
    monkeypatch.setattr(checks.workflows, "check", lambda: None)
    monkeypatch.setattr(checks.kernel_order, "check_kernels", lambda: None)
    monkeypatch.setattr(checks.budgets, "check", lambda: None)
    monkeypatch.setattr(checks.words, "check", lambda *_: None)
    monkeypatch.setattr(checks, "_tool", lambda *command: fails() if "--check" in command else None)
    with pytest.raises(BuildError, match=r"^1 of 13 checks failed: Formatting \(ruff\)$"):
        checks.run_checks()
    assert "No package index is named" in capsys.readouterr().out
