"""How files are read, on the command line: what was recognised, what a person says, and what takes no part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator.cli.terminal import print_table, say
from evaluator.errors import DatasetError, InvalidInputError

if TYPE_CHECKING:
    from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading
    from evaluator.datasets.recognition.recognise import Recognised

# Commands import what they need when they run, so that `--help` is fast.
# ruff: noqa: PLC0415


def resolve(origin: str, recognised: Recognised, chosen: Reading | None, changes: dict[str, Any]) -> Reading:
    """The given reading, or the recognised one if there is no doubt about it, with the given changes."""
    from evaluator.datasets.recognition.doubts import changed
    from evaluator.datasets.staging.importing import certain_reading

    if chosen is not None:
        return changed(chosen, changes)
    try:
        return certain_reading(origin, recognised, changes)
    except DatasetError as error:
        raise DatasetError(
            f"{error} Say with --reading how the files are read; "
            "`evaluator dataset check --json` prints what to start from"
        ) from error


def given_changes(written: list[str] | None) -> dict[str, Any]:
    """Values by field, as given with --set.

    Raises:
        InvalidInputError: one is not FIELD=VALUE, or its value is not YAML.
    """
    import yaml

    changes: dict[str, Any] = {}
    for change in written or ():
        field, separator, value = change.partition("=")
        if not field.strip() or not separator:
            raise InvalidInputError(f"--set {change}: write FIELD=VALUE, such as qrels.grade=stars")
        try:
            changes[field.strip()] = None if value.strip().lower() == "none" else yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InvalidInputError(
                f"--set {change}: the value cannot be read; put a text in quotes"
            ) from error
    return changes


def given_reading(path: Path | None) -> Reading | None:
    """The reading in a file, or in the whole output of `check --json`; None if there is no file.

    Raises:
        InvalidInputError: the file cannot be read, or is no reading.
    """
    if path is None:
        return None
    import yaml

    from evaluator.datasets.reading import Reading

    try:
        value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"the reading {path} cannot be read: {error}") from error
    if isinstance(value, dict) and "reading" in value:
        value = value["reading"]
    return Reading.from_json(value)


def print_recognised(recognised: Recognised, reading: Reading | None) -> None:
    """Print the role and the columns of each file; without a reading, all files and columns."""
    from evaluator.datasets.formats.detected import in_words

    if reading is None:
        tables = [(in_words(info.table), ", ".join(info.columns)) for info in recognised.tables]
        print_table("Not recognised as a dataset", ("file", "columns"), tables)
    else:
        rows = [
            ("documents", *_part_in_words(reading.corpus)),
            ("queries", *_part_in_words(reading.queries)),
            ("judgments", *_part_in_words(reading.qrels)),
        ]
        print_table(f"Read as {reading.format}", ("part", "file", "columns that are read"), rows)
        if reading.repairs:
            say(f"repairs: {', '.join(reading.repairs)}")
        print_unused(recognised, reading)
    for problem in recognised.problems:
        say(f"problem: {problem}")


def print_unused(recognised: Recognised, reading: Reading) -> None:
    """Name the files, sheets and columns that take no part."""
    from evaluator.datasets.recognition.unused import unused

    for item in unused(recognised, reading):
        say(f"not used: {item}")


def _part_in_words(part: CorpusPart | QueriesPart | QrelsPart | None) -> tuple[str, str]:
    """A part's file, and the columns that are read."""
    from evaluator.datasets.formats.detected import in_words

    if part is None:
        return "none", ""
    columns = {
        field: value
        for field, value in vars(part).items()
        if field != "table" and value not in (None, (), "id")
    }
    return in_words(part.table), ", ".join(
        f"{field}: {' + '.join(value) if isinstance(value, tuple) else value}"
        for field, value in columns.items()
    )
