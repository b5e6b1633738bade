"""Reads tar archives as a stream, in time linear in their size.

In Python versions still in use, `tarfile` takes time quadratic in the size of a header (CVE-2024-6232) or never ends
(CVE-2025-8194), so it parses only headers of 512 bytes here. The format is POSIX's pax, with GNU's long names.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, Protocol

BLOCK = 512
CHUNK = 1 << 20
MAX_HEADER = 1 << 20
"""Maximum bytes of an extended header. Names are far shorter, but it also holds attributes of files."""

EXTENDED = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)

PATH, SIZE, SPARSE = "path", "size", "GNU.sparse."
"""Keywords of extended headers; `SPARSE` is the prefix of the keywords of sparse files."""
LONGEST_NUMBER = 20
"""Maximum digits of a number in a header."""


class Readable(Protocol):
    """A source of bytes, which returns no bytes at its end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""
        ...


class Content:
    """The bytes of an entry, streamed."""

    def __init__(self, archive: Readable, size: int) -> None:
        self._archive = archive
        self._remaining = size

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size` (at least 1) of them; none at the end.

        Raises:
            ReadError: the archive ends before the entry does.
        """
        chunk = self._archive.read(min(size, self._remaining))
        if self._remaining and not chunk:
            raise tarfile.ReadError("it ends within a file")
        self._remaining -= len(chunk)
        return chunk


class Entry(NamedTuple):
    """A named entry of an archive.

    Attributes:
        kind: `other` is a link, a device, or a sparse file.
        content: a file's bytes; read them before requesting the next entry.
    """

    name: str
    kind: Literal["file", "folder", "other"]
    content: Content


def read_tar(archive: Readable) -> Iterator[Entry]:
    """The entries of an archive, in its order.

    Args:
        archive: the archive, positioned at its beginning; it need not be seekable.

    Raises:
        TarError: the archive is broken, or has a header that is too long.
    """
    attributes: dict[str, str] = {}
    block = _exactly(archive, BLOCK)
    while any(block):
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type in (*EXTENDED, *LONG_NAMES, tarfile.XGLTYPE):
            attributes |= _attributes(header.type, _extended_header(archive, header.size))
        else:
            kind = _kind(header, attributes)
            size = _size(header, attributes) if kind == "file" else 0
            content = Content(archive, size)
            yield Entry(attributes.get(PATH, header.name), kind, content)
            while content.read(CHUNK):
                pass
            _exactly(archive, -size % BLOCK)
            attributes = {}
        block = _exactly(archive, BLOCK, may_end=True)


def _kind(header: tarfile.TarInfo, attributes: Mapping[str, str]) -> Literal["file", "folder", "other"]:
    if header.isdir():
        return "folder"
    return "file" if header.type in FILES and SPARSE not in attributes else "other"


def _size(header: tarfile.TarInfo, attributes: Mapping[str, str]) -> int:
    size = _number(attributes[SIZE].encode()) if SIZE in attributes else header.size
    if size < 0:
        raise tarfile.ReadError("it has a file of a negative size")
    return size


def _extended_header(archive: Readable, size: int) -> bytes:
    """The content of an extended header, which describes the next entry."""
    if not 0 <= size <= MAX_HEADER:
        raise tarfile.ReadError(f"it has a header of {size:,} bytes")
    return _exactly(archive, size + -size % BLOCK)[:size]


def _attributes(kind: bytes, content: bytes) -> dict[str, str]:
    """The attributes of the next entry that an extended header holds, as far as they matter here."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {PATH: _text(content.partition(b"\0")[0])}
    if kind not in EXTENDED:
        return {}  # a link's target, or an attribute of all entries, such as the commit of `git archive`
    records = dict(_records(content))
    attributes = {keyword: records[keyword] for keyword in (PATH, SIZE) if keyword in records}
    return attributes | ({SPARSE: ""} if any(keyword.startswith(SPARSE) for keyword in records) else {})


def _records(content: bytes) -> Iterator[tuple[str, str]]:
    """Keywords and values of a pax header, whose records are lines of `length keyword=value`."""
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
    """Exactly `size` bytes; or none at the end of the archive, if it may end here.

    Raises:
        ReadError: the archive ends too early.
    """
    content = bytearray()
    while len(content) < size:
        chunk = archive.read(size - len(content))
        if not chunk and may_end and not content:
            break
        if not chunk:
            raise tarfile.ReadError("it ends too early")
        content += chunk
    return bytes(content)
