"""Files of a store that is a local folder: listed, moved, and written so that they survive a crash."""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil

SCRATCH_NAME = re.compile(r"(?P<host>.+)\.(?P<pid>\d+)\.[0-9a-f]{32}")
"""Names of half-written files tell who writes them."""
LEFT_AFTER = 24 * 3600.0
"""Seconds without a change after which any half-written file counts as left behind."""


def local_sizes(root: Path, folder: Path) -> dict[str, int]:
    """Bytes of every file below a folder, by its path from the root; twice as fast as fsspec's `find`."""
    found: dict[str, int] = {}
    folders = [str(folder)]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    found[entry.path] = entry.stat().st_size
    start = len(str(root)) + 1
    return {path[start:]: size for path, size in found.items()}


def is_no_file(path: Path) -> bool:
    """Whether something else lies in a file's place, such as a folder, or a pipe for which a reader would wait."""
    return path.exists() and not path.is_file()


def is_left(name: str, modified: float) -> bool:
    """Whether a scratch file was left behind, by its name and the time of its last change (Unix seconds)."""
    writer = SCRATCH_NAME.fullmatch(name)
    ended = writer and writer["host"] == socket.gethostname() and not psutil.pid_exists(int(writer["pid"]))
    return bool(ended) or time.time() - modified > LEFT_AFTER


def move(scratch: Path, target: Path) -> None:
    """Give a file its name once its bytes are on the disk: after a power loss it is whole, or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _synchronize(scratch)
    scratch.replace(target)
    with suppress(OSError):  # not every network file system can do it for a folder
        _synchronize(target.parent)


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8."""
    path.write_text(text, encoding="utf-8")
