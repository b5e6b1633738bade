"""The DuckDB file's only owner: one connection a process, one cursor a thread, migrations on opening."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar

import duckdb
import psutil

from evaluator.errors import StoreLockedError, StoreUnavailableError
from evaluator.home import make_home
from evaluator.store.file import condition, migrating
from evaluator.store.file.calls import POLL, Calls
from evaluator.store.file.cursors import Cursor, FrozenCursor
from evaluator.store.file.states import NotKept, States

T = TypeVar("T")

logger = logging.getLogger(__name__)

HOLDER = re.compile(r"\(PID (\d+)\)")

CHECKPOINT_AT = "64MB"
"""Size of the write-ahead log at which DuckDB merges it into the file. A merge rewrites the newest rows: with
DuckDB's own 16 MB, recording rankings of 100 documents is 5 to 20 % slower. A log of 64 MB is replayed in 0.2 s."""

PATIENCE = 2.0
"""Seconds that closing waits for other threads' queries before it interrupts them."""

ROOM = 64 * 1024
"""Bytes of the file with which it is checked that the database's folder can be written."""

NO_ROOM = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))
"""Messages of the operating system for a full disk; DuckDB passes on the words, but no number."""


class Database:
    """An open database. Threads may share it: each gets its own cursor.

    When a merge of the write-ahead log fails (the disk is full), DuckDB gives the file up: it refuses all queries,
    also those that only read, until the file is opened again. `recover` does that; only the write that failed
    raises.

    Raises:
        StoreLockedError: another process has the file open; names it and says what to do.
        StoreUnavailableError: the disk is full, or the file is damaged, a newer version's or none of ours; it is left
            as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cursors: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        """DuckDB's cursors of all threads."""
        self.states = States()
        make_home(path.parent)
        self._local = threading.local()
        self._write = threading.Lock()
        self._opening = threading.RLock()
        self.calls = Calls()
        self._closed = False
        self._connection: duckdb.DuckDBPyConnection | None = _open(path)
        self._file = path.stat()

    @property
    def cursor(self) -> Cursor:
        """This thread's cursor; within `frozen`, the cursor of its transaction."""
        if getattr(self._local, "kept", None) is not None:
            raise NotKept
        frozen: Cursor | None = getattr(self._local, "frozen", None)
        if frozen is not None:
            return frozen
        if not hasattr(self._local, "cursor"):
            self._local.cursor = Cursor(self)
        cursor: Cursor = self._local.cursor
        return cursor

    def remember(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` returns, kept until the next write; for rows that every page and route needs.

        The value must never be changed. Within `frozen` it is read from that transaction's state.
        """
        if getattr(self._local, "writing", False):
            return read()
        kept_state: int | None = getattr(self._local, "kept", None)
        if kept_state is not None:
            value: T = self.states.kept(kept_state, key)
            return value
        frozen: FrozenCursor | None = getattr(self._local, "frozen", None)
        return self.states.remember(self.states.now if frozen is None else frozen.state, key, read)

    @contextmanager
    def transaction(self, *, changes: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A write: all or nothing, one at a time.

        Args:
            changes: whether anything is different afterwards.

        Raises:
            StoreUnavailableError: the disk is full, or the file was removed; nothing is written.
            RuntimeError: this thread reads in a transaction (`frozen`), which must not write.
        """
        if getattr(self._local, "frozen", None) is not None:
            raise RuntimeError(
                "a look that reads one state of the database cannot write: write before or after it"
            )
        with self._write, self._marked("writing", True):
            self._require_file()
            begun = self.cursor.execute("BEGIN TRANSACTION")
            cursor, connection = begun.duckdb, begun.connection
            try:
                yield cursor
                with self.states.change() if changes else nullcontext():
                    cursor.execute("COMMIT")
            except BaseException as error:
                with suppress(duckdb.Error):  # DuckDB has done it already when a commit fails
                    cursor.execute("ROLLBACK")
                if isinstance(error, duckdb.Error):
                    self.recover(error, connection)
                    if (explained := self.explained(error)) is not None:
                        raise explained from error
                raise

    def frozen(self, look: Callable[[], T]) -> T:
        """What `look` returns; all queries of this thread meanwhile read one state of the database (ADR 0019).

        Within another such look, or within a transaction of this thread, that state is read. `look` may be called up to
        three times: with the values kept of the present state, in a transaction if one of them is not kept, and in
        another one if DuckDB gives the file up meanwhile.

        Raises:
            StoreUnavailableError: the file is closed, or was given up twice.
        """
        if any(getattr(self._local, doing, None) is not None for doing in ("kept", "frozen", "writing")):
            return look()
        if (state := self.states.now) is not None:
            with suppress(NotKept), self._marked("kept", state):
                return look()  # if all values of this state are kept, no transaction is needed
        failure: Exception | None = None
        for _ in range(2):
            with self._read_only() as cursor:
                try:
                    return look()
                except Exception as error:
                    if not cursor.recover_after(error):
                        raise
                    failure = error
        raise StoreUnavailableError(f"{self.path} was given up while it was read; try again") from failure

    @contextmanager
    def _read_only(self) -> Iterator[FrozenCursor]:
        """A transaction of this thread that only reads, on its own cursor."""
        with self.opened() as connection:
            state_before = self.states.now
            duckdb_cursor = connection.cursor()
            self.cursors.add(duckdb_cursor)
            duckdb_cursor.execute("BEGIN TRANSACTION READ ONLY")
            # The first query decides which state the transaction sees.
            duckdb_cursor.execute("FROM migrations LIMIT 1")
        state = state_before if state_before == self.states.now else None
        cursor = FrozenCursor(self, connection, duckdb_cursor, state)
        try:
            with self._marked("frozen", cursor):
                yield cursor
        finally:
            with suppress(duckdb.Error):  # nothing is written, so there is nothing to lose
                duckdb_cursor.close()

    @contextmanager
    def _marked(self, name: str, value: object) -> Iterator[None]:
        """Note within the block what this thread does."""
        setattr(self._local, name, value)
        try:
            yield
        finally:
            setattr(self._local, name, None)

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection; nobody closes it within the block. It is opened if the last attempt failed."""
        with self._opening:
            if self._closed:
                raise StoreUnavailableError(f"{self.path} is closed: this process is ending")
            if self._connection is None:
                self._require_file()  # otherwise DuckDB would create a new one
                self._connection = _open(self.path)
            yield self._connection

    def recover(self, error: duckdb.Error, connection: duckdb.DuckDBPyConnection | None) -> bool:
        """Open the file again if DuckDB has given it up, once for all threads that notice.

        Args:
            error: of the query that failed.
            connection: that it ran on.

        Returns:
            Whether the query may be tried again, because the database has another connection now.

        Raises:
            StoreUnavailableError: the disk is too full to open the file; whoever reads or writes next tries again.
        """
        with self._opening:
            given_up = isinstance(error, duckdb.FatalException)
            if given_up and self._connection is connection and not self._closed:
                logger.warning("DuckDB has given %s up; opening it again", self.path)
                with self.states.change():
                    self._close_connection()
            with self.opened() as current:
                return current is not connection

    def _require_file(self) -> None:
        """Check that the opened file is still there: a removed file takes writes, and is lost when the process ends.

        Raises:
            StoreUnavailableError: it is not.
        """
        try:
            is_same = os.path.samestat(self.path.stat(), self._file)
        except OSError:
            is_same = False
        if not is_same:
            raise StoreUnavailableError(
                f"{self.path} was removed or replaced while it was in use, so nothing is saved any more: move the file "
                "back, or export what you need and start this instance again"
            )

    def explained(self, error: duckdb.Error) -> StoreUnavailableError | None:
        """What to tell people if DuckDB failed because of the disk or a damaged file; None if that is not why."""
        return disk_full(self.path, error) or condition.damaged(self.path, error)

    def close(self) -> None:
        """Close the file; its write-ahead log is merged, or replayed by the next owner if the disk is full."""
        with self._write, self._opening:
            self._closed = True
            self._close_connection()

    def _close_connection(self) -> None:
        """Close the connection with the cursors of all threads; DuckDB keeps the file until the last is closed."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        patient_until = time.monotonic() + PATIENCE
        with self.calls.none(lambda: self._interrupt(patient_until)):
            while True:
                try:
                    connection.close()
                except (
                    duckdb.OperationalError
                ):  # a transaction or an export runs a query on a cursor of its own
                    self._interrupt(patient_until)
                    time.sleep(POLL)
                else:
                    return

    def _interrupt(self, patient_until: float) -> None:
        """Interrupt all queries if that time has passed."""
        if time.monotonic() > patient_until:
            for cursor in list(self.cursors):
                with suppress(duckdb.ConnectionException):  # this cursor is closed already
                    cursor.interrupt()


def _open(path: Path, *, begun_again: bool = False) -> duckdb.DuckDBPyConnection:
    condition.require_usable(path)
    try:
        connection = _connect(path)
    except duckdb.Error as error:
        if begun_again or not (isinstance(error, duckdb.IOException) and _may_begin_again(path, error)):
            raise _unopened(path, error) from error
        logger.warning("%s is too short for a database and holds nothing; beginning it again", path)
        path.unlink()  # the process that created it was killed, or the disk was full
        return _open(path, begun_again=True)
    try:
        columns = condition.columns_of(connection)
        condition.require_known(path, connection, columns, [number for number, _ in migrating.migrations()])
        if migrating.migrate(connection):
            columns = condition.columns_of(connection)
        condition.require_tables(path, connection, columns)
    except BaseException as error:
        with suppress(duckdb.Error):  # a file that is refused stays as it is, and so does its log
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.close()
        if isinstance(error, duckdb.Error):
            raise _unopened(path, error) from error
        raise
    return connection


def _connect(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), read_only, config={"checkpoint_threshold": CHECKPOINT_AT})


def _may_begin_again(path: Path, error: duckdb.IOException) -> bool:
    return not _is_full(error) and not _is_locked(error) and condition.is_unfinished(path)


def _unopened(path: Path, error: duckdb.Error) -> StoreLockedError | StoreUnavailableError:
    """The error to raise if DuckDB does not open a file."""
    if _is_full(error):
        return _full(path)
    if _is_locked(error):
        return _locked(path, error)
    return StoreUnavailableError(f"{path} cannot be opened: {condition.reason(error)}; {condition.WAY_OUT}")


def examine(path: Path) -> tuple[int, list[int]]:
    """Read all rows of a database that nobody has opened; change nothing.

    Returns:
        The rows in it, and the migrations that it lacks.

    Raises:
        StoreLockedError: another process has the file open.
        StoreUnavailableError: it is damaged, a newer version's or none of ours.
    """
    condition.require_usable(path)
    numbers = [number for number, _ in migrating.migrations()]
    try:
        connection = _connect(path, read_only=True)
    except duckdb.Error as error:
        raise _unopened(path, error) from error
    with connection:
        try:
            columns = condition.columns_of(connection)
            condition.require_known(path, connection, columns, numbers)
            (applied,) = connection.execute("SELECT count(*) FROM migrations").fetchall()[0]
            if applied < len(numbers):
                return 0, numbers[applied:]
            condition.require_tables(path, connection, columns)
            return condition.read_all(connection), []
        except duckdb.Error as error:
            raise condition.damaged(path, error) or _unopened(path, error) from error


def _is_full(error: duckdb.Error) -> bool:
    return any(words in str(error) for words in NO_ROOM)


def _is_locked(error: duckdb.Error) -> bool:
    return "Could not set lock" in str(error)


def _full(path: Path) -> StoreUnavailableError:
    disk = shutil.disk_usage(path.parent)
    return StoreUnavailableError(
        f"the disk is full: {path} cannot be written, {disk.free / 1e6:.1f} of {disk.total / 1e6:.0f} MB are free; "
        "make room there"
    )


def disk_full(path: Path, error: duckdb.Error) -> StoreUnavailableError | None:
    """The error to raise if DuckDB failed because the disk is full; None if it failed for another reason."""
    return _full(path) if _is_full(error) else None


def _locked(path: Path, error: Exception) -> StoreLockedError:
    match = HOLDER.search(str(error))
    if match is None:
        return StoreLockedError(f"{path} is in use by another process: {str(error).splitlines()[0]}")
    pid = int(match.group(1))
    try:
        command = " ".join(psutil.Process(pid).cmdline()[-3:])
    except psutil.Error:
        command = "?"
    return StoreLockedError(
        f"{path} is in use by process {pid} ({command}); use its web page, stop it, "
        "or set EVALUATOR_HOME to another folder"
    )


def require_writable(database: Database) -> None:
    """Check that the database takes a transaction, and its folder a small file; what is stored stays as it is.

    Raises:
        OSError, duckdb.Error: it does not.
    """
    with database.transaction(changes=False) as cursor:
        cursor.execute("UPDATE experiments SET status = status WHERE false")
    with tempfile.TemporaryFile(dir=database.path.parent) as probe:
        probe.write(bytes(ROOM))
        probe.flush()
