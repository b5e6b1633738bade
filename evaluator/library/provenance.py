"""The provenance of a dataset in words: the same on pages, in reports and on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluator.datasets.recognition.stored_tables import adds, is_stored
from evaluator.domain.dataset import Provenance, SourceFile

SHOWN_FILES = 20
"""Files of which the name, the size and the hash are shown; the rest is counted."""

UNKNOWN = "Its files are not recorded: an earlier version of this software imported it."
FILE_COLUMNS = ("file", "bytes", "SHA-256")

PARTS = {"corpus": "Documents", "queries": "Queries", "qrels": "Judgments"}
"""The parts of a reading, and what they are called."""


def sentences(version: int, provenance: Provenance) -> Iterator[str]:
    """When and by what a version was imported, how its files were read, and what was left out or handled by a rule.

    Args:
        version: the number of the version.
        provenance: where it comes from.
    """
    when = provenance.imported_at.replace("T", " ").replace("+00:00", " UTC")
    yield f"Version {version} was imported on {when} by version {provenance.version} of this software."
    for part, called in PARTS.items():
        if isinstance(provenance.reading.get(part), Mapping):
            yield f"{called}: {_part_in_words(part, provenance)}."
    if runs := provenance.reading.get("runs"):
        yield f"Runs: {', '.join(_table_in_words(run['table']) for run in runs)}."
    if repairs := provenance.reading.get("repairs"):
        yield f"Repairs that were asked for: {', '.join(repairs)}."
    for note in provenance.notes:
        yield f"Noted: {note.message} ({note.count:,})." if note.count else f"Noted: {note.message}."
    yield (
        f"{provenance.n_files:,} {'file was' if provenance.n_files == 1 else 'files were'} read. "
        f"SHA-256 of the list that sha256sum prints for them, sorted by name: {provenance.sha256}"
    )


def files_shown(provenance: Provenance) -> tuple[Sequence[SourceFile], int]:
    """The files to show, and the number of the others."""
    shown = provenance.files[:SHOWN_FILES]
    return shown, provenance.n_files - len(shown)


def _part_in_words(name: str, provenance: Provenance) -> str:
    part = provenance.reading[name]
    if adds(provenance) and (name == "corpus" or is_stored(part["table"]["file"])):
        return "those of the version before"
    columns = [
        f"{field}: {_value(value)}"
        for field, value in part.items()
        if field != "table" and value not in (None, [], ())
    ]
    return f"{_table_in_words(part['table'])} ({', '.join(columns)})"


def _table_in_words(table: Mapping[str, Any]) -> str:
    member = f" > {table['member']}" if table.get("member") else ""
    more = f" and {len(table['more']):,} more" if table.get("more") else ""
    ways = [str(table["encoding"])] if table.get("encoding") else []
    if table.get("header") is not None:
        ways.append(f"header in row {table['header']}" if table["header"] else "no header")
    return f"{table['file']}{more}{member}{''.join(f', {way}' for way in ways)}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {part}" for name, part in value.items())
    return " + ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
