"""The files of a dataset, wherever it is, in a folder that can be read: unpacked or fetched where that is needed."""

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
"""References to datasets elsewhere."""


def is_reference(origin: str) -> bool:
    """Whether a dataset's origin is a hub's reference, and no path."""
    return origin.startswith(HUBS)


@contextmanager
def gathered(origin: str, limit: int, scratch: Path | None = None) -> Iterator[Path]:
    """The files of a path or a hub, to be read; the originals are left as they are.

    A folder without archives is read where it is; all else in a folder of its own, which then goes.

    Args:
        origin: a file, a folder, or a hub's reference.
        limit: bytes that archives may hold.
        scratch: where the folder is made; the system's place for such by default.

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
            _link(str(path), str(folder / path.name))
        else:
            raise DatasetError(f"there is no file or folder {origin}; give one, or {HUB_EXAMPLES}")
        unpack(folder, limit)
        yield folder


def link_files(files: Path, folder: Path) -> None:
    """Give a folder the same files, without copying a byte where the file system can do that."""
    hidden = shutil.ignore_patterns(".*", "__MACOSX")  # what systems and tools leave behind
    shutil.copytree(files, folder, copy_function=_link, ignore=hidden, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
