"""Judging unjudged documents: several raters may grade a document, and the majority's grade goes into the qrels.

Raters judge documents without a grade, or whose grade came from raters. Judgments that came with the dataset are never
overruled; they are edited with the dataset.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluator.domain.access import Action
from evaluator.domain.dataset import Document
from evaluator.domain.fingerprint import text_key
from evaluator.domain.measures.bounds import score_bounds
from evaluator.domain.records import DatasetRow, ExperimentRow
from evaluator.domain.teamwork.deeds import Deed, dataset_of
from evaluator.errors import ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.judging import judgments
from evaluator.judging.rescore_after_edits import follow
from evaluator.library import catalog
from evaluator.library.browsing import documents_of, judged_query
from evaluator.store import experiments
from evaluator.store.ranked_lists import recorded_lists, scored_lists
from evaluator.store.ratings import Rating, guidelines, ratings, save_guidelines, save_ratings
from evaluator.workspace.acting import acting, needs, require
from evaluator.workspace.log import note
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

BOUNDS = Kind("bounds of means", 64)

MAX_RATER, MAX_GUIDELINES = 60, 10_000
"""Maximum characters of a rater's name, and of guidelines."""

Ratings = Mapping[str, Mapping[str, int]]
"""Grades by document id, then rater."""


class DocumentToJudge(NamedTuple):
    """A document to judge, with its grades by rater."""

    document: Document
    grades: Mapping[str, int]


@dataclass(frozen=True)
class MeanBounds:
    """A variant's mean score, and the means if none or all of the unjudged documents at the top were relevant.

    Attributes:
        queries: number of scored queries, over which the means are taken.
        unjudged: number of unjudged documents at the top, over all these queries.
    """

    variant: str
    mean: float
    low: float
    high: float
    queries: int
    unjudged: int


@dataclass(frozen=True)
class Agreement:
    """How far raters agree on the documents that all of them graded.

    Attributes:
        raters: two raters, or all.
        documents: number of pairs of query and document that each of these raters graded.
        same: share of these pairs with the same grade from each rater.
        kappa: Cohen's (1960) of two raters, Fleiss' (1971) of more; None if chance alone explains everything
            (all grades are the same), or if there is no shared document.
    """

    raters: tuple[str, ...]
    documents: int
    same: float | None
    kappa: float | None


def pool(
    workspace: Workspace, experiment: ExperimentRow, query_id: str, variants: Sequence[str], depth: int
) -> list[DocumentToJudge]:
    """Documents to judge among the first `depth` of any of these variants' lists.

    They are in the order of a hash, so that a rater cannot see which variant retrieved a document, or at which rank.
    """
    newest = catalog.by_id(workspace, experiment.dataset_id).manifest
    dataset = catalog.stored(workspace, newest.fingerprint)
    recorded = recorded_lists(workspace.database, experiment.id, query_id, variants)
    top = {doc_id for result in recorded.values() for doc_id in result.ranking.doc_ids[:depth]}
    grades = by_document(ratings(workspace.database, experiment.dataset_id, query_id))
    graded = {judged.doc_id for judged in judged_query(dataset, query_id).judged}
    wanted = {doc_id for doc_id in top if doc_id not in graded or doc_id in grades}
    documents = documents_of(dataset, wanted)
    order = sorted(documents, key=lambda doc_id: text_key(f"{query_id} {doc_id}"))
    return [DocumentToJudge(documents[doc_id], grades.get(doc_id, {})) for doc_id in order]


