"""Databases that are damaged, a newer version's or none of ours: refused in one sentence, and left as they are."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from evaluator.errors import StoreUnavailableError
from evaluator.store.file import migrating
from evaluator.store.file.condition import COLUMNS, HEADERS, LOG_MAGIC
from evaluator.store.file.database import Database, examine
from evaluator.store.file.migrating import migrations
from evaluator.store.results import record
from tests.conftest import ROOT
from tests.privileges import without_privileges
from tests.unit.store.rows import numbered, ranked, save

FILE, LOG = "evaluator.duckdb", "evaluator.duckdb.wal"
ROWS = 300
NEWEST = len(migrations())

Damage = Callable[[Path], object]

RECORD_AND_DIE = f"""
import os, sys
from pathlib import Path
from evaluator.store.file.database import Database
from evaluator.store.results import record
from tests.unit.store.rows import numbered, ranked, save
database = Database(Path(sys.argv[1]) / {FILE!r})
record(database, ranked(save(database), numbered(0, {ROWS})))
os._exit(0)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that was closed."""
    folder = tmp_path_factory.mktemp("whole")
    database = Database(folder / FILE)
    record(database, ranked(save(database), numbered(0, ROWS)))
    database.close()
    return folder


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database whose owner was killed: all that it holds is in its log."""
    folder = tmp_path_factory.mktemp("logged")
    subprocess.run([sys.executable, "-c", RECORD_AND_DIE, str(folder)], cwd=ROOT, check=True)
    assert (folder / FILE).stat().st_size == HEADERS
    return folder


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of one of them, `whole` unless a test names the other."""
    copy = tmp_path / "home"
    shutil.copytree(request.getfixturevalue(getattr(request, "param", "whole")), copy)
    return copy


def sql(*statements: str) -> Damage:
    def change(folder: Path) -> None:
        with duckdb.connect(str(folder / FILE)) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def flip(name: str, place: float) -> Damage:
    """Turn one byte over: at a place in bytes, or at a share of the file."""

    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[int(place * len(content)) if isinstance(place, float) else place] ^= 0xFF
        (folder / name).write_bytes(content)

    return change


def truncate(name: str, length: float) -> Damage:
    """Cut a file to a length in bytes, or to a share of itself."""

    def change(folder: Path) -> None:
        size = (folder / name).stat().st_size
        os.truncate(folder / name, int(length * size) if isinstance(length, float) else length)

    return change


def scribble(name: str, length: int) -> Damage:
    return lambda folder: (folder / name).write_bytes(random.Random(1).randbytes(length))


def replace(name: str, make: Damage) -> Damage:
    """Put something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


