"""Checks of uploaded file names: relative paths of plain parts, with the same meaning on every file system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evaluator.domain.names import composed, has_invisible
from evaluator.errors import InvalidInputError

MAX_PARTS = 16
"""The most parts of a name: folders and the file."""
MAX_PART, MAX_NAME = 240, 1000
"""The most bytes of one part, and of the whole name. File systems allow 255; unpacking may add a suffix."""
SHOWN = 80
"""The most characters of a name in a message."""


def safe_name(name: str) -> str:
    """The name as it is stored: in Unicode's composed form (NFC), with `/` between its parts.

    Raises:
        InvalidInputError: it would lead out of the folder, be hidden, or mean something else on another file system.
    """
    stored = composed(name)
    parts = stored.split("/")
    if reason := _unsafe(stored, parts):
        raise InvalidInputError(f"the file name {name[:SHOWN]!r} {reason}; rename the file")
    return stored


def _unsafe(name: str, parts: list[str]) -> str | None:
    """Why a name is refused; None if it is accepted."""
    try:
        sizes = [len(part.encode("utf-8")) for part in parts]
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if not all(parts):
        return "is empty, absolute, or has an empty part"
    if any(part.startswith(".") for part in parts):
        return "has a part that begins with a dot"
    if "\\" in name or has_invisible(name):
        return "has a backslash or an invisible character"
    if any(part != part.strip() for part in parts):
        return "has a part that begins or ends with white space"
    if len(parts) > MAX_PARTS or max(sizes) > MAX_PART or len(name.encode("utf-8")) > MAX_NAME:
        return f"is too long: at most {MAX_PARTS} parts of {MAX_PART} bytes, {MAX_NAME} together"
    return None


class TakenNames:
    """Names of existing files, to detect collisions of a new name with them in constant time."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Add a file."""
        self._files[name.casefold()] = name
        for folder in _folders(name):
            self._folders[folder] = name

    def collision(self, name: str) -> str | None:
        """The existing file, if any, that collides with a name: equal on some file system, its folder, or inside it.

        An identical name is no collision: the file is replaced.
        """
        folded = name.casefold()
        like = self._files.get(folded)
        if like is not None and like != name:
            return like
        if folded in self._folders:
            return self._folders[folded]
        return next((self._files[folder] for folder in _folders(name) if folder in self._files), None)


def _folders(name: str) -> Iterator[str]:
    """The folders above a file, folded."""
    folded = name.casefold()
    while "/" in folded:
        folded = folded.rpartition("/")[0]
        yield folded
