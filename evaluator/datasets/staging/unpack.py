"""Replaces archives by their content. Anything harmful is refused before it is kept.

Bytes are counted as they are unpacked, whatever the archive's directory claims. Names that lead out of the folder,
links, devices and passwords are refused. An archive inside an archive is not unpacked, except for one layer of
compression.
"""

from __future__ import annotations

import errno
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from evaluator.datasets.formats.sniffing import is_junk, refuse_pointer
from evaluator.datasets.formats.suffixes import ARCHIVES, COMPRESSED
from evaluator.datasets.staging.compressed import decompressed
from evaluator.datasets.staging.tar import Readable, read_tar
from evaluator.domain.names import composed, has_invisible
from evaluator.errors import DatasetError

MAX_ENTRIES = 200_000
"""Maximum files and folders of all archives together."""

MAX_NAME, MAX_PATH = 255, 1024
"""Maximum bytes of a file's name, and of its path in an archive."""

UNPACKED_ROOM, UNPACKED_TIMES = 64 << 20, 100
"""Archives may unpack to `UNPACKED_ROOM` bytes plus `UNPACKED_TIMES` their own size; text packs to a tenth at best."""

MAX_LEVELS = 32
CHUNK = 1 << 20

BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What the libraries raise for an archive that is broken or of an unknown kind."""


def unpack(folder: Path, limit: int) -> None:
    """Replace every archive below a folder by its content.

    A .zip or .tar becomes a folder of its name, a .gz, .zst, .bz2 or .xz the file without that suffix.

    Args:
        folder: the folder.
        limit: how many bytes all archives together may unpack to; a decompression bomb has a lower limit
            (`unpacking_limit`).

    Raises:
        DatasetError: an archive is broken, too large, or holds something that is refused. The archive is not changed.
    """
    files = _files(folder)
    budget = _Budget(unpacking_limit(limit, sum(path.stat().st_size for path in files if is_packed(path))))
    for path in files:
        if _archive_suffix(path):
            _unpack_archive(folder, path, budget)
    for path in _files(folder):
        if path.suffix.lower() in COMPRESSED:
            _unpack_file(folder, path, budget)


def unpacking_limit(limit: int, packed: int) -> int:
    """How many bytes archives may unpack to.

    Args:
        limit: bytes that may be used on the disk.
        packed: bytes of the archives themselves.
    """
    return min(limit, UNPACKED_ROOM + UNPACKED_TIMES * packed)


def holds_archives(folder: Path) -> bool:
    """Whether `unpack` would change anything below a folder."""
    return any(map(is_packed, _files(folder)))


def is_packed(path: Path) -> bool:
    """Whether `unpack` would replace a file, by its name."""
    return _archive_suffix(path) is not None or path.suffix.lower() in COMPRESSED


class _Budget:
    """The bytes and entries that may still be unpacked."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = limit
        self.entries = MAX_ENTRIES

    def take(self, n_bytes: int, name: str) -> None:
        """Count bytes.

        Raises:
            DatasetError: there are too many bytes.
        """
        self.require(n_bytes, name)
        self.bytes -= n_bytes

    def require(self, n_bytes: int, name: str) -> None:
        """Check that so many bytes may still be unpacked, without counting them.

        Raises:
            DatasetError: there are too many bytes.
        """
        if n_bytes > self.bytes:
            raise DatasetError(
                f"{name}: it unpacks to more than {self.limit} bytes; leave out what the dataset does not need, give "
                "the files as they are, or raise the setting upload_limit"
            )

    def take_entry(self, name: str) -> None:
        """Count a file or folder.

        Raises:
            DatasetError: there are too many entries.
        """
        self.entries -= 1
        if self.entries < 0:
            raise DatasetError(
                f"{name}: it has more than {MAX_ENTRIES} entries; put the texts into one table"
            )


def _files(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in paths if not is_junk(path.relative_to(folder)))


def _archive_suffix(path: Path) -> str | None:
    """The suffix of an archive of several files; None for any other file."""
    name = path.name.lower()
    return next((end for end in ARCHIVES if name.endswith(end)), None)


def _unpack_archive(folder: Path, path: Path, budget: _Budget) -> None:
    suffix = _archive_suffix(path) or ""
    name = path.relative_to(folder).as_posix()
    target = _free(path.with_name(path.name[: -len(suffix)] or "archive"), name)
    extract = _extract_zip if suffix == ".zip" else _extract_tar
    refuse_pointer(path, name)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as temporary:
        contents = Path(temporary) / "contents"
        contents.mkdir()
        with _explained(name):
            extract(path, name, contents, budget)
        path.unlink()
        contents.rename(target)


