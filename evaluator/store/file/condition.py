"""Whether a DuckDB file is whole and of a version that this software knows, and the messages where it is not.

No check changes the file or the log beside it (ADR 0030).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from evaluator import __version__
from evaluator.domain.printable import printable
from evaluator.errors import StoreUnavailableError
from evaluator.home import may_write

HEADERS = 3 * 4096
"""Bytes at the beginning of every DuckDB file: a smaller one was never finished, and holds nothing."""
MAGIC = b"DUCK"
LOG_MAGIC = b"d\x00b"
"""How every write-ahead log begins: the type (field 100, `d`) of its first entry, which is its version (98, `b`)."""

VERSION_LENGTH = 40
"""Characters of a version that messages show."""

ANOTHER_HOME = "set EVALUATOR_HOME to another folder"
WAY_OUT = f"restore it from a copy, or {ANOTHER_HOME}; nothing was changed"

COLUMNS = {
    "accounts": "id name password is_admin created_at disabled_at",
    "audit": "number done_at person account way address action subject project kind target",
    "comments": "number project experiment variant query person account text written_at edited_at",
    "dataset_versions": "dataset version fingerprint manifest source change created_at",
    "datasets": "id name description tags guidelines project",
    "decisions": "number project experiment variant reason person account decided_at",
    "deliveries": "id account channel project experiment event title text created_at attempts next_at sent_at "
    "failed_at error",
    "experiments": "id name spec n_queries status created_at started_at finished_at reason dataset attempt run place",
    "followed": "dataset version experiment",
    "granted_by_groups": "account issuer project",
    "grants": "account project role",
    "identities": "issuer subject account created_at used_at",
    "instance": "identity",
    "invitations": "digest purpose name account is_admin role created_by created_at expires_at used_at project",
    "migrations": "number applied_at version",
    "noticed": "number",
    "notifications": "id account project experiment event title text created_at read_at",
    "past_spending": "project month micro_usd",
    "preferences": "account events everybodys baseline max_loss in_app mail_to webhook",
    "projects": "id created_at storage_limit running_limit monthly_limit shares",
    "provenance": "dataset version record",
    "ratings": "dataset rater query_id doc_id grade rated_at",
    "readings": "project tables dataset reading stored_at",
    "rescored": "run place variant query_id measures",
    "rescorings": "run place dataset",
    "results": "experiment variant query_id doc_ids scores measures seconds error recorded_at",
    "revisions": "experiment revision",
    "sessions": "digest account way address agent created_at seen_at expires_at",
    "share_links": "id digest experiment part choices person account created_at expires_at opened_at",
    "spending": "experiment id endpoint tokens output_tokens micro_usd recorded_at",
    "steps": "dataset version",
    "submissions": "experiment submitted_at",
    "tokens": "id digest shown name account role created_at expires_at used_at project",
    "variant_costs": "experiment variant cost error measured_at",
    "variants": "experiment name position fingerprint pipeline error",
    "webhooks": "account url key",
}
"""Every table's columns, once all migrations are applied."""


def log_path(path: Path) -> Path:
    """The write-ahead log of a DuckDB file."""
    return path.with_name(f"{path.name}.wal")


def require_usable(path: Path) -> None:
    """Check the file and its log before DuckDB opens them; it would wait for a pipe, and drop a log that does not fit.

    Raises:
        StoreUnavailableError: one of them is not what it should be, the log is without its file, or this user may not
            write them.
    """
    for file in (path, log_path(path)):
        if not file.exists() and not file.is_symlink():
            continue
        if not file.is_file():
            kind = (
                "a folder" if file.is_dir() else "no regular file" if file.exists() else "a link to nowhere"
            )
            raise StoreUnavailableError(
                f"{file} is {kind}, where the database should be; move it away, or {ANOTHER_HOME}"
            )
        if not may_write(file):
            raise _forbidden(file)
    if not may_write(path.parent):
        raise _forbidden(path.parent)
    require_log_fits(path)


def require_log_fits(path: Path) -> None:
    """Check that the log has its file, and begins like a log.

    Raises:
        StoreUnavailableError: it has not, or does not.
    """
    log = log_path(path)
    if not log.exists() or not log.stat().st_size:
        return
    if not path.exists():
        raise StoreUnavailableError(
            f"{path} is missing, and its log {log.name} is there, in which results may be; restore the file from a "
            f"copy, move the log away to begin anew, or {ANOTHER_HOME}"
        )
    with log.open("rb") as file:
        head = file.read(len(LOG_MAGIC))
    if not LOG_MAGIC.startswith(head):
        raise StoreUnavailableError(
            f"{log} is damaged: it is no log of a database; restore both files from a copy, move the log away (what "
            f"was recorded last is lost), or {ANOTHER_HOME}"
        )


