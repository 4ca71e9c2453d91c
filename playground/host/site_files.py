"""Files of the site that are fetched when they are needed. The worker has no network: it asks the page for them."""

from __future__ import annotations

from playground.errors import MissingError


async def page_file(name: str) -> bytes:
    """See :func:`playground.host.page_file`."""
    from js import playgroundHost
    from pyodide.ffi import JsException

    try:
        content: bytes = (await playgroundHost.file(name)).to_bytes()
    except JsException as error:
        raise MissingError(
            f"the file could not be loaded: {error}", where=name, hint="Check the connection and try again"
        ) from error
    return content
