"""An experiment's queries, filtered and sorted for a person who browses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.domain.dataset import Query
from evaluator.domain.ranking import Doubles
from evaluator.domain.records import ExperimentRow
from evaluator.library import catalog
from evaluator.store.ranked_lists import failed_queries
from evaluator.workspace.workspace import Workspace

Order = Literal["first", "second", "given"]
"""Sorted by the lead of the first of two variants, by the lead of the second, or as in the dataset."""


@dataclass(frozen=True)
class QueryLine:
    """A query in the list.

    Attributes:
        difference: the first variant's score minus the second's; with one variant, its score; None if a score is
            missing.
        failed: whether the query failed with one of the variants.
    """

    query: Query
    difference: float | None
    failed: bool


@dataclass(frozen=True)
class Position:
    """A query's place in a list, from 1 (None: not in the list), and the ids before and after it."""

    place: int | None
    total: int
    previous: str | None
    next: str | None


def listed_queries(
    workspace: Workspace,
    experiment: ExperimentRow,
    variants: Sequence[str],
    measure: str,
    order: Order = "first",
    tag: str = "",
    search: str = "",
) -> list[QueryLine]:
    """Queries that match, the failed ones first, then by the difference between the first two variants.

    Args:
        workspace: the workspace.
        experiment: the experiment.
        variants: one or more. With a single variant, its worst queries come first.
        measure: the measure of the scores.
        order: how queries are sorted.
        tag: only queries with this tag; empty: all queries.
        search: only queries with this in id or text, ignoring case.

    Raises:
        UnknownNameError: the experiment was deleted in the meantime.
    """
    queries = catalog.stored(workspace, experiment.spec.dataset).queries

    def read() -> tuple[dict[str, float], set[str]]:
        snapshot = read_snapshot(workspace, experiment.id)
        return (
            _differences(snapshot, variants, measure),
            failed_queries(workspace.database, experiment.id, variants),
        )

    differences, failed = workspace.frozen(read)
    wanted = search.casefold()
    lines = [
        QueryLine(query, differences.get(query.query_id), query.query_id in failed)
        for query in queries
        if (not tag or tag in query.tags)
        and (wanted in query.text.casefold() or wanted in query.query_id.casefold())
    ]
    if order == "given":
        return lines
    sign = -1.0 if (order == "first") == (len(variants) > 1) else 1.0
    return sorted(
        lines,
        key=lambda line: (
            not line.failed,
            line.difference is None,
            0.0 if line.difference is None else sign * line.difference,
        ),
    )


def position(lines: Sequence[QueryLine], query_id: str) -> Position:
    """A query's position in a list; the first query of the list follows a query that is not in the list."""
    ids = [line.query.query_id for line in lines]
    if query_id not in ids:
        return Position(None, len(ids), None, ids[0] if ids else None)
    place = ids.index(query_id)
    return Position(
        place + 1,
        len(ids),
        ids[place - 1] if place else None,
        ids[place + 1] if place + 1 < len(ids) else None,
    )


def tags_of(workspace: Workspace, experiment: ExperimentRow) -> list[str]:
    """All tags of an experiment's queries, sorted."""
    queries = catalog.stored(workspace, experiment.spec.dataset).queries
    return sorted({tag for query in queries for tag in query.tags})


def _differences(snapshot: Snapshot, variants: Sequence[str], measure: str) -> dict[str, float]:
    """Score differences by query id, for queries with a score of each variant."""
    scores = snapshot.scores(measure)
    rows = {variant: row for row, variant in enumerate(scores.variants)}
    if any(variant not in rows for variant in variants[:2]):
        return {}
    values: Doubles = scores.values[rows[variants[0]]]
    if len(variants) > 1:
        values = values - scores.values[rows[variants[1]]]
    scored = np.flatnonzero(~np.isnan(values))
    return {scores.query_ids[column]: float(values[column]) for column in scored.tolist()}
