"""One query's ranked lists next to each other: grades, texts, the same document elsewhere, and what was missed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document, Query
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.bounds import Bounds, score_bounds
from evaluator.domain.ranking import Ranking
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import BM25
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.inspection.marking import Marker
from evaluator.inspection.passages import Passage, hit_passages
from evaluator.library import catalog
from evaluator.library.browsing import documents_of, judged_query
from evaluator.store.ranked_lists import RecordedList, recorded_lists, variant_errors
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace

MAX_LISTS = 4
"""Lists that stand side by side for a query of the dataset."""

State = Literal["scored", "unscored", "failed", "waiting", "broken"]
"""`unscored`: the query has no relevant document, or is not the dataset's; `broken`: the whole variant failed."""


@dataclass(frozen=True)
class Hit:
    """A document in a list.

    Attributes:
        place: from 1.
        grade: None if nobody judged it.
        elsewhere: its places in the other lists, by variant, also below what is shown; None where it is not at all.
        passage: what it was found by, if the variant searches passages.
    """

    place: int
    doc_id: str
    score: float
    grade: int | None
    elsewhere: Mapping[str, int | None]
    passage: Passage | None = None


@dataclass(frozen=True)
class Missed:
    """A relevant document that is not among a list's first; `place`: where it stands further down, if at all."""

    doc_id: str
    grade: int
    place: int | None


@dataclass(frozen=True)
class ShownList:
    """The beginning of a variant's list.

    Attributes:
        error: why the query or the whole variant failed.
        retrieved: documents of the whole list.
        measures: of this query, by notation.
        seconds: of retrieval.
        bounds: of the chosen measure, under documents that nobody judged.
    """

    variant: str
    state: State
    error: str | None = None
    hits: tuple[Hit, ...] = ()
    missed: tuple[Missed, ...] = ()
    retrieved: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True)
class SideBySide:
    """A query's lists under some variants.

    Attributes:
        documents: those of all lists by id; ids that the corpus lacks are absent.
        grades: by document id.
        marker: finds the query's words in texts.
    """

    query: Query
    lists: tuple[ShownList, ...]
    documents: Mapping[str, Document]
    grades: Mapping[str, int]
    depth: int
    marker: Marker


def side_by_side(
    workspace: Workspace,
    experiment: ExperimentRow,
    query_id: str,
    variants: Sequence[str],
    measure: str,
    depth: int = 10,
) -> SideBySide:
    """A query's recorded lists, with grades from the judgments that the experiment was scored by.

    Args:
        variants: 1 to 4 names.
        measure: whose bounds are computed.
        depth: documents that are shown of each list.

    Raises:
        UnknownNameError: the query or a variant is unknown.
        InvalidInputError: there are too many variants, or none.
    """
    check_variants(experiment.spec, variants, MAX_LISTS)
    dataset = catalog.stored(workspace, experiment.spec.dataset)
    judged = judged_query(dataset, query_id)
    grades = {document.doc_id: document.grade for document in judged.judged}
    found, broken = workspace.frozen(
        lambda: (
            recorded_lists(workspace.database, experiment.id, query_id, variants),
            variant_errors(workspace.database, experiment.id),
        )
    )
    recorded = {variant: found[variant] for variant in variants if variant in found}
    bounds = _bounds(recorded, query_id, grades, measure, depth)
    lists = [
        _shown(variant, recorded, grades, depth, bounds.get(variant), broken.get(variant))
        for variant in variants
    ]
    return _with_texts(
        experiment.spec, dataset, judged.query, lists, grades, depth, dataset.query_rows[query_id]
    )


def lists_of(
    experiment: ExperimentRow,
    dataset: StoredDataset,
    text: str,
    answers: Mapping[str, RecordedList],
    variants: Sequence[str],
    depth: int = 10,
) -> SideBySide:
    """Lists of a query that is not the dataset's, without grades and measures; variants without an answer wait."""
    lists = [_shown(variant, answers, {}, depth, None, None) for variant in variants]
    return _with_texts(experiment.spec, dataset, Query("", text), lists, {}, depth, None)


