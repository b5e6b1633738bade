"""Where each of two variants wins: their queries divided by tag, length, language, or number of relevant documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.analysis.pairwise import Pair
from evaluator.analysis.snapshot import Snapshot
from evaluator.datasets.health.text_statistics import UNKNOWN
from evaluator.domain.ranking import Ints
from evaluator.domain.statistics.paired import PairedTest, paired_test
from evaluator.domain.statistics.separability import Decision, decide
from evaluator.library.query_facts import QueryFacts, query_facts
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

ENOUGH: Final = 10
"""The smallest number of queries for which a slice's difference is tested."""

QUARTERS: Final = (0.25, 0.5, 0.75, 1.0)
NO_TAG: Final = "no tag"
RELEVANT: Final = ((1, "1 relevant"), (5, "2 to 5 relevant"))
"""Slices by the number of relevant documents: the largest number, and the slice's name."""
MORE_RELEVANT = "6 or more relevant"

Members = Mapping[str, Ints]
"""Positions of a slice's queries in a pair's list, by the slice's name, in display order."""

SLICES = Kind("slices")


@dataclass(frozen=True)
class Slice:
    """Some of the queries of a pair.

    Attributes:
        name: what they have in common.
        n: number of queries; a query with several tags is in several slices.
        mean_a, mean_b: means of the two variants.
        difference: the first minus the second.
        test: test of the differences; None for fewer than `ENOUGH` queries, which are too few for a conclusion.
        decision: whether the variants are separable there, corrected for all tested slices; None without a test.
    """

    name: str
    n: int
    mean_a: float
    mean_b: float
    difference: float
    test: PairedTest | None
    decision: Decision | None


def slices(workspace: Workspace, snapshot: Snapshot, pair: Pair, dimension: str) -> tuple[Slice, ...]:
    """Divide a pair's queries into slices.

    Args:
        snapshot: the snapshot behind the pair.
        dimension: one of `DIMENSIONS`.

    Raises:
        UnknownNameError: the experiment's dataset is no longer stored.
    """
    return snapshot.remember(
        SLICES,
        (*pair.outcome[:3], dimension),
        lambda: _slices(query_facts(workspace, snapshot.experiment), pair, dimension),
    )


def _slices(facts: QueryFacts, pair: Pair, dimension: str) -> tuple[Slice, ...]:
    rows = np.array([facts.rows[query_id] for query_id in pair.query_ids], dtype=np.int64)
    members = DIVIDE[dimension](facts, rows)
    tests = {
        name: paired_test(pair.scores_a[places], pair.scores_b[places], ranks=False)
        for name, places in members.items()
        if len(places) >= ENOUGH
    }
    decisions = dict(zip(tests, decide([test.evidence for test in tests.values()]), strict=True))
    return tuple(
        Slice(
            name,
            len(places),
            float(pair.scores_a[places].mean()),
            float(pair.scores_b[places].mean()),
            float(pair.differences[places].mean()),
            tests.get(name),
            decisions.get(name),
        )
        for name, places in members.items()
    )


def _by_tag(facts: QueryFacts, rows: Ints) -> Members:
    """Slices by tag, the most frequent first; queries without a tag come last."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        for tag in dict.fromkeys(facts.tags[row]) or [NO_TAG]:
            places.setdefault(tag, []).append(place)
    tags = sorted(places, key=lambda tag: (tag == NO_TAG, -len(places[tag]), tag))
    return {tag: np.array(places[tag]) for tag in tags}


def _by_length(facts: QueryFacts, rows: Ints) -> Members:
    """Four bins of about equally many queries, the shortest first; fewer bins if many queries are equally long."""
    words = facts.words[rows]
    limits = np.unique(np.quantile(words, QUARTERS, method="inverted_cdf")).astype(int).tolist()
    members, above = {}, int(words.min()) - 1
    for limit in limits:
        members[_words(above + 1, limit)] = np.flatnonzero((words > above) & (words <= limit))
        above = limit
    return members


def _words(first: int, last: int) -> str:
    if first == last:
        return "1 word" if first == 1 else f"{first} words"
    return f"{first} to {last} words"


def _by_language(facts: QueryFacts, rows: Ints) -> Members:
    """Slices by language, the most frequent first; queries too short to recognise come last."""
    codes = np.array([facts.languages[row] for row in rows], dtype=np.str_)
    found, counts = np.unique(codes, return_counts=True)
    order = np.lexsort((-counts, found == UNKNOWN))
    return {str(found[place]): np.flatnonzero(codes == found[place]) for place in order}


def _by_relevant(facts: QueryFacts, rows: Ints) -> Members:
    """Slices with one, some and many relevant documents; empty ones are left out."""
    relevant = facts.relevant[rows]
    members, above = {}, 0
    for limit, name in (*RELEVANT, (int(relevant.max()), MORE_RELEVANT)):
        members[name] = np.flatnonzero((relevant > above) & (relevant <= limit))
        above = limit
    return {name: places for name, places in members.items() if len(places)}


DIVIDE: Mapping[str, Callable[[QueryFacts, Ints], Members]] = {
    "length": _by_length,
    "relevant": _by_relevant,
    "language": _by_language,
    "tag": _by_tag,
}
"""The function that divides queries, by dimension."""

DIMENSIONS: Mapping[str, str] = {
    "length": "Query length",
    "relevant": "Relevant documents",
    "language": "Language",
    "tag": "Tag",
}
"""The labels of the dimensions."""
