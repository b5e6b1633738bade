"""Which experiment a person means by an id, a name or the beginning of an id; nothing is guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from evaluator.domain.records import ExperimentRow
from evaluator.errors import AmbiguousNameError, UnknownNameError

LISTED = 8
"""Candidates that a message lists; the others are counted."""


def meant(rows: Sequence[ExperimentRow], reference: str, *, beginnings: bool = True) -> ExperimentRow:
    """The experiment that has the id, else the only one of the name, else the only one whose id begins like this.

    One experiment under several judgments of its dataset, as editing them leaves it, is one: the newest is meant.

    Args:
        rows: all experiments, the last submitted first.
        beginnings: whether the beginning of an id will do, and the newest of one experiment under several judgments;
            not for what cannot be undone.

    Raises:
        AmbiguousNameError: several fit; lists them.
        UnknownNameError: none does; lists those there are.
    """
    for row in rows:
        if row.id == reference:
            return row
    called = [row for row in rows if row.name == reference]
    begun = [row for row in rows if reference and row.id.startswith(reference)]
    fitting = called or (begun if beginnings else [])
    if len(fitting) == 1 or (called and beginnings and _differ_in_judgments_alone(called)):
        return fitting[0]
    if fitting:
        fit = "are called" if called else "have an id that begins with"
        raise AmbiguousNameError(
            f"{len(fitting)} experiments {fit} {reference!r}; give the id of one: {_listed(fitting)}",
            tuple(row.id for row in fitting),
        )
    if begun:
        raise UnknownNameError(
            f"no experiment is called {reference!r}; give a whole id, not its beginning: {_listed(begun)}"
        )
    names = ", ".join(dict.fromkeys(row.name for row in rows)) or "none yet"
    raise UnknownNameError(f"no experiment is called {reference!r}; there are: {names}")


def _differ_in_judgments_alone(rows: Sequence[ExperimentRow]) -> bool:
    """Whether some experiments are one and the same but for the judgments that they are scored by."""
    return (
        len({(row.dataset_id, dataclasses.replace(row.spec, dataset="", qrels="").id) for row in rows}) == 1
    )


def _listed(rows: Sequence[ExperimentRow]) -> str:
    """Experiments with what tells them apart; when they were started is in UTC."""
    parts = [
        f"{row.id} ({row.name} on {row.dataset}, {row.started_at:%Y-%m-%d %H:%M:%S})" for row in rows[:LISTED]
    ]
    more = len(rows) - LISTED
    return ", ".join(parts) + (f" and {more:,} more" if more > 0 else "")