def check_variants(spec: ExperimentSpec, variants: Sequence[str], most: int) -> None:
    """Refuse names that are none of the experiment's, and too many of them.

    Raises:
        UnknownNameError: a variant is unknown.
        InvalidInputError: there are too many, or none.
    """
    known = [variant.name for variant in spec.variants]
    for name in variants:
        if name not in known:
            raise UnknownNameError(
                f"the experiment {spec.name!r} has no variant {name!r}; it has: {', '.join(known)}"
            )
    if not 1 <= len(variants) <= most:
        raise InvalidInputError(f"{len(variants)} variants cannot stand side by side; choose 1 to {most}")


def _bounds(
    recorded: Mapping[str, RecordedList], query_id: str, grades: Mapping[str, int], measure: str, depth: int
) -> dict[str, Bounds]:
    found = {}
    for variant, result in recorded.items():
        if result.error is None:
            bounds = score_bounds({query_id: result.ranking}, {query_id: grades}, measure, depth)
            if query_id in bounds:
                found[variant] = bounds[query_id]
    return found


def _shown(
    variant: str,
    recorded: Mapping[str, RecordedList],
    grades: Mapping[str, int],
    depth: int,
    bounds: Bounds | None,
    broken: str | None,
) -> ShownList:
    result = recorded.get(variant)
    if result is None:
        return ShownList(variant, "broken" if broken else "waiting", broken)
    if result.error is not None:
        return ShownList(variant, "failed", without_paths(result.error))
    places = _places(result.ranking)
    others = {name: _places(other.ranking) for name, other in recorded.items() if name != variant}
    hits = [
        Hit(place, doc_id, score, grades.get(doc_id), {name: at.get(doc_id) for name, at in others.items()})
        for place, (doc_id, score) in enumerate(
            zip(result.ranking.doc_ids[:depth], result.ranking.scores, strict=False), start=1
        )
    ]
    missed = [
        Missed(doc_id, grade, places.get(doc_id))
        for doc_id, grade in grades.items()
        if grade >= 1 and places.get(doc_id, depth + 1) > depth
    ]
    missed.sort(key=lambda found: (found.place is None, found.place or 0, -found.grade))
    state: State = "scored" if result.measures else "unscored"
    return ShownList(
        variant, state, None, tuple(hits), tuple(missed), len(result.ranking), result.measures, result.seconds,
        bounds,
    )  # fmt: skip


def _places(ranking: Ranking) -> dict[str, int]:
    """Places by document id, from 1."""
    return {doc_id: place for place, doc_id in enumerate(ranking.doc_ids, start=1)}


def _with_texts(
    spec: ExperimentSpec,
    dataset: StoredDataset,
    query: Query,
    lists: Sequence[ShownList],
    grades: Mapping[str, int],
    depth: int,
    query_row: int | None,
) -> SideBySide:
    """Add the documents, and the passages that they were found by."""
    marker = Marker(query.text, _words_of(spec, [shown.variant for shown in lists]))
    complete = []
    for shown in lists:
        doc_ids = [hit.doc_id for hit in shown.hits]
        passages = hit_passages(spec, dataset, spec.variant(shown.variant), doc_ids, marker, query_row)
        hits = tuple(dataclasses.replace(hit, passage=passages.get(hit.doc_id)) for hit in shown.hits)
        complete.append(dataclasses.replace(shown, hits=hits))
    needed = {hit.doc_id for shown in lists for hit in shown.hits}
    needed |= {missed.doc_id for shown in lists for missed in shown.missed}
    return SideBySide(query, tuple(complete), documents_of(dataset, needed), grades, depth, marker)


def _words_of(spec: ExperimentSpec, variants: Sequence[str]) -> BM25:
    """How words match: as for the first of the variants that searches words."""
    stages = (stage for name in variants for stage in spec.variant(name).retrieve.leaves())
    return next((stage for stage in stages if isinstance(stage, BM25)), BM25())
