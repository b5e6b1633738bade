"""The workspace: what a process that owns the database works with."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

from redis import Redis

from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import StoreLockedError
from evaluator.jobs.connection import require
from evaluator.jobs.processes.claim import Claim
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings
from evaluator.store.file.database import Database
from evaluator.store.instance import identity
from evaluator.store.recorder import Recorder
from evaluator.workspace.memory import Memory
from evaluator.workspace.plannings import Plannings

logger = logging.getLogger(__name__)

HANDOVER = 5.0
"""Seconds that an ending process may still hold the database."""
T = TypeVar("T")


@dataclass(eq=False)
class Workspace:
    """Settings, the artifact store, the database, and, where there is a queue, its connection and the recorder.

    `memory` keeps what was read and computed last.

    `open` for work on the queue, `open_local` for commands that only read and write what is stored.
    """

    settings: Settings
    store: ArtifactStore
    database: Database
    queue: Redis | None = None
    recorder: Recorder | None = None
    plannings: Plannings = field(default_factory=Plannings)
    in_use: threading.RLock = field(default_factory=threading.RLock)
    """Held while an experiment begins to need vectors, and while unneeded vectors are dropped: an experiment is
    recorded as active before it checks which vectors exist."""
    claim: Claim | None = None
    memory: Memory = field(default_factory=Memory, repr=False)

    @classmethod
    def open_local(cls, settings: Settings) -> Workspace:
        """Without a queue.

        Raises:
            StoreLockedError: another process owns the database.
        """
        database = Database(settings.database_path)
        return cls(settings, ArtifactStore(settings.artifacts_url, settings.home_path / "cache"), database)

    @classmethod
    def open(cls, settings: Settings) -> Workspace:
        """With the queue; what waits in the results stream is recorded first, then the recorder starts.

        Raises:
            QueueUnavailableError: Redis does not answer.
            InstanceRunningError: another instance works with that Redis database.
            StoreLockedError: another process owns the database.
        """
        connection = require(settings)
        workspace = cls.open_local(settings)
        workspace.queue = connection
        try:
            workspace.claim = claim = Claim(settings, identity(workspace.database))
            claim.take()
        except BaseException:
            workspace.database.close()
            raise
        claim.keep()
        stream = ResultStream(connection)
        workspace.recorder = Recorder(workspace.database, stream, settings.record_batch, claim.confirm)
        try:
            workspace.recorder.drain()
        except Exception as error:  # noqa: BLE001  the recorder goes on trying, and the pages say so
            logger.warning("what waits in the stream cannot be recorded yet: %s", error)
        workspace.recorder.start()
        return workspace

    @property
    def connection(self) -> Redis:
        """The queue's connection.

        Raises:
            QueueUnavailableError: another instance has claimed the queue meanwhile.
        """
        if self.queue is None:
            raise RuntimeError("this workspace was opened without a queue")
        if self.claim is not None:
            self.claim.require()
        return self.queue

    def frozen(self, look: Callable[[], T]) -> T:
        """What `look` returns, all of it read from one state of the database; see `Database.frozen`."""
        return self.database.frozen(look)

    def close(self) -> None:
        """End all planning, record the results that have arrived, then close the queue and the database."""
        self.plannings.stop()
        if self.recorder is not None:
            self.recorder.stop()
        if self.claim is not None:
            self.claim.release()
        self.database.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def claim_queue(settings: Settings) -> Claim:
    """Claim the queue for a workspace that a process of this instance is going to open.

    Raises:
        QueueUnavailableError, InstanceRunningError, StoreLockedError: as for `Workspace.open`.
    """
    require(settings)
    claim = Claim(settings, require_database(settings))
    claim.take()
    return claim


def require_database(settings: Settings) -> str:
    """Open the database and close it again, before processes start that need it; returns its identity.

    Raises:
        StoreLockedError: another process owns it, and keeps it.
        StoreUnavailableError: it cannot be opened.
    """
    patient_until = time.monotonic() + HANDOVER
    while True:
        try:
            with Workspace.open_local(settings) as workspace:
                return identity(workspace.database)
        except StoreLockedError:  # perhaps by an ending server whose supervisor was killed
            if time.monotonic() > patient_until:
                raise
            time.sleep(0.1)


_serving: Workspace | None = None


@contextmanager
def serve(workspace: Workspace) -> Iterator[None]:
    """Make a workspace the one that this process serves to pages and routes."""
    global _serving
    _serving = workspace
    try:
        yield
    finally:
        _serving = None


def served_settings() -> Settings | None:
    """The settings of the workspace that this process serves; None if it serves none, as a command."""
    return None if _serving is None else _serving.settings


def serving() -> Workspace:
    """The workspace that this process serves."""
    if _serving is None:
        raise RuntimeError("this process serves no workspace; start it through app.py")
    return _serving
