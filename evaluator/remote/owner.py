"""Whoever owns a home folder's database: this process, if nobody else does, or a running instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from evaluator.errors import StoreLockedError
from evaluator.jobs.processes.supervisor import announced
from evaluator.remote.client import Client
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace


@contextmanager
def owner(settings: Settings) -> Iterator[Workspace | Client]:
    """The database itself, or the API of the instance that owns it.

    Raises:
        StoreLockedError: a process owns it that serves nothing, such as `evaluator run`.
    """
    try:
        workspace = Workspace.open_local(settings)
    except StoreLockedError:
        address = announced(settings)
        if address is None:
            raise
        with Client(address) as client:
            yield client
        return
    with workspace:
        yield workspace
