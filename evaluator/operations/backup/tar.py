"""Tar files of plain files alone: written and read from beginning to end, a chunk in memory at a time.

Python's `tarfile` reads whatever a header asks for: links, sparse files, names of any length. What is read here may
come from anywhere, so everything but a regular file with a short name is an error.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 20
"""Bytes of a chunk."""
BLOCK = tarfile.BLOCKSIZE
"""Headers and contents take multiples of these bytes."""
END = 2 * BLOCK
"""Bytes of zeros at the end."""
LONGEST_NAME = 100
"""Bytes of a name that a header has room for."""


class Member(NamedTuple):
    """A file in a tar file.

    Attributes:
        name: its path, with `/`.
        size: bytes.
    """

    name: str
    size: int


class NotPlainError(ValueError):
    """The bytes are no tar file of plain files, or end too early."""


def packed_size(sizes: Iterable[int]) -> int:
    """Bytes of a tar file with files of these sizes."""
    return sum(BLOCK + size + _padding(size) for size in sizes) + END


def header(member: Member, modified: int) -> bytes:
    """What a file begins with.

    Args:
        modified: seconds since 1970.

    Raises:
        ValueError: the name is too long.
    """
    info = tarfile.TarInfo(member.name)
    info.size, info.mtime, info.mode = member.size, modified, 0o600
    written = info.tobuf(tarfile.GNU_FORMAT)
    if len(written) != BLOCK:
        raise ValueError(f"{member.name!r} is too long for a name in a tar file")
    return written


def padded(member: Member, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A file's content, with the zeros that fill its last block.

    Raises:
        ValueError: the content has another size.
    """
    written = 0
    for chunk in chunks:
        written += len(chunk)
        yield chunk
    if written != member.size:
        raise ValueError(f"{member.name} has {written:,} bytes, and had {member.size:,} before")
    yield bytes(_padding(member.size))


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """What is left of a file, in chunks."""
    while chunk := file.read(CHUNK):
        yield chunk


def next_member(file: BinaryIO) -> Member:
    """The next file's name and size; its content follows.

    Raises:
        NotPlainError: something else follows, or nothing.
    """
    block = file.read(BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise NotPlainError("no file begins where one should") from error
    if info.type != tarfile.REGTYPE:
        raise NotPlainError(f"{info.name!r} is no plain file")
    if info.size < 0:
        raise NotPlainError(f"{info.name!r} has a negative size")
    return Member(info.name, info.size)


def content(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The content of the file whose header was just read, in chunks.

    Raises:
        NotPlainError: it ends too early.
    """
    left = size
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise NotPlainError("it ends in the middle of a file")
        left -= len(chunk)
        yield chunk
    if len(file.read(_padding(size))) != _padding(size):
        raise NotPlainError("it ends in the middle of a file")


def _padding(size: int) -> int:
    return -size % BLOCK
