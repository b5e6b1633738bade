"""The database: one owner, migrations all or not at all, a cursor for each thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from evaluator.errors import StoreUnavailableError
from evaluator.store.file import database as database_module
from evaluator.store.file import migrating
from evaluator.store.file.cursors import Cursor, interruptible
from evaluator.store.file.database import Database
from evaluator.store.file.migrating import migrate, migrations


def tables(database: Database) -> set[str]:
    return {name for (name,) in database.cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def test_a_new_file_has_all_tables(database: Database) -> None:
    assert tables(database) == {
        "accounts", "audit", "comments", "dataset_versions", "datasets", "decisions", "deliveries", "experiments",
        "followed", "granted_by_groups", "grants", "identities", "instance", "invitations", "migrations", "noticed",
        "notifications", "past_spending", "preferences", "projects", "provenance", "ratings", "readings", "rescored",
        "rescorings", "results", "revisions", "sessions", "share_links", "spending", "steps", "submissions", "tokens",
        "variant_costs", "variants", "webhooks",
    }  # fmt: skip


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_each_migration_is_applied_once(tmp_path: Path) -> None:
    path = tmp_path / "evaluator.duckdb"
    Database(path).close()
    again = Database(path)
    applied = again.cursor.execute("SELECT number FROM migrations ORDER BY number").fetchall()
    assert applied == [(number,) for number, _ in migrations()]
    again.close()


def test_only_what_is_missing_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = duckdb.connect()
    monkeypatch.setattr(migrating, "migrations", lambda: [(1, "CREATE TABLE one (a INT)")])
    assert migrate(connection) == [1]
    assert migrate(connection) == []
    more = [(1, "CREATE TABLE one (a INT)"), (2, "ALTER TABLE one ADD COLUMN b INT")]
    monkeypatch.setattr(migrating, "migrations", lambda: more)
    assert migrate(connection) == [2]


@pytest.mark.parametrize("is_new", [False, True])
def test_a_migration_that_fails_leaves_nothing_of_itself(
    monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """A new file gets all migrations in one transaction, an older one each in its own."""
    connection = duckdb.connect()
    if not is_new:
        monkeypatch.setattr(migrating, "migrations", lambda: [(0, "CREATE TABLE zero (a INT)")])
        migrate(connection)
    broken = [
        (1, "CREATE TABLE one (a INT)"),
        (2, "CREATE TABLE two (a INT); INSERT INTO two VALUES (1); SELECT nonsense"),
        (3, "CREATE TABLE three (a INT)"),
    ]
    monkeypatch.setattr(migrating, "migrations", lambda: broken)
    with pytest.raises(duckdb.Error, match="nonsense"):
        migrate(connection)
    names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    assert names == [("migrations",), *([] if is_new else [("one",), ("zero",)])]
    numbers = connection.execute("SELECT number FROM migrations ORDER BY number").fetchall()
    assert numbers == ([] if is_new else [(0,), (1,)])


OPEN_AND_SAY = (
    "import sys\n"
    "from pathlib import Path\n"
    "from evaluator.errors import StoreLockedError\n"
    "from evaluator.store.file.database import Database\n"
    "try:\n    Database(Path(sys.argv[1])).close()\n"
    "except StoreLockedError as error:\n    print(error)\n"
)


def second_owner(path: Path) -> str:
    """What another process says that opens the database."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN_AND_SAY, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_second_owner_is_told_who_the_first_one_is(database: Database) -> None:
    said = second_owner(database.path)
    assert said.startswith(f"{database.path} is in use by process {os.getpid()} (")
    assert "pytest" in said
    assert "EVALUATOR_HOME" in said
    assert said.count("\n") == 1


def test_a_closed_database_can_be_opened_by_another_process(tmp_path: Path) -> None:
    database = Database(tmp_path / "evaluator.duckdb")
    thread = threading.Thread(target=lambda: database.cursor.execute("SELECT 1").fetchall())
    thread.start()
    thread.join()
    database.cursor.execute("SELECT 1").fetchall()
    database.close()
    assert second_owner(database.path) == ""


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "evaluator.duckdb"
    path.write_text("this is a text, and longer than the header of a database file " * 100)
    with pytest.raises(StoreUnavailableError, match=f"{path} cannot be opened"):
        Database(path)


