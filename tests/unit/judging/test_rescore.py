"""Rescoring: the scores of a fresh run over the new judgments, without a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.ranking import Ranking
from evaluator.domain.records import DatasetRow
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.judging.judgments import edit
from evaluator.judging.rescore import changed_queries
from evaluator.library import catalog
from evaluator.store.rescored import recorded
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import dataset_id
from tests.unit.finished import described, finished, submitted

RANKED = {
    "first": {f"q{n}": [f"d{n}", "d0", "d5"] for n in range(9)},
    "second": {f"q{n}": ["d3", f"d{n}"] if n != 3 else ["d3"] for n in range(8)} | {"q8": []},
}
FAILED = ("q9",)

Rows = dict[tuple[str, str], tuple[list[str], list[float], dict[str, float], float, str | None]]


@pytest.fixture
def tiny(library: Workspace, write_dataset: WriteDataset) -> Workspace:
    catalog.import_folder(library, write_dataset())
    return library


def rows(workspace: Workspace, experiment: str) -> Rows:
    """Everything that is recorded of an experiment, by variant and query."""
    _, rows_of, given = recorded(workspace.database, experiment)
    found = workspace.database.cursor.execute(
        f"SELECT variant, query_id, doc_ids, scores, measures, seconds, error FROM {rows_of}", given
    ).fetchall()
    return {(variant, query_id): tuple(rest) for variant, query_id, *rest in found}


def test_a_rescored_experiment_has_the_scores_of_a_fresh_one(tiny: Workspace) -> None:
    before = finished(tiny, "tiny", RANKED, FAILED)
    changes = {("q0", "d0"): None, ("q1", "d0"): 2, ("q4", "d3"): 1, ("q8", "d8"): 0, ("q9", "d1"): 1}
    row = edit(tiny, dataset_id(tiny, "tiny"), changes)
    after = lifecycle.resolve_spec(
        tiny, parse_experiment(described("tiny", list(RANKED))), row, allow_paths=False
    )
    assert after.id != before.id
    rescored = rows(tiny, after.id)
    qrels = catalog.load(tiny, row).qrels
    for variant, lists in RANKED.items():
        rankings = {query_id: Ranking(tuple(docs), (0.0,) * len(docs)) for query_id, docs in lists.items()}
        fresh = score_queries(rankings, qrels, after.measures)
        assert {query_id: rescored[variant, query_id][2] for query_id in lists} == fresh
        assert rescored[variant, "q9"][2:] == ({}, 0.0, "ValueError: no")
    unchanged = rows(tiny, before.id)
    assert {key: row[:2] for key, row in rescored.items()} == {key: row[:2] for key, row in unchanged.items()}
    assert unchanged["first", "q1"][2]["nDCG@10"] == 1.0  # the older version keeps its own scores


def test_running_a_rescored_experiment_finds_nothing_to_do(tiny: Workspace) -> None:
    finished(tiny, "tiny", RANKED | {"second": {f"q{n}": ["d3"] for n in range(9)}}, FAILED)
    finished(tiny, "tiny", {"bm25": {f"q{n}": ["d1"] for n in range(10)}}, name="whole")
    edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): 1})
    found = lifecycle.completed(tiny, parse_experiment(described("tiny", name="whole")))
    assert found is not None
    assert (found.status, found.dataset, found.n_queries) == ("finished", "tiny", 10)
    partly = next(row for row in lifecycle.all_experiments(tiny) if row.name == "look")
    assert partly.status == "finished"


def test_only_finished_experiments_over_the_previous_version_are_rescored(
    tiny: Workspace, write_dataset: WriteDataset
) -> None:
    whole = {"bm25": {f"q{n}": ["d1"] for n in range(10)}}
    catalog.import_folder(tiny, write_dataset("twin"))
    finished(tiny, "twin", whole, name="of-a-twin")
    finished(tiny, "tiny", whole, name="done")
    submitted(tiny, "tiny", name="running")
    cancelled = submitted(tiny, "tiny", name="cancelled")
    change_status(tiny.database, cancelled.id, "cancel")

    def rescored(version: DatasetRow) -> list[str]:
        return [
            row.name
            for row in lifecycle.all_experiments(tiny)
            if row.spec.dataset == version.manifest.fingerprint
        ]

    first = catalog.find(tiny, "tiny")
    second = edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): 1})
    assert rescored(second) == ["done"]
    n_experiments = len(lifecycle.all_experiments(tiny))
    back = edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): None})  # what is there already stays as it is
    assert back.manifest == first.manifest
    assert len(lifecycle.all_experiments(tiny)) == n_experiments


@given(
    before=st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xy"), st.integers(0, 1))),
    after=st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xy"), st.integers(0, 1))),
)
def test_queries_with_unchanged_judgments_keep_their_scores(
    before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]
) -> None:
    changed = set(changed_queries(before, after))
    for query_id in "abc":
        assert (query_id in changed) == (before.get(query_id, {}) != after.get(query_id, {}))
