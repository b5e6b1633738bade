"""People judge what nobody judged: the qrels take the majority, and scores follow."""

from __future__ import annotations

import pytest

from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.judging.ratings import (
    agreement,
    agreements,
    followed,
    judge,
    majority,
    mean_bounds,
    pool,
    read_guidelines,
    write_guidelines,
)
from evaluator.library import catalog
from evaluator.store.ratings import Rating, ratings
from evaluator.workspace.workspace import Workspace
from tests.recorded import dataset_id
from tests.unit.finished import finished

LISTS = {"a": {"q0": ["d3", "d0"], "q1": ["d1", "d4"]}, "b": {"q0": ["d0", "d5"], "q1": ["d4"]}}


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    """A finished experiment over q0 and q1, whose relevant documents are d0 and d1."""
    spec = finished(workspace, "tiny", LISTS)
    workspace.database.cursor.execute("UPDATE experiments SET status = 'finished' WHERE id = ?", [spec.id])
    return workspace


def grades(workspace: Workspace, query_id: str = "q0") -> dict[str, int]:
    return catalog.load(workspace, catalog.find(workspace, "tiny")).qrels[query_id]


def test_the_pool_has_the_unjudged_documents_of_all_lists(judged: Workspace) -> None:
    experiment = lifecycle.find(judged, "look")
    assert {row.document.doc_id for row in pool(judged, experiment, "q0", ["a", "b"], 10)} == {"d3", "d5"}
    assert {row.document.doc_id for row in pool(judged, experiment, "q0", ["b"], 1)} == set()


def test_a_grade_creates_the_next_version_and_new_scores(judged: Workspace) -> None:
    before = lifecycle.find(judged, "look")
    row = judge(judged, dataset_id(judged, "tiny"), " Anna ", "q0", {"d3": 2})
    assert row.version == 2
    assert grades(judged) == {"d0": 1, "d3": 2}
    assert (
        catalog.versions(judged, dataset_id(judged, "tiny"))[0].change == "1 judgment added: judged by Anna"
    )
    assert ratings(judged.database, dataset_id(judged, "tiny")) == [Rating("Anna", "q0", "d3", 2)]
    after = followed(judged, before)
    assert after is not None
    assert after.id != before.id
    # It stays up for judging: by others, or by her again.
    pooled = {row.document.doc_id: row.grades for row in pool(judged, after, "q0", ["a", "b"], 10)}
    assert pooled == {"d3": {"Anna": 2}, "d5": {}}


def test_most_raters_decide(judged: Workspace) -> None:
    judge(judged, dataset_id(judged, "tiny"), "Anna", "q0", {"d3": 0})
    judge(judged, dataset_id(judged, "tiny"), "Ben", "q0", {"d3": 2})
    assert grades(judged)["d3"] == 2  # one each: the higher
    row = judge(judged, dataset_id(judged, "tiny"), "Cleo", "q0", {"d3": 0})
    assert grades(judged)["d3"] == 0
    assert (
        judge(judged, dataset_id(judged, "tiny"), "Dan", "q0", {"d3": 0}).version == row.version
    )  # nothing changes for the qrels
    judge(judged, dataset_id(judged, "tiny"), "Dan", "q0", {"d3": None})
    judge(judged, dataset_id(judged, "tiny"), "Cleo", "q0", {"d3": None})
    judge(judged, dataset_id(judged, "tiny"), "Anna", "q0", {"d3": None})
    assert grades(judged)["d3"] == 2
    judge(judged, dataset_id(judged, "tiny"), "Ben", "q0", {"d3": None})
    assert grades(judged) == {"d0": 1}


@pytest.mark.parametrize(
    ("given", "grade"), [([], None), ([1], 1), ([0, 1], 1), ([0, 0, 2], 0), ([0, 1, 2], 2)]
)
def test_majority(given: list[int], grade: int | None) -> None:
    assert majority(given) == grade


