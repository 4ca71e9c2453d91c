"""The last step: the assembled tree becomes ``dist/``, with a service worker, compressed copies and hosts' settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tools import compression, offline, release
from tools.paths import STATIC

IMMUTABLE = "public, max-age=31536000, immutable"
UNUSED = (
    *("accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera", "clipboard-read", "compute-pressure"),
    *("display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid"),
    *(
        "identity-credentials-get",
        "idle-detection",
        "keyboard-map",
        "local-fonts",
        "magnetometer",
        "microphone",
        "midi",
    ),
    *("otp-credentials", "payment", "picture-in-picture", "publickey-credentials-create", "publickey-credentials-get"),
    *("screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking"),
)
"""What a page could ask the browser for and none of ours does. Share and Copy write to the clipboard."""

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Every file is public, and an embedded page in a sandboxed frame is of no origin: its requests are cross-origin."""

ALONE = {"Cross-Origin-Opener-Policy": "same-origin"}
"""For pages that are not embedded: no other page holds a reference to their window."""

EMBEDDED = "embed.html"

SERVICE_WORKER_POLICY = "default-src 'self'"
"""A service worker obeys the policy of its own reply: it talks to this host and no other."""

_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


def publish(tree: Path, target: Path, *, copies: bool = True) -> None:
    """Write the site that ``tree`` holds to ``target``.

    Args:
        tree: the assembled files, under the names the sources use.
        target: what a host serves.
        copies: add the ``.br`` and ``.gz`` copies.

    Raises:
        BuildError: a reference leads nowhere, or node failed.
    """
    planned = release.plan(tree)
    contents = dict(planned.contents)
    contents["sw.js"] = offline.service_worker(STATIC / release.SERVICE_WORKER, planned)
    if copies:
        contents |= compression.copies(contents)
    contents["_headers"] = headers(planned.contents).encode()
    contents[".nojekyll"] = b""  # GitHub Pages would drop files whose names begin with an underscore
    release.write(contents, target)


def headers(contents: Mapping[str, bytes]) -> str:
    """``_headers``, as Netlify and Cloudflare read it: what may be kept for ever, the pages' policies as headers."""
    rules = {"/*": EVERYWHERE, "/sw.js": {"Content-Security-Policy": SERVICE_WORKER_POLICY}}
    for place in sorted({address.split("/")[0] + "/*" * ("/" in address) for address in contents}):
        if place not in release.ENTRY_POINTS:
            rules[f"/{place}"] = {"Cache-Control": IMMUTABLE}
    for name in release.ENTRY_POINTS:
        policy = _POLICY.search(contents.get(name, b"").decode())
        if policy:
            for path in (f"/{name}", f"/{name.removesuffix('index.html').removesuffix('.html')}"):
                rules[path] = {"Content-Security-Policy": policy[1], **({} if name == EMBEDDED else ALONE)}
    return "".join(
        f"{path}\n" + "".join(f"  {header}: {value}\n" for header, value in values.items())
        for path, values in rules.items()
    )
