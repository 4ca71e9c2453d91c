"""What the documents say holds: examples run and print what stands there, and every path and name exists."""

import contextlib
import functools
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import build
from playground.settings import from_query

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in (
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
ENDINGS = (".py", ".mjs", ".js", ".css", ".html", ".toml", ".md", ".c", ".h", ".json", ".zip")
GENERATED = ("dist", ".venv", ".cache")
"""What the build makes; ``test_generated_folders_are_ignored_by_git`` keeps this list honest."""


def blocks(document):
    """The fenced blocks of a document: (info, content)."""
    return [(info.strip(), content) for info, content in FENCE.findall(DOCUMENTS[document])]


def spans(document):
    """The inline code of a document."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", DOCUMENTS[document]))


def having(*infos):
    """The documents with a block of one of these kinds."""
    return [name for name in DOCUMENTS if any(info in infos for info, _ in blocks(name))]


def pattern(expected):
    """Expected output as a regular expression: ``...`` stands for anything, space at line ends does not count."""
    return re.escape(expected.strip()).replace(re.escape("..."), r"[\s\S]*") + r"\s*"


def matches(expected, printed):
    plain = printed.replace("\u202f", " ")  # the thin space between thousands
    return re.fullmatch(pattern(expected), re.sub(r"[ \t]+$", "", plain, flags=re.MULTILINE).strip())


@pytest.mark.parametrize("document", having("python"))
def test_python_examples_print_what_stands_below_them(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    found = blocks(document)
    for i, (info, code) in enumerate(found):
        if info != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"{document}, block {i + 1}", "exec"), names)  # noqa: S102 (our own documents)
        following = found[i + 1] if i + 1 < len(found) else ("", "")
        expected = following[1] if following[0] == "text" else ""
        assert matches(expected, printed.getvalue()), printed.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("document", having("console"))
def test_console_examples_print_what_stands_below_them(document, tmp_path):
    text = "".join(content for info, content in blocks(document) if info == "console")
    sessions = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", text, re.MULTILINE)
    assert sessions
    for command, expected in sessions:
        program, *arguments = shlex.split(command)
        assert program == "playground", command
        ran = subprocess.run(
            [sys.executable, "-m", "playground", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert matches(expected, ran.stdout), f"{command}\n{ran.stdout}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_build_commands_are_accepted(document):
    commands = re.findall(r"python build\.py ([^`#\n]*)", DOCUMENTS[document])
    for arguments in commands:
        # exits if it does not know them; only tests take more, which goes to pytest
        _, rest = build.parser().parse_known_args(shlex.split(arguments))
        assert not rest or arguments.startswith("test "), arguments


@functools.cache
def file_names():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {Path(line).name for line in listed.splitlines()}


def is_path(span):
    return bool(re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", span)) and ("/" in span or span.endswith(ENDINGS))


def exists(path):
    """Whether a path that is written from the top of the repository is there, or a bare name is some file's."""
    if path.split("/")[0] in GENERATED:
        return True
    return (ROOT / path).exists() or ("/" not in path and path in file_names())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_exist(document):
    named = [span for span in spans(document) if is_path(span)]
    for info, content in blocks(document):
        if info == "text layout":
            named += [line.split()[0] for line in content.splitlines()]
            named += re.findall(r"(?<![\w./])[\w-]+\.py\b", content)
    assert [path for path in named if not exists(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", DOCUMENTS[document]) if not urlsplit(link).scheme]
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def test_generated_folders_are_ignored_by_git():
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert [name for name in GENERATED if f"{name}/" not in ignored] == []


def resolve(dotted):
    """The object behind a dotted name; raises if there is none."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            return functools.reduce(getattr, parts[count:], import_module(".".join(parts[:count])))
    raise ModuleNotFoundError(dotted)


def script_names():
    """The members of ``window.playground``."""
    (body,) = re.findall(r"const api = \{\n(.*?)\n  \};", (ROOT / "static" / "api.mjs").read_text("utf-8"), re.DOTALL)
    return set(re.findall(r"^    (?:get )?(\w+)[:(]", body, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_names_exist(document):
    text = [span for span in spans(document) if not is_path(span)]
    text += [content for info, content in blocks(document) if info == "python"]
    for name in re.findall(r"(?<![\w./])playground(?:\.[A-Za-z]\w*)+", "\n".join(text)):
        resolve(name)


def test_javascript_names_exist():
    text = DOCUMENTS["docs/javascript.md"]
    (table,) = re.findall(r"# From JavaScript\n(.*?)```js", text, re.DOTALL)
    (example,) = (content for info, content in blocks("docs/javascript.md") if info == "js")
    named = re.findall(r"^\| `(\w+)", table, re.MULTILINE) + re.findall(r"playground\.(\w+)", example)
    assert {"ready", "setState", "load", "quantize", "run", "report"} <= set(named)
    assert set(named) - script_names() == set()


def test_the_embed_line_has_settings_that_exist():
    (html,) = (content for info, content in blocks("README.md") if info == "html")
    (address,) = re.findall(r'src="([^"]+)"', html)
    settings, problems = from_query(urlsplit(address.replace("&amp;", "&")).query)
    assert problems == ()
    assert (settings.format, settings.symmetric, settings.lo) == ("int4", True, -0.3)
    assert (ROOT / "static" / Path(urlsplit(address).path).name).is_file()


def test_the_import_order_is_the_one_that_is_checked():
    (order,) = (content for info, content in blocks("docs/architecture.md") if info == "text layers")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert order.splitlines() == layers


def test_every_request_of_the_page_is_named():
    backend = (ROOT / "playground" / "app" / "backend.py").read_text("utf-8")
    (table,) = re.findall(r"self\._handlers: .*?\n        \}\n", backend, re.DOTALL)
    requests = re.findall(r'^            "(\w+)": ', table, re.MULTILINE)
    assert "patch" in requests
    assert set(requests) - set(spans("docs/page.md")) == set()


def test_output_that_differs_is_noticed():
    assert matches("a\n...\nd\n", "a  \nb\nc\nd")
    assert not matches("a\n...\nd\n", "a\nb\n")
    assert not matches("", "something")
    assert not exists("playground/no_such_file.py")
    with pytest.raises(AttributeError):
        resolve("playground.no_such_name")