@pytest.mark.parametrize(
    ("rater", "changes", "reason"),
    [
        ("Anna", {"d3": 1, "d0": 0}, "'d0' for 'q0' came with the dataset"),
        ("  ", {"d3": 1}, "say who judges"),
        ("A" * 61, {"d3": 1}, "no name of 60 characters"),
        ("Anna", {"d99": 1}, "no document with the id 'd99'"),
    ],
)
def test_refused_grades_are_not_saved(
    judged: Workspace, rater: str, changes: dict[str, int | None], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        judge(judged, dataset_id(judged, "tiny"), rater, "q0", changes)
    assert ratings(judged.database, dataset_id(judged, "tiny")) == []
    assert catalog.find(judged, "tiny").version == 1


def test_ratings_stay_when_a_dataset_is_renamed_and_are_deleted_with_it(judged: Workspace) -> None:
    id_ = dataset_id(judged, "tiny")
    judge(judged, id_, "Anna", "q0", {"d3": 1})
    catalog.rename(judged, "tiny", "small")
    assert dataset_id(judged, "small") == id_
    assert len(ratings(judged.database, id_)) == 1


def test_guidelines_are_stored_with_the_dataset(judged: Workspace) -> None:
    assert read_guidelines(judged, dataset_id(judged, "tiny")) == ""
    write_guidelines(judged, dataset_id(judged, "tiny"), " Relevant: about the same thing. ")
    assert read_guidelines(judged, dataset_id(judged, "tiny")) == "Relevant: about the same thing."
    with pytest.raises(UnknownNameError):
        write_guidelines(judged, dataset_id(judged, "elsewhere"), "")
    with pytest.raises(InvalidInputError, match="shorten them to 10,000"):
        write_guidelines(judged, dataset_id(judged, "tiny"), "x" * 10_001)


def test_cohens_kappa_of_two() -> None:
    """Cohen's own arithmetic: 45 of 60 agree; by chance (25+10)/60*(25+5)/60 + (5+20)/60*(10+20)/60 = 0.5."""
    counts = {(1, 1): 25, (1, 0): 10, (0, 1): 5, (0, 0): 20}
    items = [{"Anna": a, "Ben": b} for (a, b), n in counts.items() for _ in range(n)]
    shared = agreement(["Anna", "Ben"], [*items, {"Anna": 1}])
    assert (shared.documents, shared.same) == (60, 0.75)
    assert shared.kappa == pytest.approx((0.75 - 0.5) / (1 - 0.5))


def test_fleiss_kappa_of_three() -> None:
    # Two documents, all three agree on each: 1.
    items = [dict.fromkeys("ABC", 1), dict.fromkeys("ABC", 0)]
    assert agreement("ABC", items).kappa == pytest.approx(1)
    # (1, 1, 0) and (0, 0, 1): each document's agreement is 1/3, chance is 1/2: (1/3 - 1/2) / (1 - 1/2) = -1/3.
    items = [{"A": 1, "B": 1, "C": 0}, {"A": 0, "B": 0, "C": 1}]
    assert agreement("ABC", items).kappa == pytest.approx(-1 / 3)


def test_kappa_is_not_defined_where_all_grades_are_the_same() -> None:
    shared = agreement(["Anna", "Ben"], [{"Anna": 1, "Ben": 1}])
    assert (shared.same, shared.kappa) == (1.0, None)
    assert agreement(["Anna", "Ben"], [{"Anna": 1}]).documents == 0


def test_agreement_is_computed_for_all_raters_and_for_pairs(judged: Workspace) -> None:
    for rater, grade in {"Anna": 1, "Ben": 1, "Cleo": 0}.items():
        judge(judged, dataset_id(judged, "tiny"), rater, "q0", {"d3": grade})
    assert [(shared.raters, shared.same) for shared in agreements(judged, dataset_id(judged, "tiny"))] == [
        (("Anna", "Ben", "Cleo"), 0.0), (("Anna", "Ben"), 1.0), (("Anna", "Cleo"), 0.0), (("Ben", "Cleo"), 0.0),
    ]  # fmt: skip


def test_bounds_of_a_mean(judged: Workspace) -> None:
    # RR of b: q0 1; q1: d4 is not judged and first: 0, or 1 if it were relevant.
    bounds = mean_bounds(judged, lifecycle.find(judged, "look"), "b", "RR@10", 10)
    assert bounds is not None
    assert (bounds.mean, bounds.low, bounds.high, bounds.queries, bounds.unjudged) == (0.5, 0.5, 1.0, 2, 2)
    assert mean_bounds(judged, lifecycle.find(judged, "look"), "none", "RR@10", 10) is None
