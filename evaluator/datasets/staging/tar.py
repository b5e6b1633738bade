"""Tar archives read as a stream, in time that grows with their bytes.

Python's `tarfile` needs time that grows with the square of a header (CVE-2024-6232), or never ends (CVE-2025-8194), in
versions that are in use, so only headers of 512 bytes are left to it. The format is POSIX's pax, with GNU's long names.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, Protocol

BLOCK = 512
CHUNK = 1 << 20
MAX_HEADER = 1 << 20
"""Bytes of an extended header. Names are far shorter, but attributes of files lie there, too."""

EXTENDED = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)

PATH, SIZE, SPARSE = "path", "size", "GNU.sparse."
"""Keywords of extended headers; the last begins those of a file whose holes are left out."""
LONGEST_NUMBER = 20
"""Digits."""


class Readable(Protocol):
    """What bytes come from; none at the end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""
        ...


class Content:
    """The bytes of an entry, as they come."""

    def __init__(self, archive: Readable, size: int) -> None:
        self._archive = archive
        self._left = size

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size` (at least 1) of them; none at the end.

        Raises:
            ReadError: the archive ends before.
        """
        chunk = self._archive.read(min(size, self._left))
        if self._left and not chunk:
            raise tarfile.ReadError("it ends within a file")
        self._left -= len(chunk)
        return chunk


class Entry(NamedTuple):
    """What an archive holds under a name.

    Attributes:
        kind: `other` is a link, a device, or a file whose holes are left out.
        content: a file's bytes, to be read before the next entry is asked for.
    """

    name: str
    kind: Literal["file", "folder", "other"]
    content: Content


def read_tar(archive: Readable) -> Iterator[Entry]:
    """The entries of an archive, in its order.

    Args:
        archive: at its beginning; it is only read onwards.

    Raises:
        TarError: the archive is broken, or has a header that is too long.
    """
    said: dict[str, str] = {}
    block = _exactly(archive, BLOCK)
    while any(block):
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type in (*EXTENDED, *LONG_NAMES, tarfile.XGLTYPE):
            said |= _said(header.type, _extended_header(archive, header.size))
        else:
            kind = _kind(header, said)
            size = _size(header, said) if kind == "file" else 0
            content = Content(archive, size)
            yield Entry(said.get(PATH, header.name), kind, content)
            while content.read(CHUNK):
                pass
            _exactly(archive, -size % BLOCK)
            said = {}
        block = _exactly(archive, BLOCK, may_end=True)


def _kind(header: tarfile.TarInfo, said: Mapping[str, str]) -> Literal["file", "folder", "other"]:
    if header.isdir():
        return "folder"
    return "file" if header.type in FILES and SPARSE not in said else "other"


def _size(header: tarfile.TarInfo, said: Mapping[str, str]) -> int:
    size = _number(said[SIZE].encode()) if SIZE in said else header.size
    if size < 0:
        raise tarfile.ReadError("it has a file of a negative size")
    return size


def _extended_header(archive: Readable, size: int) -> bytes:
    """The bytes after a header that says more of the next one."""
    if not 0 <= size <= MAX_HEADER:
        raise tarfile.ReadError(f"it has a header of {size:,} bytes")
    return _exactly(archive, size + -size % BLOCK)[:size]


def _said(kind: bytes, content: bytes) -> dict[str, str]:
    """What an extended header says of the next entry, as far as it matters here."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {PATH: _text(content.partition(b"\0")[0])}
    if kind not in EXTENDED:
        return {}  # a link's target; or something about all entries, such as the commit of `git archive`
    records = dict(_records(content))
    said = {keyword: records[keyword] for keyword in (PATH, SIZE) if keyword in records}
    return said | ({SPARSE: ""} if any(keyword.startswith(SPARSE) for keyword in records) else {})


def _records(content: bytes) -> Iterator[tuple[str, str]]:
    """Keywords and values of a pax header, whose records are `length keyword=value` and a line's end."""
    start = 0
    while start < len(content):
        space = content.find(b" ", start, start + LONGEST_NUMBER + 1)
        end = start + _number(content[start : max(space, start)])
        keyword, _, value = content[space + 1 : end].partition(b"=")
        if not keyword or not value.endswith(b"\n") or end > len(content):
            raise tarfile.ReadError("it has a header that is not well formed")
        yield _text(keyword), _text(value[:-1])
        start = end


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > LONGEST_NUMBER:
        raise tarfile.ReadError("it has a header that is not well formed")
    return int(digits)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _exactly(archive: Readable, size: int, *, may_end: bool = False) -> bytes:
    """So many bytes; or none, where the archive may end."""
    content = bytearray()
    while len(content) < size:
        chunk = archive.read(size - len(content))
        if not chunk and may_end and not content:
            break
        if not chunk:
            raise tarfile.ReadError("it ends too early")
        content += chunk
    return bytes(content)