def test_a_file_that_cannot_be_begun_is_begun_again_once(tmp_path: Path) -> None:
    """As where a user's files may not be so large (`ulimit -f`)."""
    script = (
        "import resource, sys; from pathlib import Path; from evaluator.store.file.database import Database\n"
        "from evaluator.errors import StoreUnavailableError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: Database(Path(sys.argv[1]))\n"
        "except StoreUnavailableError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "x.duckdb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "x.duckdb cannot be opened: " in done.stdout, done.stderr
    assert "File too large" in done.stdout


@pytest.mark.parametrize("length", [0, 4096, 8192], ids=["nothing", "one header", "two headers"])
def test_a_file_whose_creation_was_interrupted_is_begun_again(tmp_path: Path, length: int) -> None:
    path = tmp_path / "evaluator.duckdb"
    Database(path).close()
    os.truncate(path, length)
    database = Database(path)
    assert "results" in tables(database)
    database.close()


def test_a_short_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "evaluator.duckdb"
    path.write_text("notes")
    with pytest.raises(StoreUnavailableError, match=f"{path} cannot be opened"):
        Database(path)
    assert path.read_text() == "notes"


def test_a_file_that_another_process_is_creating_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "evaluator.duckdb"
    database = Database(path)
    size = path.stat().st_size
    os.truncate(path, 0)  # as it is when the other process has only just opened it
    assert f"in use by process {os.getpid()}" in second_owner(path)
    assert path.exists()
    os.truncate(path, size)
    database.close()


def break_down(database: Database) -> None:
    """Make DuckDB give the database up, as it does when the log cannot be merged."""
    with pytest.raises(duckdb.FatalException), database.transaction():
        raise duckdb.FatalException("no more of this")


def test_threads_read_on_when_the_file_was_opened_again(database: Database) -> None:
    began, reopened = threading.Barrier(2), threading.Barrier(2)
    read = []

    def page() -> None:
        rows = database.cursor.execute("SELECT * FROM range(100000)")
        first = rows.fetchone()
        began.wait()
        reopened.wait()
        read.append((first, database.cursor.execute("SELECT 1").fetchall()))

    thread = threading.Thread(target=page)
    thread.start()
    began.wait()
    break_down(database)
    reopened.wait()
    thread.join()
    assert read == [((0,), [(1,)])]
    assert database.cursor.execute("SELECT 1").fetchall() == [(1,)]


def test_a_result_is_found_again_if_the_file_is_opened_again_before_it_is_fetched(database: Database) -> None:
    fetches: list[tuple[Callable[[Cursor], Any], Any]] = [
        (Cursor.fetchone, (7,)),
        (Cursor.fetchall, [(7,)]),
        (lambda rows: rows.df()["n"].tolist(), [7]),
    ]
    for fetch, found in fetches:
        rows = database.cursor.execute("SELECT ? AS n", [7])
        breaking = threading.Thread(target=break_down, args=(database,))
        breaking.start()
        breaking.join()
        assert fetch(rows) == found


def test_a_transaction_begins_on_the_file_that_was_opened_again(database: Database) -> None:
    database.cursor.execute("SELECT 1").fetchall()
    thread = threading.Thread(target=break_down, args=(database,))
    thread.start()
    thread.join()
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO variants VALUES ('e', 'v', 0, 'f', '{}', NULL)")
    assert database.cursor.execute("SELECT name FROM variants").fetchall() == [("v",)]


COUNT = "SELECT count(*) FROM variants"


def insert(database: Database, name: str) -> None:
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO variants VALUES ('e', ?, 0, 'f', '{}', NULL)", [name])


def in_a_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def count(database: Database) -> int:
    rows: list[tuple[int]] = database.cursor.execute(COUNT).fetchall()
    return rows[0][0]


def test_a_frozen_look_sees_nothing_of_what_is_written_meanwhile(database: Database) -> None:
    insert(database, "before")

    def look() -> list[int]:
        first = count(database)
        in_a_thread(lambda: insert(database, "meanwhile"))
        streamed = database.cursor.relation("SELECT name FROM variants").fetchall()
        return [first, len(streamed), count(database), database.frozen(lambda: count(database))]

    assert database.frozen(look) == [1, 1, 1, 1]
    assert count(database) == 2


def test_a_frozen_look_cannot_write(database: Database) -> None:
    with pytest.raises(RuntimeError, match="cannot write"):
        database.frozen(lambda: insert(database, "no"))
    with pytest.raises(duckdb.TransactionException, match="read-only"):
        database.frozen(lambda: database.cursor.execute("DELETE FROM variants"))
    insert(database, "afterwards")
    assert count(database) == 1


def test_a_frozen_look_within_a_transaction_of_the_same_thread_reads_there(database: Database) -> None:
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO variants VALUES ('e', 'v', 0, 'f', '{}', NULL)")
        assert database.frozen(lambda: count(database)) == 1
    assert count(database) == 1


def test_a_frozen_look_is_repeated_whole_if_the_file_is_opened_again_meanwhile(database: Database) -> None:
    """Never the first half of one state and the second of another."""
    insert(database, "before")
    seen: list[int] = []

    def insert_and_break_down() -> None:
        insert(database, "meanwhile")
        break_down(database)

    def look() -> tuple[int, int]:
        seen.append(count(database))
        if len(seen) == 1:
            in_a_thread(insert_and_break_down)
        return seen[-1], count(database)

    assert database.frozen(look) == (2, 2)
    assert seen == [1, 2]
    assert count(database) == 2


def test_a_frozen_look_that_loses_its_transaction_twice_says_so(database: Database) -> None:
    def look() -> int:
        in_a_thread(lambda: break_down(database))
        return count(database)

    with pytest.raises(StoreUnavailableError, match="was given up while it was read; try again"):
        database.frozen(look)
    assert count(database) == 0


def test_an_error_in_a_frozen_look_is_what_it_is(database: Database) -> None:
    looks = []

    def look(read: Callable[[str], object], sql: str) -> None:
        looks.append(sql)
        read(sql)

    with pytest.raises(duckdb.BinderException):
        database.frozen(lambda: look(database.cursor.execute, "SELECT nonsense"))
    with pytest.raises(duckdb.CatalogException), duckdb.connect() as other:
        database.frozen(lambda: look(other.execute, "FROM nothing"))
    assert looks == ["SELECT nonsense", "FROM nothing"]
    database.close()
    with pytest.raises(StoreUnavailableError, match="is closed"):
        database.frozen(lambda: count(database))


def test_rows_come_back_while_an_old_state_is_still_read(database: Database) -> None:
    """DuckDB must not take what an old transaction still sees for a second row of the same key."""
    insert(database, "v")

    def again() -> None:
        with database.transaction() as cursor:
            cursor.execute("DELETE FROM variants")
        insert(database, "v")

    def look() -> list[int]:
        counted = [count(database)]
        for _ in range(3):
            in_a_thread(again)
            counted.append(count(database))
        return counted

    assert database.frozen(look) == [1, 1, 1, 1]


FOR_EVER = "SELECT count(*) FROM range(1000000000000) r(n) WHERE hash(n) % 7 = 3"


@pytest.mark.parametrize("reopened", [False, True], ids=["closing", "opening again"])
def test_a_query_that_takes_for_ever_is_interrupted(
    database: Database, monkeypatch: pytest.MonkeyPatch, reopened: bool
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 0.1)
    said: list[str] = []
    running = threading.Event()

    def page() -> None:
        try:
            running.set()
            database.cursor.execute(FOR_EVER).fetchall()
        except (duckdb.Error, StoreUnavailableError) as error:
            said.append(str(error))

    thread = threading.Thread(target=page)
    thread.start()
    running.wait()
    if reopened:
        break_down(database)
        assert database.cursor.execute("SELECT 1").fetchall() == [(1,)]
    database.close()
    thread.join()
    assert len(said) == 1
    if not reopened:
        assert said == [f"{database.path} is closed: this process is ending"]
    assert second_owner(database.path) == ""


def test_after_closing_nobody_reads(database: Database) -> None:
    database.cursor.execute("SELECT 1").fetchall()
    database.close()
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="is closed: this process is ending"):
            database.cursor.execute("SELECT 1")
        with pytest.raises(StoreUnavailableError, match="is closed"), database.transaction():
            pass
        database.close()  # twice is no error


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="half-way"), database.transaction() as cursor:
        cursor.execute("INSERT INTO variants VALUES ('e', 'v', 0, 'f', '{}', NULL)")
        raise RuntimeError("half-way")
    assert database.cursor.execute("SELECT count(*) FROM variants").fetchall() == [(0,)]


