"""Writing files: as a whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from playground.errors import OutputError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_BINARY = getattr(os, "O_BINARY", 0)


def write_file(path: str | Path, content: bytes | str) -> None:
    """Write a file beside its place and rename it, so that no reader sees half of it.

    Whatever happens before the renaming (a full disk, Ctrl-C) leaves what was there. Links are followed: what they lead
    to is replaced. What is no plain file (``/dev/stdout``, a pipe) is written to directly.

    Args:
        path: where; its folder exists.
        content: all of it; text becomes UTF-8.

    Raises:
        OutputError: it could not be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target = Path(os.path.realpath(path))
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            with target.open("wb") as file:
                file.write(data)
        else:
            _replace(target, data, mode)
    except OSError as error:
        raise _output_error(error, path) from error


def make_folder(path: str | Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        OutputError: it could not be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _output_error(error, path) from error


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    if mode is not None and not os.access(target, os.W_OK):
        # A folder that may be written to would let us replace it all the same.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    # Short, since the target's own name may be as long as names can be.
    partial = target.with_name(f".{os.urandom(6).hex()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            # Some disks say that they are full only now.
            os.fsync(descriptor)
        if mode is not None:
            partial.chmod(stat.S_IMODE(mode))
        partial.replace(target)
    # BaseException: KeyboardInterrupt, too, must not leave the partial file behind
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _output_error(error: OSError, path: str | Path) -> OutputError:
    hint = "Choose another place"
    if error.errno in _NO_ROOM:
        hint = "Free disk space, or choose another disk"
    elif error.errno in _NOT_ALLOWED:
        hint = "Choose a folder and a name that you may write to"
    elif error.errno == errno.ENAMETOOLONG:
        hint = "Use a shorter name"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR):
        hint = "Create the folder first"
    what = f"writing failed ({error.strerror or error}); nothing was changed"
    return OutputError(what, where=str(path), hint=hint)
