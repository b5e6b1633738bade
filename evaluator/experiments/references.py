"""Finding an experiment by an id, a name or the beginning of an id, without guessing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from evaluator.domain.records import ExperimentRow
from evaluator.errors import AmbiguousNameError, UnknownNameError

LISTED = 8
"""The most experiments that a message lists; others are counted."""


def meant(rows: Sequence[ExperimentRow], reference: str, *, beginnings: bool = True) -> ExperimentRow:
    """The experiment with this id, else the only one with this name, else the only one whose id begins with it.

    Editing judgments rescores an experiment; experiments that differ only in judgments count as one, the newest.

    Args:
        rows: all experiments, the last submitted first.
        beginnings: whether the beginning of an id is enough, and the newest of experiments that differ only in
            judgments; False for actions that cannot be undone.

    Raises:
        AmbiguousNameError: several match; lists them.
        UnknownNameError: none matches; lists those there are.
    """
    for row in rows:
        if row.id == reference:
            return row
    same_name = [row for row in rows if row.name == reference]
    same_beginning = [row for row in rows if reference and row.id.startswith(reference)]
    matches = same_name or (same_beginning if beginnings else [])
    if len(matches) == 1 or (same_name and beginnings and _differ_only_in_judgments(same_name)):
        return matches[0]
    if matches:
        fit = "are called" if same_name else "have an id that begins with"
        raise AmbiguousNameError(
            f"{len(matches)} experiments {fit} {reference!r}; give the id of one: {_listed(matches)}",
            tuple(row.id for row in matches),
        )
    if same_beginning:
        raise UnknownNameError(
            f"no experiment is called {reference!r}; give a whole id, not its beginning: {_listed(same_beginning)}"
        )
    names = ", ".join(dict.fromkeys(row.name for row in rows)) or "none yet"
    raise UnknownNameError(f"no experiment is called {reference!r}; there are: {names}")


def _differ_only_in_judgments(rows: Sequence[ExperimentRow]) -> bool:
    """Whether experiments differ only in the judgments that score them."""
    return (
        len({(row.dataset_id, dataclasses.replace(row.spec, dataset="", qrels="").id) for row in rows}) == 1
    )


def _listed(rows: Sequence[ExperimentRow]) -> str:
    """Experiments as text, with id, name, dataset and start time (UTC)."""
    parts = [
        f"{row.id} ({row.name} on {row.dataset}, {row.started_at:%Y-%m-%d %H:%M:%S})" for row in rows[:LISTED]
    ]
    more = len(rows) - LISTED
    return ", ".join(parts) + (f" and {more:,} more" if more > 0 else "")
