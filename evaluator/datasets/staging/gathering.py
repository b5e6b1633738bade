"""Provides a dataset's files in a folder: unpacks archives and fetches from hubs where necessary."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.datasets.staging.hub import HUGGING_FACE, IR_DATASETS, fetch
from evaluator.datasets.staging.unpack import holds_archives, unpack
from evaluator.errors import DatasetError

HUBS = (HUGGING_FACE, IR_DATASETS)
HUB_EXAMPLES = "hf:organisation/name or ir_datasets:id"
"""The forms of references to datasets on a hub."""


def is_reference(origin: str) -> bool:
    """Whether a dataset's origin refers to a hub and is not a path."""
    return origin.startswith(HUBS)


@contextmanager
def gathered(origin: str, limit: int, scratch: Path | None = None) -> Iterator[Path]:
    """A folder with the files of a path or a hub; the original files are not changed.

    A folder without archives is used directly. All other files are copied or linked into a temporary folder.

    Args:
        origin: a file, a folder, or a reference to a hub.
        limit: bytes to which archives may unpack.
        scratch: where the temporary folder is created; by default the system's folder for temporary files.

    Raises:
        DatasetError: there is nothing at that path, or an archive cannot be unpacked.
    """
    path = Path(origin).expanduser()
    if not is_reference(origin) and path.is_dir() and not holds_archives(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="evaluator-", dir=scratch) as name:
        folder = Path(name)
        if is_reference(origin):
            fetch(origin, folder)
        elif path.is_dir():
            link_files(path, folder)
        elif path.is_file():
            link_file(str(path), str(folder / path.name))
        else:
            raise DatasetError(f"there is no file or folder {origin}; give one, or {HUB_EXAMPLES}")
        unpack(folder, limit)
        yield folder


def link_files(files: Path, folder: Path) -> None:
    """Hard-link files into another folder; copy them where the file system does not support hard links."""
    hidden = shutil.ignore_patterns(".*", "__MACOSX")  # files that operating systems and tools leave behind
    shutil.copytree(files, folder, copy_function=link_file, ignore=hidden, dirs_exist_ok=True)


def link_file(source: str, target: str) -> None:
    """Hard-link a file; copy it where the file system does not support hard links."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