def _unpack_file(folder: Path, path: Path, budget: _Budget) -> None:
    name = path.relative_to(folder).as_posix()
    target = _free(path.with_suffix(""), name)
    refuse_pointer(path, name)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as temporary:
        contents = Path(temporary) / "contents"
        with _explained(name), decompressed(path) as file:
            _copy(file, contents, budget, name)
        path.unlink()
        contents.rename(target)


def _free(target: Path, name: str) -> Path:
    """The path, if nothing exists there.

    Raises:
        DatasetError: the path exists already.
    """
    if target.exists():
        raise DatasetError(f"{name}: {target.name} is there already; rename or remove one of them")
    return target


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn the errors of libraries into messages that name the archive.

    Raises:
        DatasetError: the archive is broken, or needs a password.
    """
    try:
        yield
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # the disk is full; nothing is wrong with the archive
        # Only the text of an operating system's error, because the error also names a path on this machine.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DatasetError(
            f"{name}: it cannot be unpacked ({type(error).__name__}: {reason[:200]}); "
            "pack it again as .zip without a password"
        ) from error


def _extract_zip(path: Path, name: str, target: Path, budget: _Budget) -> None:
    with zipfile.ZipFile(path) as archive:
        budget.require(sum(entry.file_size for entry in archive.infolist()), name)
        for entry in archive.infolist():
            place = f"{name}: {entry.filename!r}"
            budget.take_entry(name)
            if entry.flag_bits & 0x1:
                raise DatasetError(f"{place} needs a password; pack it without one")
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DatasetError(f"{place} is a link or device; pack the file itself")
            entry_target = _inside(target, entry.filename, place)
            if entry_target is None or entry.is_dir():
                continue
            with archive.open(entry) as file:
                _copy(file, entry_target, budget, name)


def _extract_tar(path: Path, name: str, target: Path, budget: _Budget) -> None:
    opened = path.open("rb") if path.suffix.lower() == ".tar" else decompressed(path)
    with opened as file:
        for entry in read_tar(_Metered(file, budget, name)):
            place = f"{name}: {entry.name!r}"
            budget.take_entry(name)
            if entry.kind == "other":
                raise DatasetError(f"{place} is a link or device; pack the file itself")
            entry_target = _inside(target, entry.name, place)
            if entry_target is not None and entry.kind == "file":
                _copy(entry.content, entry_target, budget, name)


def _inside(folder: Path, entry: str, place: str) -> Path | None:
    """The path to which an entry is unpacked; None for files that operating systems leave behind.

    Raises:
        DatasetError: the entry's name leads out of the folder, or cannot be a file's name.
    """
    path = PurePosixPath(composed(entry.replace("\\", "/")))
    parts = [part for part in path.parts if part != "."]
    if path.is_absolute() or ".." in parts or (parts and parts[0].endswith(":")):
        raise DatasetError(f"{place} leads out of the archive; pack it with relative names")
    too_long = len(entry.encode(errors="replace")) > MAX_PATH or any(
        len(part.encode(errors="replace")) > MAX_NAME for part in parts
    )
    if has_invisible(entry) or too_long or len(parts) > MAX_LEVELS:
        raise DatasetError(f"{place[:300]} is no name for a file; rename it")
    return None if not parts or is_junk(PurePosixPath(*parts)) else folder.joinpath(*parts)


def _copy(source: Readable, target: Path, budget: _Budget, name: str) -> None:
    """Write a file, counting its bytes.

    Raises:
        DatasetError: there are too many bytes, or the archive has the file twice.
    """
    if target.exists():
        raise DatasetError(f"{name}: {target.name} is in it twice; pack it once")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while chunk := source.read(CHUNK):
            budget.take(len(chunk), name)
            file.write(chunk)


class _Metered:
    """Limits the bytes that are read from a tar, which may have endless headers or files that are skipped."""

    def __init__(self, source: Readable, budget: _Budget, name: str) -> None:
        self._source = source
        self._budget = _Budget(2 * budget.limit + CHUNK)
        self._name = name

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most 1 MiB.

        Raises:
            DatasetError: there are too many bytes.
        """
        chunk = self._source.read(min(size, CHUNK))
        self._budget.take(len(chunk), self._name)
        return chunk
