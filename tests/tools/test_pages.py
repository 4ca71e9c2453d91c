"""What the pages' policies say, and that the hidden frame's script is the one they allow."""

import base64
import hashlib
import re

import pytest

from tools import publish
from tools.paths import STATIC

PAGES = ("index.html", "embed.html", "bench.html")


def policy_of(name):
    text = (STATIC / name).read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    return {part.split()[0]: part.split()[1:] for part in policy.split(";")}


def test_the_frames_script_is_the_one_that_pages_and_frame_allow():
    script = (STATIC / "frame_script.txt").read_bytes()
    digest = f"sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}"
    assert f'HASH = "{digest}"' in (STATIC / "frame.mjs").read_text("utf-8")
    for page in ("index.html", "embed.html"):
        assert f"'{digest}'" in policy_of(page)["script-src"]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_runs_texts_and_all_enforce_trusted_types(page):
    policy = policy_of(page)
    assert policy["require-trusted-types-for"] == ["'script'"]
    assert set(policy["trusted-types"]) <= {"default", "dompurify", "'none'"}
    assert not {"'unsafe-inline'", "'unsafe-eval'"} & set(policy["script-src"])
    assert policy["default-src"] == ["'self'"]
    assert policy["form-action"] == policy["base-uri"] == ["'none'"]


def test_hosts_are_told_to_share_the_files_and_to_close_what_is_unused():
    pages = {name: (STATIC / name).read_bytes() for name in PAGES}
    text = publish.headers(pages)
    rules = {rule.splitlines()[0]: rule for rule in re.split(r"\n(?=/)", text)}
    assert "Access-Control-Allow-Origin: *" in rules["/*"]
    assert "Referrer-Policy: no-referrer" in rules["/*"]
    assert {"camera=()", "microphone=()", "geolocation=()", "usb=()"} <= set(
        re.search(r"Permissions-Policy: (.*)", rules["/*"])[1].split(", ")
    )
    for page in ("/index.html", "/", "/bench.html"):
        assert "Cross-Origin-Opener-Policy: same-origin" in rules[page]
        assert "require-trusted-types-for 'script'" in rules[page]
    assert "Opener" not in rules["/embed.html"]
