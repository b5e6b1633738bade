"""One query's ranked lists side by side: grades, texts, ranks in the other lists, and missed documents."""

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
from evaluator.retrieval.texts.languages import resolved
from evaluator.store.ranked_lists import RecordedList, recorded_lists, variant_errors
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace

MAX_LISTS = 4
"""Maximum lists side by side for a query of the dataset."""

State = Literal["scored", "unscored", "failed", "waiting", "broken"]
"""`unscored`: the query has no relevant document, or is not in the dataset; `broken`: the whole variant failed."""


@dataclass(frozen=True)
class Hit:
    """A document in a list.

    Attributes:
        place: rank, from 1.
        grade: None for an unjudged document.
        elsewhere: the document's ranks in the other lists, by variant, including ranks that are not shown; None if the
            list lacks the document.
        passage: the passage because of which it was retrieved, if the variant searches passages.
    """

    place: int
    doc_id: str
    score: float
    grade: int | None
    elsewhere: Mapping[str, int | None]
    passage: Passage | None = None


@dataclass(frozen=True)
class Missed:
    """A relevant document that is not among the shown ones; `place`: its rank further down, or None."""

    doc_id: str
    grade: int
    place: int | None


@dataclass(frozen=True)
class ShownList:
    """The beginning of a variant's list.

    Attributes:
        error: why the query or the whole variant failed.
        retrieved: number of documents in the whole list.
        measures: scores of this query, by notation.
        seconds: time of retrieval.
        bounds: bounds of the chosen measure, given the unjudged documents.
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
    """A query's lists, one for each variant.

    Attributes:
        documents: the documents of all lists, by id; ids that the corpus lacks are absent.
        grades: the query's grades, by document id.
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
    """A query's recorded lists, with grades from the judgments by which the experiment was scored.

    Args:
        workspace: the workspace.
        experiment: the experiment.
        query_id: the query's id.
        variants: 1 to 4 names.
        measure: the measure whose bounds are computed.
        depth: number of documents shown of each list.

    Raises:
        UnknownNameError: the query or a variant is unknown.
        InvalidInputError: there are too many variants, or none.
    """
    check_variants(experiment.spec, variants, MAX_LISTS)
    dataset = catalog.stored(workspace, experiment.spec.dataset)
    judged = judged_query(dataset, query_id)
    grades = {document.doc_id: document.grade for document in judged.judged}
    recorded_by_name, errors = workspace.frozen(
        lambda: (
            recorded_lists(workspace.database, experiment.id, query_id, variants),
            variant_errors(workspace.database, experiment.id),
        )
    )
    recorded = {name: recorded_by_name[name] for name in variants if name in recorded_by_name}
    bounds = _bounds(recorded, query_id, grades, measure, depth)
    lists = [
        _shown(variant, recorded, grades, depth, bounds.get(variant), errors.get(variant))
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
    """Lists of a query that is not in the dataset, without grades and scores; variants without an answer wait."""
    lists = [_shown(variant, answers, {}, depth, None, None) for variant in variants]
    return _with_texts(experiment.spec, dataset, Query("", text), lists, {}, depth, None)


def check_variants(spec: ExperimentSpec, variants: Sequence[str], most: int) -> None:
    """Refuse unknown variants, and too many variants.

    Raises:
        UnknownNameError: the experiment has no variant with that name.
        InvalidInputError: there are too many variants, or none.
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
    bounds = {}
    for variant, result in recorded.items():
        if result.error is None:
            by_query = score_bounds({query_id: result.ranking}, {query_id: grades}, measure, depth)
            if query_id in by_query:
                bounds[variant] = by_query[query_id]
    return bounds


def _shown(
    variant: str,
    recorded: Mapping[str, RecordedList],
    grades: Mapping[str, int],
    depth: int,
    bounds: Bounds | None,
    variant_error: str | None,
) -> ShownList:
    result = recorded.get(variant)
    if result is None:
        return ShownList(variant, "broken" if variant_error else "waiting", variant_error)
    if result.error is not None:
        return ShownList(variant, "failed", without_paths(result.error))
    places = _places(result.ranking)
    places_elsewhere = {name: _places(other.ranking) for name, other in recorded.items() if name != variant}
    hits = [
        Hit(
            place,
            doc_id,
            score,
            grades.get(doc_id),
            {name: ranks.get(doc_id) for name, ranks in places_elsewhere.items()},
        )
        for place, (doc_id, score) in enumerate(
            zip(result.ranking.doc_ids[:depth], result.ranking.scores, strict=False), start=1
        )
    ]
    missed = [
        Missed(doc_id, grade, places.get(doc_id))
        for doc_id, grade in grades.items()
        if grade >= 1 and places.get(doc_id, depth + 1) > depth
    ]
    missed.sort(key=lambda document: (document.place is None, document.place or 0, -document.grade))
    state: State = "scored" if result.measures else "unscored"
    return ShownList(
        variant,
        state,
        hits=tuple(hits),
        missed=tuple(missed),
        retrieved=len(result.ranking),
        measures=result.measures,
        seconds=result.seconds,
        bounds=bounds,
    )


def _places(ranking: Ranking) -> dict[str, int]:
    """Ranks by document id, from 1."""
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
    """Add the documents, and the passages because of which they were retrieved."""
    marker = Marker(query.text, _bm25_parameters(spec, dataset, [shown.variant for shown in lists]))
    complete = []
    for shown in lists:
        doc_ids = [hit.doc_id for hit in shown.hits]
        passages = hit_passages(spec, dataset, spec.variant(shown.variant), doc_ids, marker, query_row)
        hits = tuple(dataclasses.replace(hit, passage=passages.get(hit.doc_id)) for hit in shown.hits)
        complete.append(dataclasses.replace(shown, hits=hits))
    needed = {hit.doc_id for shown in lists for hit in shown.hits}
    needed |= {missed.doc_id for shown in lists for missed in shown.missed}
    return SideBySide(query, tuple(complete), documents_of(dataset, needed), grades, depth, marker)


def _bm25_parameters(spec: ExperimentSpec, dataset: StoredDataset, variants: Sequence[str]) -> BM25:
    """How words match: as for the first variant with BM25, or else by default."""
    stages = (stage for name in variants for stage in spec.variant(name).retrieve.leaves())
    first = next((stage for stage in stages if isinstance(stage, BM25)), BM25.written())
    return resolved(first, dataset)