def test_after_a_failure_the_next_transaction_works(database: Database) -> None:
    for statement in ("SELECT nonsense", "INSERT INTO variants VALUES (NULL, 'v', 0, 'f', '{}', NULL)"):
        with pytest.raises(duckdb.Error), database.transaction() as cursor:
            cursor.execute(statement)
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO variants VALUES ('e', 'v', 0, 'f', '{}', NULL)")
    assert database.cursor.execute("SELECT name FROM variants").fetchall() == [("v",)]


def test_each_thread_has_a_cursor_of_its_own(database: Database) -> None:
    seen = [database.cursor]
    thread = threading.Thread(target=lambda: seen.append(database.cursor))
    thread.start()
    thread.join()
    assert seen[0] is database.cursor
    assert seen[1] is not seen[0]


def test_threads_read_whole_transactions_while_another_writes(database: Database) -> None:
    done, errors, sums = threading.Event(), [], set()

    def read() -> None:
        try:
            while not done.is_set():
                sums.add(database.cursor.execute("SELECT count(*) FROM variants").fetchall()[0][0] % 10)
        except duckdb.Error as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(30):
        with database.transaction() as cursor:
            for row in range(10):
                cursor.execute(
                    "INSERT INTO variants VALUES (?, ?, 0, 'f', '{}', NULL)", [str(number), str(row)]
                )
    done.set()
    for reader in readers:
        reader.join()
    assert (errors, sums) == ([], {0})


