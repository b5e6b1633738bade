"""The home folder and its files, which only this user may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.errors import StoreUnavailableError
from evaluator.settings import Settings

PRIVATE = 0o077
"""Umask with which only this user can read new files."""

_usual_umask: int | None = None
"""The umask with which this process started; None until it is changed."""


def make_home(home: Path) -> None:
    """Create the home folder for this user alone; an existing folder keeps its permissions.

    Raises:
        StoreUnavailableError: it cannot be created, or this user may not write there.
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
    """Whether the permissions and the disk allow this user to read and write a file or folder."""
    return os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))


def is_open_to_others(home: Path) -> bool:
    """Whether other users may read or change the contents of a folder."""
    return bool(stat.S_IMODE(home.stat().st_mode) & PRIVATE)


def keep_private(settings: Settings) -> None:
    """From now on, only this user may read files that this process and its children create.

    If artifacts are outside the home folder (`EVALUATOR_ARTIFACTS`), the umask is not changed, because workers of other
    users may share them. The home folder is private in any case.
    """
    global _usual_umask
    if settings.artifacts is None:
        before = os.umask(PRIVATE)
        _usual_umask = before if _usual_umask is None else _usual_umask


@contextmanager
def for_people() -> Iterator[None]:
    """Within the block, new files get the user's usual permissions: for exports, reports and figures."""
    if _usual_umask is None:
        yield
        return
    before = os.umask(_usual_umask)
    try:
        yield
    finally:
        os.umask(before)
