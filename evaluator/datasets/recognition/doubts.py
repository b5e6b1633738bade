"""Doubts: what is not clear about files, and the choices that a person has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator.datasets.reading import Reading
from evaluator.errors import DatasetError


@dataclass(frozen=True)
class Option:
    """One answer to a doubt.

    Attributes:
        label: the answer in words.
        changes: what it changes in the reading: values by dotted path, such as `qrels.grade`; None removes a field.
    """

    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def typed(self) -> str:
        """What to type on the command line for it; empty if that would be long."""
        written = [f"--set {path}={_typed(value)}" for path, value in self.changes.items()]
        return "" if any(len(part) > LONGEST_TYPED for part in written) else " ".join(written)


LONGEST_TYPED = 120


@dataclass(frozen=True)
class Doubt:
    """Something that the files do not say clearly.

    Attributes:
        question: in a sentence.
        options: possible answers, the most likely first; none if a person must say it in a reading.
        given: what the reading must say for the question to arise, by dotted path: another answer may have chosen
            other tables.
    """

    question: str
    options: tuple[Option, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The question with its answers."""
        answers = [f"{option.label}: {option.typed}".rstrip(": ") for option in self.options]
        return f"{self.question} {'; or '.join(answers)}." if answers else self.question

    def settled_by(self, paths: frozenset[str]) -> bool:
        """Whether a person who set these fields of the reading answered the question."""
        return any(paths.intersection(option.changes) for option in self.options)

    def arises(self, reading: Reading) -> bool:
        """Whether the question is about this reading."""
        record = _as_json(reading)
        return all(_at(record, path) == value for path, value in self.given.items())


def _as_json(reading: Reading) -> Any:
    return json.loads(json.dumps(reading.to_json()))


def _at(record: Any, path: str) -> Any:
    """The value at a dotted path; None where there is nothing."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _typed(value: object) -> str:
    """A value as it is typed after `--set path=`."""
    if value is None:
        return "none"
    if isinstance(value, str) and value.isidentifier():
        return value
    written = json.dumps(value, ensure_ascii=False)
    return written if isinstance(value, int | float) else f"'{written}'"


def changed(reading: Reading, changes: Mapping[str, Any]) -> Reading:
    """A reading with other values in some fields.

    Args:
        changes: values by dotted path, such as `qrels.grade` or `corpus.table.header`; None removes a field.

    Raises:
        DatasetError: there is no such field, or a value does not fit.
    """
    record = _as_json(reading)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = record
        for name in parents:
            place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise DatasetError(f"the reading has no {path}: {'.'.join(parents)} is not there; give it whole")
        place[last] = value
    return Reading.from_json(record)
