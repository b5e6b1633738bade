"""A real Valkey for tests, as the supervisor starts it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.jobs.valkey import valkey_command, wait_until_ready
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
