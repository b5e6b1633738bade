"""Files arrive: they stream to disk under a temporary name, are counted, and get their own once they are whole."""

from __future__ import annotations

import asyncio
import errno
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from evaluator.errors import InvalidInputError, TooLargeError, UploadNotWrittenError
from evaluator.services.file_names import TakenNames
from evaluator.services.upload_folder import UploadFolder, files_below

CHUNK = 1 << 20
"""Bytes gathered before they are written, so that writing costs few changes of thread."""
MEASURE_EVERY = 32 << 20
"""Bytes that arrive between two looks at what all files of the upload have, those that arrive beside it included."""
MAX_FILES = 100_000
"""Files of one upload."""

_arrival = threading.Lock()
"""Held while a file takes its name, so that no two take the same, and while `_arrived` is asked."""


class _Arrived:
    """The files of an upload that are whole. Kept, so that ten thousand small ones need not be listed for each."""

    def __init__(self) -> None:
        self.names = TakenNames()
        self.sizes: dict[str, int] = {}
        self.bytes = 0

    def add(self, name: str, size: int) -> None:
        """A file is there, in the place of one of the same name."""
        self.bytes += size - self.sizes.get(name, 0)
        self.sizes[name] = size
        self.names.add(name)


@lru_cache(maxsize=100)  # uploads at the same time; one that falls out is listed anew
def _arrived(folder: UploadFolder) -> _Arrived:
    """The files of an upload; called under `_arrival`."""
    arrived = _Arrived()
    for name, size in files_below(folder.files):
        arrived.add(name, size)
    return arrived


async def receive_file(
    folder: UploadFolder, name: str, chunks: AsyncIterator[bytes], limit: int, on_arrival: Callable[[], None]
) -> int:
    """Write a file as it arrives; of one that breaks off nothing stays.

    Args:
        name: a safe name; a file that has it is replaced.
        limit: bytes that all files of the upload may have together.
        on_arrival: called before the file takes its name; may refuse it.

    Returns:
        The file's bytes.

    Raises:
        InvalidInputError: the name collides with another's.
        TooLargeError: the upload would be larger than the limit.
        UploadNotWrittenError: the disk is full.
    """
    partial = folder.incoming / secrets.token_hex(8)
    try:
        with room(folder):
            size = await _write(partial, chunks, folder, limit)
            await asyncio.to_thread(_arrive, folder, partial, name, on_arrival)
    finally:
        partial.unlink(missing_ok=True)
    return size


async def _write(partial: Path, chunks: AsyncIterator[bytes], folder: UploadFolder, limit: int) -> int:
    """Write what arrives; returns its bytes."""
    size = measured = 0
    others = await asyncio.to_thread(measure, folder)
    gathered = bytearray()
    with partial.open("wb", buffering=0) as file:
        async for chunk in chunks:
            size += len(chunk)
            gathered += chunk
            if size - measured >= MEASURE_EVERY:
                others = await asyncio.to_thread(measure, folder) - partial.stat().st_size
                measured = size
            if others + size > limit:
                raise too_large(limit)
            if len(gathered) >= CHUNK:
                await asyncio.to_thread(_write_all, file, gathered)
                gathered = bytearray()
        await asyncio.to_thread(_write_all, file, gathered)
    return size


def _write_all(file: Any, content: bytearray) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def _arrive(folder: UploadFolder, partial: Path, name: str, on_arrival: Callable[[], None]) -> None:
    """Give a file that is whole its name."""
    with _arrival:
        arrived = _arrived(folder)
        if (other := arrived.names.collision(name)) is not None:
            raise InvalidInputError(f"{name!r} and {other!r} cannot lie side by side; rename one of them")
        if len(arrived.sizes) >= MAX_FILES:
            raise TooLargeError(f"an upload may have {MAX_FILES:,} files; put them into one archive or table")
        on_arrival()
        target = folder.files / name
        target.parent.mkdir(parents=True, exist_ok=True)
        size = partial.stat().st_size
        partial.replace(target)
        arrived.add(name, size)


def measure(folder: UploadFolder) -> int:
    """Bytes of all files that arrived or are arriving."""
    with _arrival:
        arrived = _arrived(folder).bytes
    return arrived + sum(size for _, size in files_below(folder.incoming))


def too_large(limit: int) -> TooLargeError:
    """The error for files that are larger than the limit."""
    return TooLargeError(
        f"the files are larger than {limit:,} bytes together; compress them (.zip, .gz, .zst), raise "
        "EVALUATOR_UPLOAD_LIMIT, or use `evaluator dataset import`"
    )


@contextmanager
def room(folder: UploadFolder) -> Iterator[None]:
    """Say in words that the disk is full.

    Raises:
        UploadNotWrittenError: it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UploadNotWrittenError(
            f"the disk is full: nothing can be written below {folder.path.parent}; make room there"
        ) from error