@needs(Action.JUDGE)
def judge(
    workspace: Workspace, dataset: int, rater: str, query_id: str, grades: Mapping[str, int | None]
) -> DatasetRow:
    """Save a rater's grades, and update the judgments by majority as a new version with new scores.

    Args:
        workspace: the workspace.
        dataset: the dataset's id.
        rater: the rater's name; on an instance with accounts, that of whoever is acting.
        query_id: the query for which documents are graded.
        grades: grades by document id; None withdraws a grade.

    Raises:
        InvalidInputError: the rater's name is invalid, a judgment came with the dataset, or `judgments.edit` refuses
            the changes. Nothing is saved then.
        NotRescoredError: everything is saved, but experiments will be rescored later.
        ForbiddenError: somebody who is signed in judges in the name of somebody else.
    """
    rater = checked_rater(rater)
    person = acting()
    if person.account is not None and rater != person.name:
        raise ForbiddenError(f"{person.name} may not judge as {rater}; judge under your own name")
    with catalog.CHANGES:
        row = catalog.by_id(workspace, dataset)
        require(Action.JUDGE, row.project)
        ratings_before = by_document(ratings(workspace.database, row.id, query_id))
        judged = catalog.load(workspace, row).qrels.get(query_id, {})
        changes: dict[tuple[str, str], int | None] = {}
        for doc_id, grade in grades.items():
            before = ratings_before.get(doc_id, {})
            if doc_id in judged and not before:
                raise InvalidInputError(
                    f"the judgment of {doc_id!r} for {query_id!r} came with the dataset; edit it there"
                )
            others = [other_grade for name, other_grade in before.items() if name != rater]
            changes[query_id, doc_id] = majority([*others, *([] if grade is None else [grade])])
        # Ratings are saved first: a judgment without a rating would count as one that came with the dataset, for ever.
        save_ratings(workspace.database, row.id, rater, query_id, grades)
        try:
            saved = judgments.save(workspace, row.id, changes, f"judged by {rater}")
        except BaseException:
            grades_before = {doc_id: ratings_before.get(doc_id, {}).get(rater) for doc_id in grades}
            save_ratings(workspace.database, row.id, rater, query_id, grades_before)
            raise
    what = f"{saved.name}: {len(grades):,} of the query {query_id}"
    note(workspace, Deed.JUDGED, what, dataset_of(saved.id), by=rater, project=saved.project)
    follow(workspace, saved)
    return catalog.by_id(workspace, row.id)


def majority(grades: Sequence[int]) -> int | None:
    """The grade that most raters gave; the highest of equally frequent grades, because relevance is easily missed.

    None without any grade.
    """
    counts = Counter(grades)
    return max(counts, key=lambda grade: (counts[grade], grade), default=None)


def by_document(rows: Iterable[Rating]) -> dict[str, dict[str, int]]:
    """Ratings of one query as grades by document id, then rater."""
    grades: dict[str, dict[str, int]] = {}
    for rating in rows:
        grades.setdefault(rating.doc_id, {})[rating.rater] = rating.grade
    return grades


def followed(workspace: Workspace, experiment: ExperimentRow) -> ExperimentRow | None:
    """The same experiment rescored by the dataset's newest judgments; None if it does not exist."""
    newest = catalog.by_id(workspace, experiment.dataset_id).manifest
    spec = dataclasses.replace(experiment.spec, dataset=newest.fingerprint, qrels=newest.qrels)
    try:
        return experiments.experiment(workspace.database, spec.id)
    except UnknownNameError:
        return None


def agreements(workspace: Workspace, dataset: int) -> list[Agreement]:
    """Agreement of a dataset's raters: of all if there are more than two, then of each pair with shared documents."""
    items: dict[tuple[str, str], dict[str, int]] = {}
    for rating in ratings(workspace.database, dataset):
        items.setdefault((rating.query_id, rating.doc_id), {})[rating.rater] = rating.grade
    raters = sorted({rater for grades in items.values() for rater in grades})
    groups = [tuple(raters)] if len(raters) > 2 else []
    groups += itertools.combinations(raters, 2)
    results = [agreement(group, list(items.values())) for group in groups]
    return [result for result in results if result.documents]


