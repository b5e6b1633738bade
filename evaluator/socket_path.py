"""Where a unix socket may be: its path is short and plain."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

MAX_SOCKET_PATH = 100
"""The most bytes in a unix socket's path; operating systems allow 104 to 108."""

NOT_IN_SOCKET_PATH = frozenset("=?#%;\"'\\")
"""Characters with a special meaning in a URL, in Valkey's configuration, or in its list of clients."""


def socket_path(inside: Path, home: Path) -> Path:
    """The path of a home's socket: inside it, else in a short private folder.

    Args:
        inside: the path inside the home folder.
    """
    if can_hold_socket(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folders = (*_runtime_folder(), Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve())  # noqa: S108
    sockets = [folder / f"evaluator-{os.getuid()}" / digest / "valkey.sock" for folder in folders]
    return next(filter(can_hold_socket, sockets), sockets[-1])


def can_hold_socket(path: Path) -> bool:
    """Whether a socket's path is short and plain; it becomes each client's address, which RQ parses from one line."""
    text = str(path)
    return (
        len(os.fsencode(path)) <= MAX_SOCKET_PATH
        and text.isprintable()
        and not any(character.isspace() or character in NOT_IN_SOCKET_PATH for character in text)
    )


def _runtime_folder() -> tuple[Path, ...]:
    """`XDG_RUNTIME_DIR` if it is set and belongs to this user, else nothing."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if not folder.is_absolute() or not folder.is_dir() or folder.stat().st_uid != os.getuid():
        return ()
    return (folder.resolve(),)