def storage_version(version: int) -> Damage:
    """Mark a file as written in another storage format, with a header that is right otherwise.

    DuckDB's headers begin with a checksum: 5381, and each following word of 64 bits times a constant, all XORed.
    """

    def change(folder: Path) -> None:
        content = bytearray((folder / FILE).read_bytes())
        content[12:20] = struct.pack("<Q", version)
        checksum = 5381
        for (word,) in struct.iter_unpack("<Q", content[8:4096]):
            checksum ^= (word * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        content[:8] = struct.pack("<Q", checksum)
        (folder / FILE).write_bytes(content)

    return change


NEWER = "was used by a newer version of this software than"
NOT_OURS = "is a DuckDB file, but none of this software, or it has lost its list of migrations"
GAPS = "its list of migrations has gaps"
LACKS = "is damaged: it lacks"

REFUSED: dict[str, tuple[Damage, str]] = {
    "the next migration": (sql(f"INSERT INTO migrations (number) VALUES ({NEWEST + 1})"), NEWER),
    "a far migration": (
        sql(f"INSERT INTO migrations (number, version) VALUES ({NEWEST + 90}, '7.1.0')"),
        r"newer version of this software \(7\.1\.0\) than",
    ),
    "a migration missing": (sql("DELETE FROM migrations WHERE number = 4"), GAPS),
    "the first migrations missing": (sql("DELETE FROM migrations WHERE number < 3"), GAPS),
    "a negative migration": (sql("INSERT INTO migrations (number) VALUES (-1)"), GAPS),
    "no migration": (sql("DELETE FROM migrations"), r"has gaps \(it is empty\)"),
    "no list of migrations": (sql("DROP TABLE migrations"), NOT_OURS),
    "another list of migrations": (
        sql("DROP TABLE migrations", "CREATE TABLE migrations (x INTEGER)"), NOT_OURS,
    ),
    "words for migrations": (
        sql("DROP TABLE migrations", "CREATE TABLE migrations AS SELECT 'one' AS number"), GAPS,
    ),
    "a table missing": (sql("DROP TABLE results"), f"{LACKS} results;"),
    "a column missing": (sql("ALTER TABLE experiments DROP COLUMN reason"), f"{LACKS} experiments.reason;"),
    "no identity": (sql("DELETE FROM instance"), f"{LACKS} its identity;"),
    "another program's file": (
        replace(FILE, lambda path: sql("CREATE TABLE sales (x INTEGER)")(path.parent)), NOT_OURS,
    ),
    "a newer storage format": (storage_version(10_000), "version number 10000"),
    "a folder": (replace(FILE, Path.mkdir), "is a folder, where the database should be; move it away"),
    "a pipe": (replace(FILE, os.mkfifo), "is no regular file"),
    "a link to nowhere": (replace(FILE, lambda path: path.symlink_to("no/such/file")), "is a link to nowhere"),
    "a link to itself": (replace(FILE, lambda path: path.symlink_to(path)), "is a link to nowhere"),
    "random bytes": (scribble(FILE, 50_000), "not a valid DuckDB database"),
    "a few random bytes": (scribble(FILE, 500), "not a valid DuckDB database"),
    "its first byte": (truncate(FILE, 1), "not a valid DuckDB database"),
    "its headers": (truncate(FILE, HEADERS), "Could not read enough bytes"),
    "a byte more": (truncate(FILE, HEADERS + 1), "Could not read enough bytes"),
    "its first quarter": (truncate(FILE, 0.25), "Could not read enough bytes"),
    "its first half": (truncate(FILE, 0.5), "Could not read enough bytes"),
    "a wrong checksum": (flip(FILE, 0), "Corrupt database file"),
    "a wrong first header": (flip(FILE, 4096 + 10), "Corrupt database file"),
    "a wrong second header": (flip(FILE, 2 * 4096 + 10), "Corrupt database file"),
    "a wrong first block": (flip(FILE, HEADERS + 200), "Corrupt database file"),
    "a folder for a log": (lambda folder: (folder / LOG).mkdir(), "is a folder"),
}  # fmt: skip

REFUSED_WITH_LOG: dict[str, tuple[Damage, str]] = {
    "random bytes": (scribble(LOG, 50_000), f"{LOG} is damaged: it is no log of a database"),
    "three random bytes": (scribble(LOG, 3), f"{LOG} is damaged: it is no log of a database"),
    "a wrong byte": (flip(LOG, 0.5), "Corrupt WAL file"),
    "its file missing": (replace(FILE, lambda _: None), f"is missing, and its log {LOG} is there"),
    "its file empty": (truncate(FILE, 0), "not a valid DuckDB database"),
    "its file only begun": (truncate(FILE, 8192), "cannot be opened"),
    "the next migration, which is in the log": (
        lambda folder: subprocess.run(
            [sys.executable, "-c", INSERT_AND_DIE, str(folder / FILE), str(NEWEST + 1)], check=True
        ),
        NEWER,
    ),
}

INSERT_AND_DIE = """
import duckdb, os, sys
duckdb.connect(sys.argv[1]).execute("INSERT INTO migrations (number) VALUES (?)", [int(sys.argv[2])])
os._exit(0)
"""


def contents(folder: Path) -> dict[str, object]:
    """All that is in a folder: files' bytes, and what else there is."""
    return {
        path.name: path.read_bytes() if path.is_file() else path.lstat().st_mode for path in folder.iterdir()
    }


def require_refused(folder: Path, damage: Damage, said: str) -> None:
    damage(folder)
    before = contents(folder)
    for look in (Database, examine):
        with pytest.raises(StoreUnavailableError, match=said) as refused:
            look(folder / FILE)
        message = str(refused.value)
        assert message.startswith(str(folder / FILE))
        assert "set EVALUATOR_HOME to another folder" in message
        assert "\n" not in message
    assert contents(folder) == before


@pytest.mark.parametrize(("damage", "said"), REFUSED.values(), ids=REFUSED)
def test_a_database_that_cannot_be_used_is_refused_and_left_as_it_is(
    folder: Path, damage: Damage, said: str
) -> None:
    require_refused(folder, damage, said)


@pytest.mark.parametrize("folder", ["logged"], indirect=True)
@pytest.mark.parametrize(("damage", "said"), REFUSED_WITH_LOG.values(), ids=REFUSED_WITH_LOG)
def test_so_is_one_whose_log_does_not_fit(folder: Path, damage: Damage, said: str) -> None:
    require_refused(folder, damage, said)


def test_a_log_of_another_database_is_refused(folder: Path, logged: Path) -> None:
    require_refused(folder, lambda _: shutil.copy(logged / LOG, folder), "WAL does not match database file")


@pytest.mark.parametrize("folder", ["logged"], indirect=True)
def test_a_log_begins_as_we_think_and_is_taken(folder: Path) -> None:
    assert (folder / LOG).read_bytes().startswith(LOG_MAGIC)
    assert examine(folder / FILE)[1] == []
    database = Database(folder / FILE)
    assert database.cursor.execute("SELECT count(*) FROM results").fetchall() == [(ROWS,)]
    database.close()


def test_damage_that_only_a_reader_meets_is_named_to_that_reader(folder: Path) -> None:
    """Opening does not read all: a block of results is read when somebody asks for them, and by the doctor."""
    for place in range(HEADERS + 100, (folder / FILE).stat().st_size, 262_144):
        flip(FILE, place)(folder)
        with suppress(StoreUnavailableError):
            database = Database(folder / FILE)
            try:
                database.cursor.execute("SELECT * FROM results").fetchall()
            except StoreUnavailableError as error:
                assert str(error).startswith(f"{folder / FILE} is damaged: Corrupt database file")
                break
            finally:
                database.close()
        flip(FILE, place)(folder)
    else:
        pytest.fail("no block but those that opening reads holds anything")
    with pytest.raises(StoreUnavailableError, match="is damaged: Corrupt database file"):
        examine(folder / FILE)
    database = Database(folder / FILE)
    with pytest.raises(StoreUnavailableError, match="is damaged"), database.transaction() as cursor:
        cursor.execute("SELECT * FROM results").fetchall()
    assert database.cursor.execute("SELECT name FROM experiments").fetchall() == [("toy",)]
    database.close()


MAY_NOT = """
import sys
from pathlib import Path
from evaluator.errors import StoreUnavailableError
from evaluator.store.file.database import Database
path = Path(sys.argv[1])
for forbidden in (path.parent, path):
    mode = forbidden.stat().st_mode
    for less in (0o500, 0):
        forbidden.chmod(less)
        try:
            Database(path).close()
        except StoreUnavailableError as error:
            print(error)
        forbidden.chmod(mode)
"""


def test_what_this_user_may_not_write_is_refused(folder: Path) -> None:
    said = subprocess.run(
        [*without_privileges(), sys.executable, "-c", MAY_NOT, str(folder / FILE)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    home, file = f"the home folder {folder} cannot be written", f"{folder / FILE} cannot be read and written"
    assert [line.partition(" by this user; check its permissions")[0] for line in said] == [
        home,
        home,
        file,
        file,
    ]


def test_an_older_version_is_brought_to_this_one_and_says_who_did(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [*migrations(), (NEWEST + 1, "CREATE TABLE one (a INTEGER)")]
    monkeypatch.setattr(migrating, "migrations", lambda: more)
    monkeypatch.setattr(migrating, "__version__", "9.9.9")
    assert examine(folder / FILE) == (0, [NEWEST + 1])
    Database(folder / FILE).close()
    monkeypatch.undo()
    require_refused(folder, lambda _: None, r"newer version of this software \(9\.9\.9\) than")


def test_a_migration_that_fails_on_what_is_there_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [*migrations(), (NEWEST + 1, "CREATE TABLE results (a INTEGER)")]
    monkeypatch.setattr(migrating, "migrations", lambda: more)
    with pytest.raises(StoreUnavailableError, match=r"cannot be opened: .*already exists"):
        Database(folder / FILE)


def test_the_columns_are_those_that_the_migrations_make(whole: Path) -> None:
    """The message is what to write in `evaluator.store.file.condition`."""
    with duckdb.connect(str(whole / FILE), read_only=True) as connection:
        made = connection.execute(
            "SELECT table_name, string_agg(column_name, ' ' ORDER BY column_index) FROM duckdb_columns() "
            "WHERE NOT internal GROUP BY table_name ORDER BY table_name"
        ).fetchall()
    assert {table: " ".join(sorted(names.split())) for table, names in COLUMNS.items()} == {
        table: " ".join(sorted(names.split())) for table, names in made
    }