def agreement(raters: Sequence[str], items: Sequence[Mapping[str, int]]) -> Agreement:
    """Agreement of some raters.

    Args:
        raters: the raters' names.
        items: grades by rater, one mapping per document; documents that not all of the raters graded are skipped.
    """
    shared = [[grades[rater] for rater in raters] for grades in items if all(r in grades for r in raters)]
    if not shared:
        return Agreement(tuple(raters), 0, None, None)
    same = sum(len(set(grades)) == 1 for grades in shared) / len(shared)
    return Agreement(tuple(raters), len(shared), same, _kappa(shared))


def _kappa(shared: list[list[int]]) -> float | None:
    """Kappa of grades [n_documents][n_raters], computed by statsmodels."""
    if len({grade for grades in shared for grade in grades}) < 2:
        return None
    from statsmodels.stats import inter_rater  # noqa: PLC0415  takes two seconds, and only kappa needs it

    table = np.asarray(shared)
    if table.shape[1] == 2:
        kappa = inter_rater.cohens_kappa(inter_rater.to_table(table)[0], return_results=False)
    else:
        kappa = inter_rater.fleiss_kappa(inter_rater.aggregate_raters(table)[0])
    return None if math.isnan(kappa) else float(kappa)


def mean_bounds(
    workspace: Workspace, experiment: ExperimentRow, variant: str, measure: str, depth: int
) -> MeanBounds | None:
    """Bounds of a variant's mean, given unjudged documents among the first `depth`; None without a scored query.

    All lists are scored again once more of the experiment is recorded, which takes seconds for 10,000 queries.
    """
    return workspace.memory.get(
        BOUNDS,
        (experiment.id, experiment.revision, variant, measure, depth),
        lambda: workspace.frozen(lambda: _mean_bounds(workspace, experiment, variant, measure, depth)),
    )


def _mean_bounds(
    workspace: Workspace, experiment: ExperimentRow, variant: str, measure: str, depth: int
) -> MeanBounds | None:
    qrels = catalog.stored(workspace, experiment.spec.dataset).qrels
    scores: list[float] = []
    lows: list[float] = []
    highs: list[float] = []
    unjudged = 0
    for batch in scored_lists(workspace.database, experiment.id, variant, measure):
        bounds = score_bounds({query_id: ranking for query_id, ranking, _ in batch}, qrels, measure, depth)
        for query_id, _, value in batch:
            if query_id not in bounds:  # the query has a recorded score but none under the assumed judgments
                continue
            scores.append(value)
            lows.append(bounds[query_id].low)
            highs.append(bounds[query_id].high)
            unjudged += bounds[query_id].unjudged
    if not scores:
        return None
    mean, low, high = (float(np.mean(values)) for values in (scores, lows, highs))
    return MeanBounds(variant, mean, low, high, len(scores), unjudged)


def read_guidelines(workspace: Workspace, dataset: int) -> str:
    """The guidelines for a dataset's raters."""
    return guidelines(workspace.database, dataset)


@needs(Action.EDIT)
def write_guidelines(workspace: Workspace, dataset: int, text: str) -> None:
    """Set the guidelines for a dataset's raters.

    Raises:
        InvalidInputError: the text is too long.
        UnknownNameError: the dataset was deleted in the meantime.
    """
    if len(text) > MAX_GUIDELINES:
        raise InvalidInputError(
            f"the guidelines have {len(text):,} characters; shorten them to {MAX_GUIDELINES:,}"
        )
    row = catalog.by_id(workspace, dataset)
    require(Action.EDIT, row.project)
    save_guidelines(workspace.database, row.id, text.strip())
    note(
        workspace,
        Deed.DATASET_SET,
        f"{row.name}: guidelines for raters",
        dataset_of(row.id),
        project=row.project,
    )


def checked_rater(rater: str) -> str:
    """A rater's name, stripped.

    Raises:
        InvalidInputError: the name is empty, too long, or holds a character that cannot be printed.
    """
    rater = rater.strip()
    if not rater:
        raise InvalidInputError("say who judges: raters are told apart by their names")
    if len(rater) > MAX_RATER or not rater.isprintable():
        raise InvalidInputError(f"{rater[:20]!r} is no name of {MAX_RATER} characters at most; use another")
    return rater
