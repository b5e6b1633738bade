"""Receiving files: they stream to disk under a temporary name, and get their own name when complete."""

from __future__ import annotations

import asyncio
import errno
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from evaluator.errors import InvalidInputError, TooLargeError, UploadNotWrittenError
from evaluator.uploads.folder import UploadFolder, files_below
from evaluator.uploads.names import TakenNames

CHUNK = 1 << 20
"""Bytes gathered before they are written, so that writing switches threads rarely."""
SILENCE = 300.0
"""Seconds without a byte after which receiving a file fails."""
MAX_FILES = 100_000
"""The most files of one upload."""

_arrival = threading.Lock()
"""Held while a file gets its name, so that no two files get the same one, and during calls of `_arrived`."""


class Received(NamedTuple):
    """A complete file: its size, and the size of the file that it replaced, if any, in bytes."""

    bytes: int
    replaced: int | None


class _Arrived:
    """The complete files of an upload; cached, so that not every new file lists ten thousand others."""

    def __init__(self) -> None:
        self.names = TakenNames()
        self.sizes: dict[str, int] = {}

    def add(self, name: str, size: int) -> None:
        """Add a file; it replaces one of the same name."""
        self.sizes[name] = size
        self.names.add(name)


@lru_cache(maxsize=100)  # uploads at the same time; the files of an evicted one are listed again
def _arrived(folder: UploadFolder) -> _Arrived:
    """The files of an upload; called under `_arrival`."""
    arrived = _Arrived()
    for name, size in files_below(folder.files):
        arrived.add(name, size)
    return arrived


async def receive_file(
    folder: UploadFolder,
    name: str,
    chunks: AsyncIterator[bytes],
    take: Callable[[int], None],
    on_arrival: Callable[[], None],
) -> Received:
    """Write a file as it arrives; an incomplete file is removed.

    Args:
        name: a safe name; an existing file with this name is replaced.
        take: called with the number of arriving bytes, before they are written; may refuse them.
        on_arrival: called before the file takes its name; may refuse it.

    Raises:
        InvalidInputError: the name collides with another file's, or the sender stopped sending.
        TooLargeError: the upload would have too many files.
        UploadNotWrittenError: the disk is full.
    """
    partial = folder.incoming / secrets.token_hex(8)
    try:
        with room():
            await _write(partial, chunks, take)
            return await asyncio.to_thread(_arrive, folder, partial, name, on_arrival)
    finally:
        partial.unlink(missing_ok=True)


async def _write(partial: Path, chunks: AsyncIterator[bytes], take: Callable[[int], None]) -> None:
    """Write the chunks to the disk."""
    gathered = bytearray()
    with partial.open("wb", buffering=0) as file:
        while (chunk := await _next(chunks)) is not None:
            take(len(chunk))
            gathered += chunk
            if len(gathered) >= CHUNK:
                await asyncio.to_thread(_write_all, file, gathered)
                gathered = bytearray()
        await asyncio.to_thread(_write_all, file, gathered)


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """The next chunk; None at the end."""
    try:
        async with asyncio.timeout(SILENCE):
            return await anext(chunks, None)
    except TimeoutError as error:
        raise InvalidInputError(
            f"nothing of the file came for {SILENCE:.0f} seconds; send it again"
        ) from error


def _write_all(file: Any, content: bytearray) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def _arrive(folder: UploadFolder, partial: Path, name: str, on_arrival: Callable[[], None]) -> Received:
    """Give a whole file its name."""
    with _arrival:
        arrived = _arrived(folder)
        if (other := arrived.names.collision(name)) is not None:
            raise InvalidInputError(f"{name!r} and {other!r} cannot lie side by side; rename one of them")
        if len(arrived.sizes) >= MAX_FILES:
            raise TooLargeError(f"an upload may have {MAX_FILES:,} files; put them into one archive or table")
        on_arrival()
        target = folder.files / name
        target.parent.mkdir(parents=True, exist_ok=True)
        received = Received(partial.stat().st_size, arrived.sizes.get(name))
        partial.replace(target)
        arrived.add(name, received.bytes)
        return received


@contextmanager
def room(place: str = "the server's folder of uploads") -> Iterator[None]:
    """Say in words that the disk is full, or takes no file so large.

    Args:
        place: below what nothing can be written; people elsewhere need not know the server's paths.

    Raises:
        UploadNotWrittenError: so it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise UploadNotWrittenError(
                f"a file is larger than may be written below {place}; compress it, or raise the disk's limit or that "
                "of the server (`ulimit -f`)"
            ) from error
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UploadNotWrittenError(
            f"the disk is full: nothing can be written below {place}; make room there"
        ) from error
