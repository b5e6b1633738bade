"""How threads read the database: by cursors that outlive DuckDB's own, or within one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar
from weakref import WeakSet

import duckdb

from evaluator.errors import EvaluatorError
from evaluator.store.file.calls import Calls
from evaluator.store.file.states import States

if TYPE_CHECKING:
    import pandas as pd  # takes half a second to import, and only tables need it

T = TypeVar("T")

READS = ("SELECT", "FROM", "WITH", "BEGIN", "ROLLBACK")
"""First words of queries that change nothing by themselves."""


class Owner(Protocol):
    """What cursors need of their database; see `evaluator.store.file.database.Database`."""

    cursors: WeakSet[duckdb.DuckDBPyConnection]
    states: States
    calls: Calls

    def explained(self, error: duckdb.Error) -> EvaluatorError | None:
        """What to tell people if DuckDB failed because of the disk or a damaged file."""
        ...

    def opened(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The connection; nobody closes it within the block."""
        ...

    def recover(self, error: duckdb.Error, connection: duckdb.DuckDBPyConnection | None) -> bool:
        """Open the file again if DuckDB has given it up; whether the query may be tried again."""
        ...


class Cursor:
    """One thread's way to read. It outlives DuckDB's own cursors, which end when the file is opened again.

    Writes go through `Database.transaction`.
    """

    def __init__(self, database: Owner) -> None:
        self._database = database
        self._query: tuple[str, Any] = ("", None)
        self.duckdb: duckdb.DuckDBPyConnection
        """DuckDB's cursor that ran the last query, and the connection that it came from."""
        self.connection: duckdb.DuckDBPyConnection | None = None

    def execute(self, sql: str, parameters: Any = None) -> Cursor:
        """Run a query; its rows are fetched next.

        Raises:
            StoreUnavailableError: the file is closed, damaged, or cannot be opened.
        """
        self._query = sql, parameters
        try:
            self._run()
        except duckdb.Error as error:
            self._recover(error)
            self._run()
        return self

    def relation(self, sql: str, parameters: Any = None) -> duckdb.DuckDBPyRelation:
        """A query that runs while its rows are read, for more rows than memory should hold."""
        self.execute("SELECT 1").fetchall()  # makes sure that the cursor has a connection
        return self.duckdb.sql(sql, params=parameters)

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return self._fetch(lambda: self.duckdb.fetchall())

    def fetchone(self) -> Any:
        """The next row; None if there is none."""
        return self._fetch(lambda: self.duckdb.fetchone())

    def columns(self) -> dict[str, Any]:
        """All rows that are left, as NumPy arrays by column; masked where a value is missing."""
        return self._fetch(lambda: self.duckdb.fetchnumpy())

    def df(self) -> pd.DataFrame:
        """All rows that are left."""
        return self._fetch(lambda: self.duckdb.df())

    def _run(self) -> None:
        with self._database.opened() as connection:
            if self.connection is not connection:
                self.connection, self.duckdb = connection, connection.cursor()
                self._database.cursors.add(self.duckdb)
        reads = self._query[0].lstrip().startswith(READS)
        with (
            interruptible(),
            nullcontext() if reads else self._database.states.change(),
            self._database.calls.one(),
        ):
            self.duckdb.execute(*self._query)

    def _fetch(self, step: Callable[[], T]) -> T:
        try:
            with interruptible(), self._database.calls.one():
                return step()
        except duckdb.Error as error:
            self._recover(error)
            self._run()
            with self._database.calls.one():
                return step()

    def _recover(self, error: duckdb.Error) -> None:
        """Raise the error of a query, unless the query may be tried again because the file was opened again."""
        if not self._database.recover(error, self.connection):
            self._raise(error)

    def _raise(self, error: duckdb.Error) -> NoReturn:
        explained = self._database.explained(error)
        if explained is None:
            raise error
        raise explained from error


class FrozenCursor(Cursor):
    """Reads within one transaction, and never on another connection: its queries are not tried again."""

    def __init__(
        self,
        database: Owner,
        connection: duckdb.DuckDBPyConnection,
        cursor: duckdb.DuckDBPyConnection,
        state: int | None,
    ) -> None:
        super().__init__(database)
        self.connection, self.duckdb = connection, cursor
        self.state = state
        """The state of the database that it reads; None if that is unknown."""

    def recover_after(self, error: Exception) -> bool:
        """Open the file again if the transaction is gone; whether that is why something failed.

        Errors of another database, such as the one that an export writes, are told apart by querying this one.
        """
        if not any(isinstance(cause, duckdb.Error) for cause in (error, error.__cause__)):
            return False
        try:
            with self._database.calls.one():
                self.duckdb.execute("SELECT 1").fetchall()
        except duckdb.Error as own_error:
            return self._database.recover(own_error, self.connection)
        return False

    def _run(self) -> None:
        with interruptible(), self._database.calls.one():
            self.duckdb.execute(*self._query)

    def _recover(self, error: duckdb.Error) -> None:
        self._raise(error)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn DuckDB's error after Ctrl-C into `KeyboardInterrupt` again."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error