def is_unfinished(path: Path) -> bool:
    """Whether a file is the beginning of a DuckDB file, too short to hold anything, and without a log."""
    if not path.is_file() or path.stat().st_size >= HEADERS:
        return False
    log = log_path(path)
    if log.exists() and log.stat().st_size:
        return False
    head = path.read_bytes()
    return not head or head[8:12] == MAGIC


Columns = dict[str, set[str]]
"""The columns of each table."""


def columns_of(connection: duckdb.DuckDBPyConnection) -> Columns:
    """All tables that a file holds, with their columns; to read them takes longer than to open the file."""
    columns: Columns = {}
    rows = connection.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal")
    for table, column in rows.fetchall():
        columns.setdefault(table, set()).add(column)
    return columns


def require_known(
    path: Path, connection: duckdb.DuckDBPyConnection, columns: Columns, known: Collection[int]
) -> None:
    """Check, before anything is written, that the file is new or ours, and of this version or an older one.

    Args:
        columns: what the file holds.
        known: numbers of this version's migrations.

    Raises:
        StoreUnavailableError: it is not.
    """
    if not columns:
        return
    if "number" not in columns.get("migrations", ()):
        raise StoreUnavailableError(
            f"{path} is a DuckDB file, but none of this software, or it has lost its list of migrations; {WAY_OUT}"
        )
    numbers = {number for (number,) in connection.execute("SELECT number FROM migrations").fetchall()}
    if unknown := {number for number in numbers if isinstance(number, int) and number > max(known)}:
        raise StoreUnavailableError(
            f"{path} was used by a newer version of this software{_version_of(connection, columns, max(unknown))} than "
            f"{__version__}, which does not know all that is in it; use that version, or {ANOTHER_HOME}; nothing was "
            "changed"
        )
    if numbers != set(sorted(known)[: len(numbers)]) or (not numbers and len(columns) > 1):
        raise StoreUnavailableError(
            f"{path} is damaged: its list of migrations has gaps ({_listed(numbers)}); {WAY_OUT}"
        )


def require_tables(path: Path, connection: duckdb.DuckDBPyConnection, columns: Columns) -> None:
    """Check that no table, no column and not the database's identity is missing.

    Args:
        columns: what the file holds.

    Raises:
        StoreUnavailableError: something is; names all of it.
    """
    missing = [
        table if table not in columns else f"{table}.{column}"
        for table, names in COLUMNS.items()
        for column in names.split()
        if column not in columns.get(table, ())
    ]
    if "instance" in columns and connection.execute("SELECT count(*) FROM instance").fetchall() != [(1,)]:
        missing.append("its identity")
    if missing:
        raise StoreUnavailableError(
            f"{path} is damaged: it lacks {', '.join(dict.fromkeys(missing))}; {WAY_OUT}"
        )


def read_all(connection: duckdb.DuckDBPyConnection) -> int:
    """Read every row of every table; returns how many there are.

    Raises:
        duckdb.Error: a part of the file is damaged.
    """
    rows = 0
    for table in COLUMNS:
        # Every value is read, because the hash of a row needs it.
        query = f"SELECT count(*), bit_xor(hash(row)) FROM {table} AS row"  # noqa: S608  names of ours
        rows += connection.execute(query).fetchall()[0][0]
    return rows


def damaged(path: Path, error: duckdb.Error) -> StoreUnavailableError | None:
    """The message if DuckDB failed because a part of the file cannot be read; None if it failed for another reason."""
    # DuckDB has no class for damage: it raises `duckdb.Error` itself, or an IO error that names the file.
    if type(error) is duckdb.Error or (isinstance(error, duckdb.IOException) and str(path) in str(error)):
        return StoreUnavailableError(f"{path} is damaged: {reason(error)}; {WAY_OUT}")
    return None


def reason(error: duckdb.Error) -> str:
    """The first line of DuckDB's message, as a part of a sentence."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return line.removeprefix("IO Error: ").rstrip(".!")


def _version_of(connection: duckdb.DuckDBPyConnection, columns: dict[str, set[str]], number: int) -> str:
    """The version that applied a migration, in brackets; empty if the file does not hold it."""
    if "version" not in columns["migrations"]:
        return ""
    query = "SELECT version FROM migrations WHERE number = ?"
    (version,) = connection.execute(query, [number]).fetchall()[0]
    return f" ({printable(str(version), VERSION_LENGTH)})" if version else ""


def _listed(numbers: Collection[object]) -> str:
    return ", ".join(sorted(map(str, numbers))) or "it is empty"


def _forbidden(path: Path) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"{path} cannot be read and written by this user; check its permissions and whether its disk is read-only, or "
        f"{ANOTHER_HOME}"
    )
