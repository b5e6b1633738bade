"""The key of commands on the server's machine: whoever may read the home folder may do everything."""

from __future__ import annotations

import os
from pathlib import Path

from evaluator.atomic_write import whole_file
from evaluator.people.secrets import new_secret
from evaluator.settings import Settings


def command_key(settings: Settings) -> str | None:
    """The key, which commands send to the running server; None if there is none."""
    try:
        return _path(settings).read_text(encoding="ascii") or None
    except FileNotFoundError:
        return None


def make_command_key(settings: Settings) -> None:
    """Make a new key, in a file that only this user may read."""
    with whole_file(_path(settings)) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(new_secret().encode())


def _path(settings: Settings) -> Path:
    return settings.home_path / "command.key"
