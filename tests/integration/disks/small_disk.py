"""A disk of few bytes, and processes that write to it until they are killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import ROOT

SEED = 20260729


class Disk:
    """A small file system of its own, and a file that takes the room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @property
    def free(self) -> int:
        """Bytes."""
        return shutil.disk_usage(self.folder).free

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes, to a page."""
        with self._ballast.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, self._ballast.stat().st_size + self.free - leave)

    def make_room(self) -> None:
        self._ballast.unlink()


@contextmanager
def python(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process, killed on the way out with those it has started."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def read_until(process: subprocess.Popen[str], line: str) -> None:
    """Wait for a line that a process prints."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n"
