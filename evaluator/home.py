"""The home folder, and what is made in it: for this user alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.errors import StoreUnavailableError
from evaluator.settings import Settings

PRIVATE = 0o077
"""Umask: only this user can read the files that are made."""

_usual_umask: int | None = None
"""The umask that this process was started with, after it was changed."""


def make_home(home: Path) -> None:
    """Make the home folder, for this user alone; one that is there keeps its permissions.

    Raises:
        StoreUnavailableError: it cannot be made, or this user may not write there.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(
            f"the home folder {home} cannot be made ({error.strerror}); set EVALUATOR_HOME to a folder that this user "
            "may write"
        ) from error
    if not may_write(home):
        raise StoreUnavailableError(
            f"the home folder {home} cannot be written by this user; check its permissions and whether its disk is "
            "read-only, or set EVALUATOR_HOME to another folder"
        )


def may_write(path: Path) -> bool:
    """Whether this user may read and write a file or folder, as far as its permissions and its disk say."""
    return os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))


def is_open_to_others(home: Path) -> bool:
    """Whether other users may look into a folder, or change what is in it."""
    return bool(stat.S_IMODE(home.stat().st_mode) & PRIVATE)


def keep_private(settings: Settings) -> None:
    """From now on this process and those that it starts make files for this user alone.

    Where artifacts lie elsewhere (`EVALUATOR_ARTIFACTS`), the umask stays as it is: they may be meant for workers of
    other users. The home folder is private either way.
    """
    global _usual_umask
    if settings.artifacts is None:
        before = os.umask(PRIVATE)
        _usual_umask = before if _usual_umask is None else _usual_umask


@contextmanager
def for_people() -> Iterator[None]:
    """What is made meanwhile has the permissions that its user's files have: exports, reports, figures."""
    if _usual_umask is None:
        yield
        return
    before = os.umask(_usual_umask)
    try:
        yield
    finally:
        os.umask(before)
