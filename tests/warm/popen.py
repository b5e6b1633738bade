"""`subprocess.Popen` whose Python modules start as forks of a process that has imported what they use."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

FORKED = {
    "evaluator.cli",
    "evaluator.jobs.processes.worker",
    "evaluator.uploads.examination",
    "streamlit",
}
"""Modules that are run in forks."""
READ_AT_START = (
    "PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "HF_", "TRANSFORMERS_", "STREAMLIT_",
    "COLUMNS", "TERM", "NO_COLOR", "FORCE_COLOR", "PY_COLORS",
)  # fmt: skip
"""Beginnings of variables that Python and its libraries read once: with others than the parent's, Python starts."""
COLD = "TESTS_START_COLD"
"""The variable that makes a process, and all that it starts, start as people's do."""
EXIT = struct.Struct("q")

_ColdPopen: Any = subprocess.Popen


class Parent:
    """The process that forks, as others see it.

    Args:
        folder: where its socket is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> socket.socket:
        """A connection to it, for one process; starts it if that is the first one."""
        with self._lock:
            if not (self._folder / "socket").exists():
                self._start()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self._folder / "socket"))
        return connection

    def note(self, pid: int, parent: int, command: Sequence[str]) -> None:
        """Remember whose child a fork would have been, and what it runs."""
        written = self._folder / f"{pid}.new"
        written.write_text(json.dumps({"parent": parent, "command": " ".join(command)}))
        written.rename(written.with_suffix(".json"))

    def forget(self, pid: int) -> None:
        """A fork has ended; its id may be used again."""
        (self._folder / f"{pid}.json").unlink(missing_ok=True)

    def children(self, of: int) -> Iterator[tuple[psutil.Process, str]]:
        """The forks that run of those that a process asked for, and their commands."""
        for file in self._folder.glob("*.json"):
            with suppress(FileNotFoundError, psutil.NoSuchProcess):  # it has just ended
                noted = json.loads(file.read_text())
                if noted["parent"] == of:
                    yield psutil.Process(int(file.stem)), noted["command"]

    def stop(self) -> None:
        """Fork no more."""
        if self._process is not None:
            self._process.communicate()

    def _start(self) -> None:
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = _ColdPopen(
            [sys.executable, "-m", "tests.warm.parent", str(self._folder)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **single, "TOKENIZERS_PARALLELISM": "false"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"


parent: Parent | None = None
"""Set while processes are forked, here and in every fork."""


class WarmPopen(_ColdPopen):  # type: ignore[misc]  # chosen above
    """Forks what it can, and starts everything else as ever."""

    returncode: int | None
    _connection: socket.socket | None = None
    _alive: int | None = None

    def _execute_child(self, *values: Any) -> None:
        names = _ColdPopen._execute_child.__code__.co_varnames[1 : len(values) + 1]
        given = dict(zip(names, values, strict=True))
        environment = dict(os.environ if given["env"] is None else given["env"])
        if not _can_be_forked(given, environment):
            super()._execute_child(*values)
            return
        self._asked = threading.Lock()
        assert parent is not None
        self._connection = parent.connect()
        read_end, self._alive = os.pipe()
        descriptors = [
            given[name] if given[name] != -1 else number
            for number, name in enumerate(("p2cread", "c2pwrite", "errwrite"))
        ]
        request = {
            "module": given["args"][2],
            "arguments": [os.fspath(argument) for argument in given["args"][3:]],
            "folder": os.fspath(given["cwd"] or Path.cwd()),
            "environment": environment,
            "session": bool(given["start_new_session"]),
            "parent": os.getpid(),
        }
        socket.send_fds(self._connection, [b"+"], [*descriptors, read_end])
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        (self.pid,) = EXIT.unpack(_read(self._connection))
        self._child_created = True
        os.close(read_end)
        self._close_pipe_fds(
            *(given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite"))
        )

    def _internal_poll(self, *args: Any, **kwargs: Any) -> int | None:
        if self._connection is None:
            status: int | None = super()._internal_poll(*args, **kwargs)
            return status
        return self._ended_within(0)

    def _wait(self, timeout: float | None) -> int | None:
        if self._connection is None:
            status: int | None = super()._wait(timeout)
            return status
        if self._ended_within(timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self.returncode

    def _ended_within(self, timeout: float | None) -> int | None:
        assert self._connection is not None
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            with self._asked:
                if self.returncode is None:
                    (self.returncode,) = EXIT.unpack(_read(self._connection) or EXIT.pack(-signal.SIGKILL))
                    self._connection.close()
                    assert self._alive is not None
                    os.close(self._alive)
        return self.returncode


def _can_be_forked(given: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
    args = given["args"]
    plain = (
        not isinstance(args, (str, bytes)) and list(args[:2]) == [sys.executable, "-m"] and args[2] in FORKED
    )
    special = any(given[name] for name in ("preexec_fn", "pass_fds", "shell")) or any(
        given[name] not in (None, -1) for name in ("uid", "gid", "gids", "umask")
    )
    told = {"HF_HUB_CACHE"} if customization(environment) is None else {"HF_HUB_CACHE", "PYTHONPATH"}
    same = _at_start(environment, told) == _at_start(os.environ, told)
    return plain and not special and COLD not in environment and same


def _at_start(environment: Mapping[str, str], told: Collection[str]) -> dict[str, str]:
    """The variables that Python and its libraries read once, without those of which a fork is told."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(READ_AT_START) and name not in told
    }


def customization(environment: Mapping[str, str]) -> Path | None:
    """What Python runs before everything else: a file in the first folder on its path."""
    first = environment.get("PYTHONPATH", "").partition(os.pathsep)[0]
    file = Path(first, "sitecustomize.py")
    return file if first and file.exists() else None


def _read(connection: socket.socket) -> bytes:
    content = b""
    while len(content) < EXIT.size and (more := connection.recv(EXIT.size - len(content))):
        content += more
    return content


def use(forking: Parent | None) -> None:
    """Fork processes from here on; None: start them."""
    global parent
    parent = forking
    subprocess.Popen = _ColdPopen if forking is None else WarmPopen  # type: ignore[misc]


@contextmanager
def warm_processes() -> Iterator[None]:
    """Fork processes meanwhile."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        forking = Parent(Path(folder))
        use(forking)
        try:
            yield
        finally:
            use(None)
            forking.stop()


def descendants(pid: int) -> list[tuple[psutil.Process, str]]:
    """The running processes below one, forked and others, and their command lines."""
    below = list(parent.children(pid)) if parent is not None else []
    for process in psutil.Process(pid).children():
        with suppress(psutil.Error):  # it has just ended
            below.append((process, " ".join(process.cmdline())))
    for process, _ in [*below]:
        with suppress(psutil.Error):
            below += descendants(process.pid)
    return below