def test_a_file_that_is_gone_is_not_begun_again_when_duckdb_gives_it_up(database: Database) -> None:
    """Before, an empty database took its place, and nobody said so."""
    before = database.cursor.execute("SELECT count(*) FROM migrations").fetchall()
    with database.opened() as connection:
        database.path.rename(database.path.with_suffix(".aside"))
        database.path.with_name(f"{database.path.name}.wal").unlink(missing_ok=True)
    with pytest.raises(StoreUnavailableError, match="was removed or replaced while it was in use"):
        database.recover(duckdb.FatalException("no more of this"), connection)
    assert not database.path.exists()
    database.path.with_suffix(".aside").rename(database.path)
    assert database.cursor.execute("SELECT count(*) FROM migrations").fetchall() == before


def test_writers_take_turns(database: Database) -> None:
    def write(number: int) -> None:
        for row in range(20):
            with database.transaction() as cursor:
                (count,) = cursor.execute("SELECT count(*) FROM variants").fetchall()[0]
                cursor.execute(
                    "INSERT INTO variants VALUES (?, ?, ?, 'f', '{}', NULL)",
                    [str(number), str(row), count],
                )

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    positions = database.cursor.execute("SELECT position FROM variants ORDER BY 1").fetchall()
    assert positions == [(n,) for n in range(80)]


def test_an_interruption_in_the_middle_of_a_query_is_one() -> None:
    """DuckDB looks for signals while it works, and gives them another name."""
    with pytest.raises(KeyboardInterrupt), interruptible():
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="something else"), interruptible():
        raise RuntimeError("something else")
