"""Opens compressed files as streams. Memory stays small, whatever a file's header asks for."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from evaluator.datasets.staging.tar import Readable

CHUNK = 1 << 20
XZ_MEMORY = 256 << 20
"""Maximum bytes that decompressing an .xz may take; the strongest usual compression (`xz -9`) asks for 65 MiB."""


@contextmanager
def decompressed(path: Path) -> Iterator[Readable]:
    """The content of a .gz, .zst, .bz2 or .xz file (also of .tgz, .tbz2, .txz), by its suffix.

    Raises:
        ValueError, OSError, EOFError, lzma.LZMAError: the content is broken, or asks for too much memory.
    """
    suffix = path.suffix.lower()
    if suffix == ".zst":
        with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as stream:
            yield cast(Readable, stream)
    elif suffix in (".bz2", ".tbz2", ".tbz"):
        with bz2.open(path) as unpacked:
            yield unpacked
    elif suffix in (".xz", ".txz"):
        with path.open("rb") as packed:
            yield _Xz(packed)
    else:
        with gzip.open(path) as unzipped:
            yield cast(Readable, unzipped)


class _Xz:
    """The content of an .xz file, which may be several streams one after the other.

    `lzma.open` has no limit of memory: a header of a few bytes can ask for 4 GiB.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._decompressor = lzma.LZMADecompressor(memlimit=XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end.

        Raises:
            EOFError: the file ends within a stream.
            lzma.LZMAError: the file is broken, or asks for too much memory.
        """
        while size:
            packed = b""
            if self._decompressor.eof:
                packed = self._next_stream()
                if not packed:
                    return b""
            elif self._decompressor.needs_input:
                packed = self._packed.read(CHUNK)
                if not packed:
                    raise EOFError("it ends too early")
            content = self._decompressor.decompress(packed, size)
            if content:
                return content
        return b""

    def _next_stream(self) -> bytes:
        """The first bytes of the next stream, behind padding of zeros; none at the end of the file."""
        packed = self._decompressor.unused_data
        self._decompressor = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
        while not (rest := packed.lstrip(b"\0")):
            packed = self._packed.read(CHUNK)
            if not packed:
                return b""
        return rest
