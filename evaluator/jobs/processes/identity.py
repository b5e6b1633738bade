"""What identifies a process across machines, containers and restarts."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

CLOCK_STEP = 2.0
"""Seconds by which two readings of one process's start may differ: the clock may be set meanwhile."""


@dataclass(frozen=True)
class Process:
    """A process somewhere.

    Attributes:
        host: the machine's name.
        space: what process ids are unique in: this boot of this machine, and the container in it.
        pid: its id there.
        started: when, in seconds since 1970: ids are used again.
    """

    host: str
    space: str
    pid: int
    started: float

    @property
    def is_gone(self) -> bool:
        """Whether the process has certainly ended; unknown, hence False, on another machine or in another container."""
        if self.space != _space():
            return False
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= CLOCK_STEP
            return not same or process.status() == psutil.STATUS_ZOMBIE
        return True

    def is_here(self, *pids: int) -> bool:
        """Whether this is one of these processes of this machine."""
        return self.pid in pids and self.space == _space() and not self.is_gone


def this_process() -> Process:
    """The process that calls this."""
    return Process(socket.gethostname(), _space(), os.getpid(), psutil.Process().create_time())


@cache
def _space() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):  # only Linux has it
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
